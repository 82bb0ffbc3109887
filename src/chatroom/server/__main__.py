"""`chatserver`, and `python -m chatroom.server`."""

from __future__ import annotations

import sys

from chatroom.interrupts import ending_at_once


def main() -> None:
    """The program."""
    with ending_at_once():
        if sys.argv[1:2] == ["health"]:  # asked every few seconds: without what serves
            from chatroom.server.health_command import health_command

            prefix = "CHATSERVER_HEALTH"
            health_command(sys.argv[2:], "chatserver health", auto_envvar_prefix=prefix)

        from chatroom.server.cli import main as run

        run()


if __name__ == "__main__":
    main()
