"""`chatter`, and `python -m chatroom.chatter`."""

from __future__ import annotations

from chatroom.interrupts import ending_at_once


def main() -> None:
    """The program."""
    with ending_at_once():
        from chatroom.chatter.cli import main as run

        run()


if __name__ == "__main__":
    main()
