"""`chatwire`, and `python -m chatroom.chatwire`."""

from __future__ import annotations

from chatroom.interrupts import ending_at_once, raise_again


def main() -> None:
    """The program."""
    with ending_at_once():
        from chatroom.chatwire.cli import main as run

        raise_again()
        run()


if __name__ == "__main__":
    main()
