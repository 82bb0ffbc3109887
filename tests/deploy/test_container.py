"""deploy/container: the image's steps, and what the files for compose and Kubernetes say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from chatroom.core.limits import Limits
from chatroom.server.cli import chatserver
from chatroom.server.environment import check_environment
from chatroom.server.health_command import health_command, here
from chatroom.server.service import GOODBYE_SECONDS
from tests.interop.programs import ROOT, missing

from .containerfile import Built, Stage, stages

FOLDER = ROOT / "deploy" / "container"
FILE = FOLDER / "Containerfile"
USER = "10001"
STOP = Limits().drain_wait + GOODBYE_SECONDS


def image() -> Stage:
    """The last stage: what is run."""
    return stages(FILE.read_text())[-1]


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    return found


def kubernetes() -> dict[str, dict[str, Any]]:
    """By kind."""
    documents = yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text())
    return {each["kind"]: each for each in documents}


def pod() -> dict[str, Any]:
    found: dict[str, Any] = kubernetes()["StatefulSet"]["spec"]["template"]["spec"]
    return found


# ---- The image ---------------------------------------------------------------------


def test_the_image_is_nobody_in_particular_and_has_no_secret() -> None:
    """By its number, told to stop as the server wants it, asked by the server's own command."""
    last = image()
    assert f"{USER}:{USER}" == last.one("USER")
    assert "SIGTERM" == last.one("STOPSIGNAL")
    assert ["chatserver"] == last.command("ENTRYPOINT")
    assert "/data" == last.one("VOLUME") == last.environment["XDG_DATA_HOME"]
    asks, *arguments = last.command("HEALTHCHECK")
    assert ("chatserver", ["health"]) == (asks, arguments)
    with health_command.make_context("health", arguments[1:]):
        pass
    bind = last.environment["CHATSERVER_BIND"]
    assert f"127.0.0.1:{last.one('EXPOSE')}" == here(bind)
    assert not re.search(r"(?i)token|secret|password|--keys", FILE.read_text())


def test_what_the_image_copies_is_there_and_nothing_else_is_needed() -> None:
    """Each source of a COPY; all of them are in the sdist too."""
    for stage in stages(FILE.read_text()):
        for kind, rest in stage.steps:
            if kind == "COPY" and not rest.startswith("--from="):
                *sources, _ = rest.split()
                assert [] == [each for each in sources if not (ROOT / each).exists()]


SCENE = r"""
said() { cat /tmp/said >&2; exit 1; }
start() {
  "$@" 2>/tmp/said &
  server=$!
  for _ in $(seq 600); do
    chatserver health 2>/dev/null && return
    kill -0 $server || said
    sleep 0.1
  done
  said
}
id -u
! touch /opt/x 2>/dev/null || exit 1
! touch /etc/x 2>/dev/null || exit 1
chatserver >/tmp/said 2>&1; [ $? = 2 ] || said
grep -q 'anonymous' /tmp/said || said
start chatserver --insecure --anonymous join,send,history,list,create
chatter create tea >/dev/null
echo 'it is kept' | chatter --room tea --name Bob >/dev/null || said
kill -TERM $server && wait $server || said
! chatserver health 2>/dev/null || exit 1
start chatserver --insecure --anonymous join,send,history,list
chatter history tea | grep -o 'it is kept'
kill -TERM $server && wait $server || said
stat -c '%a %u' /data
ls /data/chatroom/chatroom.db
export CHATSERVER_JOURNAL=postgresql://chat@localhost/chat
chatserver config check --insecure --open >/tmp/said 2>&1 || said
grep -o 'PostgreSQL localhost' /tmp/said || said
"""
"""What one sees of it: it is not root, cannot write, is not open unless told to, serves, stops in
order, and has kept what was said when it is started again; PostgreSQL needs nothing unset."""


@pytest.mark.slow
@pytest.mark.timeout(1800)  # it installs all that the wheel needs
def test_its_steps_make_a_server_that_writes_to_its_volume_alone(tmp_path: Path) -> None:
    """On this machine's files in place of an image's: there is no engine here."""
    apart = ["unshare", "--mount", "--net", "true"]
    if os.geteuid() or subprocess.run(apart, capture_output=True, check=False).returncode:
        missing("root, who may mount")
    for program in ("setpriv", "useradd", "ip"):
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
            missing(program)
    built = Built(tmp_path, ROOT)
    built.build(stages(FILE.read_text()))
    (tmp_path / "1" / "tmp").chmod(0o1777)
    ended = subprocess.run(
        built.inside(["sh", "-c", SCENE], user=USER, alone=True),
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert 0 == ended.returncode, ended.stderr
    assert [
        USER, "SERVING", "SERVING", "it is kept", f"700 {USER}", "/data/chatroom/chatroom.db",
        "PostgreSQL localhost",
    ] == ended.stdout.splitlines()  # fmt: skip


# ---- compose and Kubernetes ---------------------------------------------------------


def settings() -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """Whose, the arguments of chatserver, and its variables, with those of the image."""
    of_image = image().environment
    for name in ("PATH", "XDG_DATA_HOME"):
        of_image.pop(name)
    chat = compose()["services"]["chat"]
    yield "compose", chat.get("command", []), of_image | chat["environment"]
    (container,) = pod()["containers"]
    yield (
        "kubernetes",
        container["args"],
        of_image | {e["name"]: e for e in container.get("env", [])},
    )


@pytest.mark.parametrize("number", [0, 1], ids=["compose", "kubernetes"])
def test_chatserver_knows_what_is_set(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each option and variable, with its value; the public port and that of operators differ."""
    _, arguments, variables = list(settings())[number]
    token = tmp_path / "token"
    token.write_text("se-cret")
    token.chmod(0o600)
    arguments = [re.sub(r"(?<=file=).*", str(token), each) for each in arguments]
    for name, value in variables.items():
        monkeypatch.setenv(name, str(token) if name.endswith("_FILE") else value)
    with chatserver.make_context(
        "chatserver", list(arguments), auto_envvar_prefix="CHATSERVER"
    ) as context:
        check_environment(context, variables)
        known = {f"CHATSERVER_{(each.name or '').upper()}" for each in chatserver.params}
        assert set() == set(variables) - known
        given = context.params
        assert ["0.0.0.0:8080"] == [str(each) for each in given["bind"]]
        assert [9090] == [each.port for each in given["ops_bind"]]
        assert given["data"] is None
        assert given["insecure"]
        assert given["anonymous"] is not None
        assert given["admin_token_file"]


def test_compose_mounts_what_is_there_and_shows_the_world_nothing() -> None:
    services = compose()["services"]
    assert {"chat", "prometheus"} == set(services)
    chat, prometheus = services["chat"], services["prometheus"]
    assert FILE == (FOLDER / chat["build"]["context"] / chat["build"]["dockerfile"]).resolve()
    assert all(port.startswith("127.0.0.1:") for port in chat["ports"])
    assert "ports" not in prometheus
    assert {"8080", "9900"} == {port.rpartition(":")[2] for port in chat["ports"]}
    assert "--web.listen-address=:9900" in prometheus["command"]
    for service in services.values():
        assert service["read_only"]
        assert ["ALL"] == service["cap_drop"]
        for volume in service["volumes"]:
            source, target = volume.split(":")[:2]
            if source.startswith("."):
                assert (FOLDER / source).is_dir(), volume
                assert (target, "ro") == ("/etc/prometheus", volume.split(":")[2])
            else:
                assert source in compose()["volumes"]
    assert chat["environment"]["CHATSERVER_ADMIN_TOKEN_FILE"] == (
        f"/run/secrets/{chat['secrets'][0]}"
    )
    assert f"data:{image().one('VOLUME')}" in chat["volumes"]


def test_prometheus_finds_the_server_and_the_rules() -> None:
    """It shares the server's loopback; the files are those of deploy/prometheus as they are."""
    services = compose()["services"]
    assert "service:chat" == services["prometheus"]["network_mode"]
    folder = ROOT / "deploy" / "prometheus"
    config = yaml.safe_load((folder / "prometheus.yml").read_text())
    targets = [
        target
        for job in config["scrape_configs"]
        for each in job["static_configs"]
        for target in each["targets"]
    ]
    assert [services["chat"]["environment"]["CHATSERVER_OPS_BIND"]] == targets
    assert all((folder / each).is_file() for each in config["rule_files"])
    assert "--config.file=/etc/prometheus/prometheus.yml" in services["prometheus"]["command"]


def test_who_stops_it_waits_until_it_has_stopped() -> None:
    grace = compose()["services"]["chat"]["stop_grace_period"]
    assert float(grace.removesuffix("s")) > STOP + 5
    assert pod()["terminationGracePeriodSeconds"] > STOP + 5


def test_kubernetes_runs_one_that_keeps_its_rooms() -> None:
    """One pod with a volume that its user may write, as the image's; probes as docs/server.md says
    of a single server."""
    found = kubernetes()
    spec, running = found["StatefulSet"]["spec"], pod()
    (container,) = running["containers"]
    assert 1 == spec["replicas"]
    secure = running["securityContext"]
    assert (True, int(USER), int(USER)) == (
        secure["runAsNonRoot"], secure["runAsUser"], secure["fsGroup"]
    )  # fmt: skip
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert ["ALL"] == container["securityContext"]["capabilities"]["drop"]
    (claim,) = spec["volumeClaimTemplates"]
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert image().one("VOLUME") == mounts.pop(claim["metadata"]["name"])
    assert set(mounts) == {each["name"] for each in running["volumes"]}
    (token,) = [each for each in container["args"] if each.startswith("--admin-token-file=")]
    assert token.partition("=")[2].rpartition("/")[0] == mounts["admin"]
    port = int(image().one("EXPOSE"))
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert {"port": port} == container[probe]["grpc"], probe
    labels = spec["template"]["metadata"]["labels"]
    service = found["Service"]
    assert labels == service["spec"]["selector"] == spec["selector"]["matchLabels"]
    assert service["metadata"]["name"] == spec["serviceName"]
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert {"grpc": port, "ops": 9090} == ports
    assert ["grpc"] == [each["targetPort"] for each in service["spec"]["ports"]]
