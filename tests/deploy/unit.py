"""Stands in for systemd and sudo: a service that operators' commands start and stop.

The unit itself is tested in `test_systemd_units`.
"""

from __future__ import annotations

import stat
from pathlib import Path

SUDO = """#!/bin/sh
exec "$@"
"""
SYSTEMCTL = """#!/bin/bash
# systemctl start|stop|restart|status chatserver
set -eu
begin() {
  mkdir -p -m 700 {data}
  set -a; CHATSERVER_DATA={data}; if [ -f {env} ]; then . {env}; fi; set +a
  umask 077
  setsid {bin}/chatserver --bind 127.0.0.1:{port} >{root}/log 2>&1 </dev/null &
  echo $! >{root}/pid
  for _ in $(seq 600); do
    if grep -q 'listening on' {root}/log; then return; fi
    kill -0 "$(cat {root}/pid)"
    sleep 0.05
  done
  exit 1
}
end() {
  if [ -f {root}/pid ]; then
    kill "$(cat {root}/pid)"
    while kill -0 "$(cat {root}/pid)" 2>/dev/null; do sleep 0.05; done
    rm {root}/pid
  fi
}
case "$1" in
  start) begin ;;
  stop) end ;;
  restart) end; begin ;;
  status) cat {root}/log ;;
  *) exit 64 ;;
esac
"""


class Unit:
    """Where everything is in place of the directories that the document names."""

    def __init__(self, root: Path, programs: Path, *, port: int, ops: int) -> None:
        """`programs` has chatserver and chatter; the ports are free."""
        self.root = root
        self.commands = root / "commands"
        self.commands.mkdir()
        self.places = {
            "/opt/chatroom/bin": str(programs),
            "/var/lib/chatroom": str(root / "data"),
            "/etc/chatroom": str(root / "etc"),
            "/var/backups": str(root / "backups"),
            ":8080": f":{port}",
            ":9090": f":{ops}",
        }
        (root / "backups").mkdir()
        values = {
            "bin": programs, "data": root / "data", "env": root / "etc" / "chatserver.env",
            "root": root, "port": port,
        }  # fmt: skip
        text = SYSTEMCTL
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", str(value))
        for name, script in (("sudo", SUDO), ("systemctl", text)):
            file = self.commands / name
            file.write_text(script)
            file.chmod(file.stat().st_mode | stat.S_IXUSR)

    def here(self, text: str) -> str:
        """A text with the places that there are here."""
        for there, here in self.places.items():
            text = text.replace(there, here)
        return text
