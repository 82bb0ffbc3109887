"""Two nodes behind the balancers of deploy/many-nodes, and what those files say of chatserver."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from chatroom.core.limits import Limits
from chatroom.journal.postgres import PostgresJournal, operating
from chatroom.server.cli import chatserver
from chatroom.server.environment import check_environment
from chatroom.server.service import GOODBYE_SECONDS
from chatroom.wire.addresses import Address
from tests.carriers import Ended, run
from tests.client.certificates import authority, signed
from tests.faults.server_process import ServerProcess, serving
from tests.journal import postgres_databases
from tests.nodes.returning import Member, members

from .balancers import FOLDER, NAMES, haproxy, nginx, rotation

BALANCERS = ("haproxy", "nginx")
DRAIN_SECONDS = 3.0
"""In place of the files' five: HAProxy has noticed after two checks, a second apart."""


@dataclass
class Site:
    """Two nodes, and a balancer before them."""

    port: int
    nodes: dict[str, ServerProcess]
    """By name."""
    ca: Path | None
    directory: Path
    checked: bool
    """Whether the balancer asks the nodes for their health."""

    async def until(self, so: Callable[[dict[str, bool]], bool]) -> None:
        """Wait until it is so of which nodes are sent newcomers; at once, if nobody checks."""
        while self.checked and not so(rotation(self.directory)):
            await asyncio.sleep(0.05)

    async def of(self, node: ServerProcess) -> int:
        """How many members it has, as the database says."""
        seen = await operating.nodes(postgres_databases.own())
        return sum(
            each.members for each in seen.nodes if each.name.endswith(f":{node.process.pid}")
        )


@pytest.fixture(params=BALANCERS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    asyncio.run(empty())
    url = postgres_databases.own()
    with ExitStack() as stack:
        options = ("--journal", url, "--room", "lobby", "--drain-delay", str(DRAIN_SECONDS))
        nodes = {name: stack.enter_context(serving(*options)) for name in NAMES}
        addresses = [node.address for node in nodes.values()]
        if request.param == "nginx":
            ca = authority(tmp_path, "ca")
            pair = signed(tmp_path, ca, "localhost", "IP:127.0.0.1")
            port = stack.enter_context(nginx(tmp_path, addresses, pair))
            yield Site(port, nodes, ca.certificate, tmp_path, checked=False)
        else:
            port = stack.enter_context(haproxy(tmp_path, addresses))
            yield Site(port, nodes, None, tmp_path, checked=True)


async def empty() -> None:
    await postgres_databases.empty()
    await (made := PostgresJournal(postgres_databases.own())).open()
    await made.close()


def test_members_spread_over_the_nodes_and_are_in_one_room(site: Site) -> None:
    """Each hears all others, in one order."""

    async def scene() -> None:
        await site.until(lambda sent: all(sent.values()))
        people = await members(site.port, 12, site.ca)
        counts = [await site.of(node) for node in site.nodes.values()]
        assert 12 == sum(counts)
        assert 4 <= min(counts), counts
        for each in people:
            await each.say(f"{each.name} is here")
        for each in people:
            for other in people:
                await each.hear_text(f"{other.name} is here")
        last = {tuple(message.sequence for message in each.seen[-12:]) for each in people}
        assert 1 == len(last)
        assert [] == [wrong for each in people for wrong in each.missed()]
        for each in people:
            await each.carrier.close()

    run(scene())


def test_who_was_at_a_node_that_is_killed_comes_back_at_the_other(site: Site) -> None:
    """By the same address; nobody is seen leaving, nothing is missed, and newcomers are served."""

    async def scene() -> None:
        await site.until(lambda sent: all(sent.values()))
        people = await members(site.port, 12, site.ca)
        killed, stays = site.nodes["chat1"], site.nodes["chat2"]
        there = await site.of(killed)
        assert there
        await people[0].say("before")
        for each in people:
            await each.hear_text("before")
        killed.signal(signal.SIGKILL)
        listening = [asyncio.create_task(each.hear_text_by_and_by("after")) for each in people]
        await site.until(lambda sent: sent == {"chat1": False, "chat2": True})
        other = await newcomer(site, "Zoe")
        while await site.of(stays) < 13:
            await asyncio.sleep(0.05)
        await other.say("after")
        came_back = await asyncio.gather(*listening)
        assert there == sum(each > 0 for each in came_back)
        assert [] == [wrong for each in people for wrong in each.missed()]
        for each in (*people, other):
            await each.carrier.close()

    run(scene())


@pytest.mark.slow
def test_a_node_that_is_told_to_stop_is_left_in_order(site: Site) -> None:
    """Its members are told and come back at the other; who joins meanwhile gets in."""

    async def scene() -> None:
        await site.until(lambda sent: all(sent.values()))
        people = await members(site.port, 12, site.ca)
        stops, stays = site.nodes["chat1"], site.nodes["chat2"]
        assert await site.of(stops)
        listening = [asyncio.create_task(each.hear_text_by_and_by("after")) for each in people]
        stops.signal(signal.SIGTERM)
        await site.until(lambda sent: sent == {"chat1": False, "chat2": True})
        other = await newcomer(site, "Zoe")
        assert 0 == await asyncio.to_thread(stops.exit_code)
        while await site.of(stays) < 13:
            await asyncio.sleep(0.05)
        await other.come_back()  # wherever it was
        await other.say("after")
        await asyncio.gather(*listening)
        told = [each for each in people if each.told_to_go]
        assert told
        assert [] == [wrong for each in people for wrong in each.missed()]
        for each in (*people, other):
            await each.carrier.close()

    run(scene())


async def newcomer(site: Site, name: str) -> Member:
    """Somebody who joins, and tries again as a client does."""
    member = Member(site.port, name, site.ca)
    while member.joined is None:
        with contextlib.suppress(Ended):
            await member.come()
    return member


# ---- What the files say ------------------------------------------------------------


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    return found


def kubernetes() -> dict[str, dict[str, Any]]:
    """By kind and name."""
    documents = yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text())
    return {f"{each['kind']} {each['metadata']['name']}": each for each in documents}


def container() -> dict[str, Any]:
    pod = kubernetes()["Deployment chat"]["spec"]["template"]["spec"]
    [found] = pod["containers"]
    return dict(found)


def settings() -> dict[str, tuple[list[str], dict[str, str]]]:
    """Arguments and variables of chatserver, by whose they are."""
    found = {
        name: (compose()["services"][name]["command"], compose()["services"][name]["environment"])
        for name in NAMES
    }
    in_pod = {each["name"]: "postgresql://chat@db/chat" for each in container()["env"]}
    return {**found, "kubernetes": (container()["args"], in_pod)}


@pytest.mark.parametrize("whose", [*NAMES, "kubernetes"])
def test_what_the_files_set_is_known_to_chatserver(whose: str) -> None:
    """Each option and variable, with its value; and it may listen where it is to."""
    arguments, variables = settings()[whose]
    with chatserver.make_context(
        "chatserver", list(arguments), auto_envvar_prefix="CHATSERVER"
    ) as context:
        check_environment(context, variables)
        known = {f"CHATSERVER_{(each.name or '').upper()}" for each in chatserver.params}
        assert set() == set(variables) - known
        assert (Address("0.0.0.0", 8080),) == context.params["bind"]
        assert context.params["max_connection_age"] > 0
        assert context.params["insecure"]
        assert context.params["anonymous"] is not None
        assert context.params["trust_proxy"]


def test_who_stops_a_node_waits_until_it_has_drained() -> None:
    """What kills it comes later than the drain can take."""
    drain = Limits().drain_wait + GOODBYE_SECONDS
    pod = kubernetes()["Deployment chat"]["spec"]["template"]["spec"]
    patiences = {
        "chat1": compose()["services"]["chat1"]["stop_grace_period"],
        "kubernetes": pod["terminationGracePeriodSeconds"],
    }
    for whose, patience in patiences.items():
        [delay] = [
            float(each.partition("=")[2])
            for each in settings()[whose][0]
            if each.startswith("--drain-delay=")
        ]
        assert float(str(patience).removesuffix("s")) >= delay + drain + 5, whose


def test_kubernetes_asks_for_health_as_the_page_on_it_says() -> None:
    """Alive by the server as a whole, ready by the rooms; both at the port where it listens."""
    pod, port = container(), 8080
    assert {"port": port} == pod["livenessProbe"]["grpc"] == pod["startupProbe"]["grpc"]
    assert {"port": port, "service": "rpc.ChatService"} == pod["readinessProbe"]["grpc"]
    assert [port] == [each["containerPort"] for each in pod["ports"]]
    found = kubernetes()
    labels = found["Deployment chat"]["spec"]["template"]["metadata"]["labels"]
    for name in ("Service chat", "Service chat-pods"):
        assert labels == found[name]["spec"]["selector"]
        assert [pod["ports"][0]["name"]] == [p["targetPort"] for p in found[name]["spec"]["ports"]]
    budget = found["PodDisruptionBudget chat"]["spec"]
    assert (1, labels) == (budget["maxUnavailable"], budget["selector"]["matchLabels"])
    # It is out before streams end.
    probe = pod["readinessProbe"]
    [delay] = [each for each in pod["args"] if each.startswith("--drain-delay=")]
    assert probe["periodSeconds"] * probe["failureThreshold"] < float(delay.partition("=")[2])


def test_compose_starts_what_its_balancers_expect() -> None:
    """The names of the nodes, files that there are, and one way to reach the database."""
    services = compose()["services"]
    assert {"database", *NAMES, *BALANCERS} == set(services)
    for name in NAMES:
        url = services[name]["environment"]["CHATSERVER_JOURNAL"]
        password = re.escape(services["database"]["environment"]["POSTGRES_PASSWORD"])
        assert re.fullmatch(f"postgresql://chat:{password}@database/chat", url)
    for balancer, file in (("haproxy", "haproxy.cfg"), ("nginx", "nginx.conf")):
        [mounted] = [each for each in services[balancer]["volumes"] if file in each]
        assert (FOLDER / mounted.partition(":")[0]).is_file()
        assert list(NAMES) == services[balancer]["depends_on"]
    subnet = compose()["networks"]["default"]["ipam"]["config"][0]["subnet"]
    assert f"--trust-proxy={subnet}" in services["chat1"]["command"]
