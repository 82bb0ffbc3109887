"""Wireshark and tshark with the settings that HTTP/2, gRPC and our contract want.

The settings are docs/wireshark/profile and two files that name places on this machine,
which is why those are made here: where the proto files are, and which ports speak
HTTP/2. A run has them in a directory of its own; `install` keeps them as a profile.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROFILE = ROOT / "docs" / "wireshark" / "profile"
PROFILE_NAME = "Chatroom"
SERVER_PORT = 8080
LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"
NOT_FOUND = 127


def write_profile(directory: Path, ports: Iterable[int], protocol: str) -> None:
    """Put the whole profile into `directory`, with `protocol` expected on `ports`."""
    directory.mkdir(parents=True, exist_ok=True)
    for path in PROFILE.iterdir():
        shutil.copyfile(path, directory / path.name)
    # The word before the last is what Wireshark takes the port for by itself; it is not used.
    entries = [f"decode_as_entry: tcp.port,{port},(none),{protocol}\n" for port in ports]
    (directory / "decode_as_entries").write_text("".join(entries))
    # TRUE: every proto file below it is read, not only those that another imports.
    paths = [f'"{_quoted(ROOT / "proto")}","TRUE"\n', *_well_known_types()]
    (directory / "protobuf_search_paths").write_text("".join(paths))


def _well_known_types() -> list[str]:
    """Where google/protobuf/timestamp.proto and the like are; grpcio-tools brings them."""
    found = importlib.util.find_spec("grpc_tools")
    if found is None or not found.submodule_search_locations:
        return []
    return [f'"{_quoted(Path(found.submodule_search_locations[0]) / "_proto")}","FALSE"\n']


def _quoted(path: Path) -> str:
    """A path as Wireshark's tables want it: quotes and backslashes by their hex codes."""
    return str(path).replace("\\", "\\x5c").replace('"', "\\x22")


def run(program: str, ports: list[int], protocol: str, arguments: list[str]) -> int:
    """Run wireshark or tshark with the profile; its exit code.

    Without arguments it captures what passes on the loopback interface.
    """
    found = shutil.which(program)
    if found is None:
        print(f"{program} is not installed", file=sys.stderr)
        return NOT_FOUND
    if not arguments:
        only = " or ".join(f"tcp port {port}" for port in ports)
        arguments = ["-i", LOOPBACK, "-f", only, *(["-k"] if program == "wireshark" else [])]
    with tempfile.TemporaryDirectory(prefix="chatroom-wireshark-") as directory:
        write_profile(Path(directory), ports, protocol)
        environment = os.environ | {"WIRESHARK_CONFIG_DIR": directory}
        with subprocess.Popen([found, *arguments], env=environment) as process:
            while True:
                try:
                    return process.wait()
                except KeyboardInterrupt:
                    # It got the signal too, and has its own way to end.
                    continue


def install(ports: list[int], protocol: str) -> int:
    """Keep the profile among the user's own ones."""
    tshark = shutil.which("tshark")
    if tshark is None:
        print("tshark, which knows where profiles are kept, is not installed", file=sys.stderr)
        return NOT_FOUND
    folders = subprocess.run([tshark, "-G", "folders"], capture_output=True, text=True, check=True)
    for line in folders.stdout.splitlines():
        if line.startswith("Personal configuration:"):
            where = Path(line.partition(":")[2].strip()) / "profiles" / PROFILE_NAME
            write_profile(where, ports, protocol)
            print(f"{where}\nTake it with Edit > Configuration Profiles, or -C {PROFILE_NAME}")
            return 0
    print("tshark does not say where profiles are kept", file=sys.stderr)
    return 1


def main(arguments: list[str] | None = None) -> int:
    """`wireshark.py wireshark -r FILE`, `wireshark.py tshark -r FILE -V`, `install`."""
    parser = argparse.ArgumentParser(description="Wireshark with our profile")
    parser.add_argument(
        "--port",
        type=int,
        action="append",
        dest="ports",
        metavar="N",
        help=f"a port besides {SERVER_PORT} that speaks HTTP/2",
    )
    parser.add_argument(
        "--http1",
        action="store_true",
        help="expect HTTP/1.1 as well, as from a browser; HTTP/2 is then known by its beginning"
        " alone, which a connection that was joined midway does not show",
    )
    parser.add_argument("program", choices=["wireshark", "tshark", "install"])
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="passed on to the program")
    given = parser.parse_args(arguments)
    ports = sorted({SERVER_PORT, *(given.ports or [])})
    protocol = "HTTP" if given.http1 else "HTTP2"
    if given.program == "install":
        return install(ports, protocol)
    return run(given.program, ports, protocol, given.arguments)


if __name__ == "__main__":
    sys.exit(main())
