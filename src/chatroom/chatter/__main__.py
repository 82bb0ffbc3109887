"""`chatter`, and `python -m chatroom.chatter`."""

from __future__ import annotations

from chatroom.interrupts import end_at_once


def main() -> None:
    """The program. Most of its start is imports, and they may be interrupted."""
    end_at_once()
    from chatroom.chatter.cli import main as run

    try:
        run()
    finally:
        end_at_once()  # Python's own end takes a moment too


if __name__ == "__main__":
    main()
