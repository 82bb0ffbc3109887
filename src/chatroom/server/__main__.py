"""`chatserver`, and `python -m chatroom.server`."""

from __future__ import annotations

from chatroom.interrupts import ending_at_once


def main() -> None:
    """The program."""
    with ending_at_once():
        from chatroom.server.cli import main as run

        run()


if __name__ == "__main__":
    main()
