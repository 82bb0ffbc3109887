"""Each way in which TLS fails: what the library says, and what chatter says to do.

With a real server each time. All of them fail by default: nothing has to be asked for.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from chatroom.client import ServerUnavailable, Tls, connect
from chatroom.server.settings import Tls as ServerTls
from tests.carriers import run
from tests.launch.program import ran
from tests.server.services import running

from .certificates import Pair
from .issued import DAY, Issuer, issue


@dataclass(frozen=True)
class Files:
    """Of a CA that is trusted here, or not."""

    ca: Path
    stranger_ca: Path
    pairs: dict[str, Pair]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    directory = tmp_path_factory.mktemp("issued")
    ca, stranger = Issuer.new("ca"), Issuer.new("stranger")

    def made(name: str, host: str, by: Issuer | None, **when: object) -> tuple[str, Pair]:
        place = directory / name
        place.mkdir()
        return name, issue(place, host, by, **when)  # type: ignore[arg-type] # begins, ends

    return Files(
        ca.write(directory / "ca.pem"),
        stranger.write(directory / "stranger.pem"),
        dict(
            (
                made("good", "localhost", ca),
                made("expired", "localhost", ca, begins=-3 * DAY, ends=-2 * DAY),
                made("early", "localhost", ca, begins=2 * DAY, ends=3 * DAY),
                made("other name", "elsewhere.example", ca),
                made("by itself", "localhost", None),
                made("client", "client", ca),
                made("client of another", "client", stranger),
                made("expired client", "client", ca, begins=-3 * DAY, ends=-2 * DAY),
            )
        ),
    )


@dataclass(frozen=True)
class Case:
    """A server and a client that do not fit."""

    cause: str
    library: str
    """Its advice."""
    chatter: str
    shows: str = "good"
    """The server's certificate; empty: it speaks plaintext."""
    trusts: str = "ca"
    """What the client trusts; empty: it asks in plaintext."""
    asks: bool = False
    """Whether the server wants a client's certificate."""
    client: str = ""


WANTS = Case(
    "it wants a TLS certificate from its clients that it trusts",
    "tls=Tls(certificate=…, key=…) shows one",
    "--cert FILE and --key FILE show one",
    asks=True,
)
CASES = {
    "expired": Case(
        "its TLS certificate has expired",
        "whoever runs the server has to renew it",
        "whoever runs the server has to renew it",
        shows="expired",
    ),
    "not yet valid": Case(
        "its TLS certificate is not valid yet",
        "is the clock of this machine right?",
        "is the clock of this machine right?",
        shows="early",
    ),
    "wrong name": Case(
        "its TLS certificate is for another name",
        "connect by a name that it has, or say tls=Tls(server_name=…)",
        "connect by a name that it has, or say server-name in the configuration file",
        shows="other name",
    ),
    "self-signed": Case(
        "its TLS certificate is signed by itself alone",
        "if you know that it is the right one, tls=Tls(ca=…) with a copy of it trusts it",
        "if you know that it is the right one, --ca FILE with a copy of it trusts it",
        shows="by itself",
    ),
    "unknown CA": Case(
        "its TLS certificate is from a CA that is not trusted here",
        "tls=Tls(ca=…) names a CA to trust; or the server does not send its whole chain",
        "--ca FILE names a CA to trust",
        trusts="stranger",
    ),
    "plaintext server": Case(
        "it does not speak TLS",
        "insecure=True connects without, and protects nothing",
        "--insecure connects without, and protects nothing",
        shows="",
    ),
    "asked in plaintext": Case(
        "it closes the connection at once",
        "does it want TLS? tls=Tls(ca=…) speaks that, where plaintext is the default",
        "does it want TLS? leave out --insecure, and on this machine say --ca FILE",
        trusts="",
    ),
    "no client certificate": WANTS,
    "a client certificate of another CA": Case(
        WANTS.cause, WANTS.library, WANTS.chatter, asks=True, client="client of another"
    ),
    "an expired client certificate": Case(
        WANTS.cause, WANTS.library, WANTS.chatter, asks=True, client="expired client"
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_a_failure_says_what_to_do(what: str, files: Files) -> None:
    """The cause in the same words for both; and for each what its user can do."""
    case = CASES[what]
    shown = files.pairs.get(case.shows)
    server_tls = shown and ServerTls(
        certificate=shown.certificate, key=shown.key, client_ca=files.ca if case.asks else None
    )
    pair = files.pairs.get(case.client)
    ca = {"ca": files.ca, "stranger": files.stranger_ca}.get(case.trusts)
    tls = ca and Tls(ca=ca, certificate=pair and pair.certificate, key=pair and pair.key)
    options = ["--ca", str(ca)] if ca else []
    if pair:
        options += ["--cert", str(pair.certificate), "--key", str(pair.key)]

    async def scene() -> None:
        async with running(tls=server_tls) as server:
            address = f"localhost:{server.port}"
            async with connect(address, tls=tls) as chat:
                with pytest.raises(ServerUnavailable) as failure:
                    await chat.rooms()
            expected = f"cannot reach {address}: {case.cause}"
            assert f"{expected} ({case.library})" == str(failure.value)
            assert (case.cause, case.library) == (failure.value.cause, failure.value.advice)
            said = await asyncio.to_thread(chatter, "list", "--host", address, *options)
            assert f"chatter: {expected} ({case.chatter})\n" == said

    run(scene())


def chatter(*arguments: str) -> str:
    """What it says on standard error when it fails."""
    # By an interpreter of its own: gRPC asks the environment what to log when it is loaded.
    done = subprocess.run(
        [sys.executable, "-m", "chatroom.chatter", *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (1, "") == (done.returncode, done.stdout)
    return done.stderr


def test_a_self_signed_certificate_can_be_trusted(files: Files) -> None:
    """A copy of it as CA, as the advice says; and a client certificate by chatter's options."""
    shown, client = files.pairs["by itself"], files.pairs["client"]

    async def scene() -> None:
        tls = ServerTls(certificate=shown.certificate, key=shown.key, client_ca=files.ca)
        async with running(tls=tls, rooms=("lobby",)) as server:
            done = await asyncio.to_thread(
                ran,
                ["-m", "chatroom.chatter", "list", "--host", f"localhost:{server.port}",
                 "--ca", str(shown.certificate),
                 "--cert", str(client.certificate), "--key", str(client.key)],
                capture_output=True, text=True, timeout=60,
            )  # fmt: skip
            assert (0, "") == (done.returncode, done.stderr)
            assert "lobby" in done.stdout

    run(scene())
