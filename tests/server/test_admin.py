"""The admin token: who may create and delete rooms and remove members."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
from http.client import HTTPConnection
from pathlib import Path

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.client import Removed, TokenRefused, connect
from chatroom.core.grants import NOTHING
from chatroom.core.refusals import TokenInvalid
from chatroom.server.access.access import ADMIN, Access
from chatroom.server.access.admin import TOKEN_BYTES, AdminToken, AdminTokenUnusable
from tests.carriers import CARRIERS, Ended, run
from tests.client.certificates import authority
from tests.client.recovering import rest
from tests.launch.program import started
from tests.server.services import running
from tests.server.test_command_line import COMMAND, serving, usage

TOKEN = "se-cret+/=~"
RIGHT = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with the token, as one would make it."""
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("protocol", CARRIERS)
def test_admin_methods_need_the_token_over_every_protocol(protocol: str, file: Path) -> None:
    """None and a wrong one are told apart; everything else is for everybody, as before."""
    wrong = {"authorization": f"Bearer {TOKEN}!"}
    other_scheme = {"authorization": f"Basic {TOKEN}"}

    async def scene() -> None:
        async with running(admin_token_file=file, rooms=("lobby",)) as server:
            alice = await server.join("lobby", "Alice")
            carrier = CARRIERS[protocol](server.port)
            requests = {
                "CreateChatRoom": pb.CreateChatRoomRequest(room_id="new"),
                "RemoveMember": pb.RemoveMemberRequest(room_id="lobby", name="Alice"),
                "DeleteChatRoom": pb.DeleteChatRoomRequest(room_id="lobby"),
            }
            for method, request in requests.items():
                for headers, reason in (
                    (None, "TOKEN_REQUIRED"),
                    (other_scheme, "TOKEN_REQUIRED"),
                    (wrong, "TOKEN_INVALID"),
                ):
                    with pytest.raises(Ended) as ended:
                        await carrier.call(method, request, headers)
                    assert ("UNAUTHENTICATED", reason) == (ended.value.code, ended.value.reason)
                    assert "token" in ended.value.message
            listed = await carrier.call("ListChatRooms", pb.ListChatRoomsRequest())
            assert ["lobby"] == [room.room_id for room in listed.chat_rooms]
            members = await carrier.call("ListMembers", pb.ListMembersRequest(room_id="lobby"))
            assert ["Alice"] == [member.name for member in members.members]
            await carrier.call("ListMessages", pb.ListMessagesRequest(room_id="lobby"))
            for method, request in requests.items():
                await carrier.call(method, request, RIGHT)
            with pytest.raises(Ended):
                await alice.rest()
            await carrier.close()

    run(scene())


def test_over_http_the_status_is_401_with_its_challenge(file: Path) -> None:
    """RFC 9110, section 15.5.2."""

    def ask(port: int) -> tuple[int, str | None, str]:
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        headers = {"content-type": "application/json"}
        connection.request("POST", "/rpc.ChatService/CreateChatRoom", "{}", headers)
        answer = connection.getresponse()
        code = json.loads(answer.read())["code"]
        connection.close()
        return answer.status, answer.headers["www-authenticate"], code

    async def scene() -> None:
        async with running(admin_token_file=file) as server:
            answer = await asyncio.to_thread(ask, server.port)
            assert (401, "Bearer", "unauthenticated") == answer

    run(scene())


def test_the_client_library_shows_it(file: Path) -> None:
    """With the token it administers; without it there is an error of its own type."""

    async def scene() -> None:
        async with running(admin_token_file=file, rooms=("lobby",)) as server:
            address = f"127.0.0.1:{server.port}"
            async with connect(address) as guest, connect(address, token=TOKEN) as admin:
                for call in (
                    guest.create_room("new"),
                    guest.remove_member("lobby", "Bob"),
                    guest.delete_room("lobby"),
                ):
                    with pytest.raises(TokenRefused, match="send a token as authorization"):
                        await call
                await admin.create_room("new")
                async with guest.join("lobby", "Bob") as bob:
                    await admin.remove_member("lobby", "Bob")
                    _, failure = await rest(bob)
                    assert isinstance(failure, Removed)
                await admin.delete_room("lobby")

    run(scene())


@pytest.mark.parametrize(
    "authorization", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER   {TOKEN} "]
)
def test_the_scheme_is_compared_as_http_does(file: Path, authorization: str) -> None:
    """In either case (RFC 9110, section 11.1)."""
    assert access(file).identity(authorization) is ADMIN


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", TOKEN, "Digest x"])
def test_what_is_no_bearer_token_counts_as_none(file: Path, authorization: str) -> None:
    assert NOTHING is access(file).identity(authorization).grant


@pytest.mark.parametrize(
    "shown", ["x", TOKEN[:-1], f"{TOKEN}x", TOKEN.upper(), "schlüssel", "\ud800", f"{TOKEN} x"]
)
def test_only_the_token_itself_is_right(file: Path, shown: str) -> None:
    with pytest.raises(TokenInvalid):
        access(file).identity(f"Bearer {shown}")


def access(file: Path) -> Access:
    token = AdminToken(file)
    token.read()
    return Access(NOTHING, admin=token)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b" \n\n", "it is empty"),
        (b"two words", "a token is one line"),
        (b"two\nlines", "a token is one line"),
        ("schlüssel".encode(), "a token is one line"),
        (b"x" * (TOKEN_BYTES + 1), f"it has more than {TOKEN_BYTES} bytes"),
    ],
)
def test_a_file_without_a_token_does_not_start_a_server(
    file: Path, content: bytes, why: str
) -> None:
    """Exit code 1 and a sentence that names the file."""
    file.write_bytes(content)
    code, stderr = usage("--in-memory", "--bind", "127.0.0.1:0", "--admin-token-file", str(file))
    assert 1 == code
    assert f"chatserver: cannot use {file} as admin token: {why}" in stderr


def test_a_missing_file_is_wrong_usage(tmp_path: Path) -> None:
    """Also when the environment names it."""
    code, stderr = usage("--in-memory", CHATSERVER_ADMIN_TOKEN_FILE=str(tmp_path / "none"))
    assert 2 == code
    assert "does not exist" in stderr


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_may_write_is_refused(file: Path, mode: int) -> None:
    """They could make themselves admins."""
    file.chmod(mode)
    with pytest.raises(AdminTokenUnusable, match="others may write it; chmod 600 helps"):
        AdminToken(file).read()


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, False), (0o644, True)])
def test_a_file_that_everybody_may_read_is_warned_of(
    file: Path, mode: int, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """And used: it is how container platforms hand out secrets."""
    file.chmod(mode)
    with caplog.at_level(logging.WARNING):
        AdminToken(file).read()
    assert warned == (f"everybody on this machine may read {file}" in caplog.text)


def test_a_changed_file_is_read_again_when_asked(file: Path) -> None:
    """And one that has become unusable is not taken."""
    token = AdminToken(file)
    token.read()
    file.write_text("another")
    assert token.is_shown(TOKEN)
    token.read()
    assert token.is_shown("another")
    assert not token.is_shown(TOKEN)
    file.write_text("")
    with pytest.raises(AdminTokenUnusable):
        token.read()
    assert token.is_shown("another")


@pytest.mark.skipif(os.name != "posix", reason="there are no such files")
def test_a_pipe_in_place_of_the_file_is_not_waited_for(file: Path) -> None:
    """Whoever sends SIGHUP does not stop the server by it, and the last token stays."""
    token = AdminToken(file)
    token.read()
    file.unlink()
    os.mkfifo(file, 0o600)
    with pytest.raises(AdminTokenUnusable, match="it has to be a file"):
        token.read()
    assert token.is_shown(TOKEN)


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGHUP")
def test_sighup_without_anything_to_read_ends_nothing() -> None:
    """It is how logs are rotated and terminals closed: the server says so and goes on."""
    with serving("--in-memory") as (process, port):
        assert process.stderr is not None

        async def create() -> None:
            async with asyncio.timeout(30), connect(f"127.0.0.1:{port}") as chat:
                await chat.create_room()

        process.send_signal(signal.SIGHUP)
        assert "there is nothing to read again" in process.stderr.readline()
        asyncio.run(create())


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGHUP")
def test_sighup_during_the_start_ends_nothing(tmp_path: Path) -> None:
    """The file is read again once the server gets to it, and the server starts."""
    file = tmp_path / "pipe"
    os.mkfifo(file, 0o600)
    process = started(
        [*COMMAND, "--bind", "127.0.0.1:0", "--in-memory", "--admin-token-file", str(file)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        with file.open("w") as pipe:  # as soon as the server wants to read it
            process.send_signal(signal.SIGHUP)
            file.unlink()
            file.touch(0o600)
            file.write_text(TOKEN)
            pipe.write(TOKEN)
        assert "read the admin token again" in process.stderr.readline()
        assert any("listening on" in line for line in process.stderr)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGHUP")
def test_sighup_reads_certificates_although_the_token_is_of_no_use(
    file: Path, tmp_path: Path
) -> None:
    """What can be read again is; what cannot stays as it was."""
    shown = authority(tmp_path, "server")
    options = ("--in-memory", "--admin-token-file", str(file))
    tls = ("--tls-cert", str(shown.certificate), "--tls-key", str(shown.key))
    with serving(*options, *tls) as (process, _):
        assert process.stderr is not None
        file.write_text("")
        process.send_signal(signal.SIGHUP)
        assert "it is empty; the last one stays" in process.stderr.readline()
        assert "read the certificates again" in process.stderr.readline()


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGHUP")
def test_sighup_reads_the_file_again(file: Path) -> None:
    """What could not be used is said, and the server goes on."""
    options = ("--in-memory", "--admin-token-file", str(file))
    with serving(*options) as (process, port):
        assert process.stderr is not None

        async def create(token: str) -> None:
            async with asyncio.timeout(30), connect(f"127.0.0.1:{port}", token=token) as chat:
                await chat.create_room()

        asyncio.run(create(TOKEN))
        file.write_text("another")
        process.send_signal(signal.SIGHUP)
        assert "read the admin token again" in process.stderr.readline()
        asyncio.run(create("another"))
        file.write_text("")
        process.send_signal(signal.SIGHUP)
        assert "it is empty; the last one stays" in process.stderr.readline()
        asyncio.run(create("another"))
        with pytest.raises(TokenRefused, match="not the server's admin token"):
            asyncio.run(create(TOKEN))
