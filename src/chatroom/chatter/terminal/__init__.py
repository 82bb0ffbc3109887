"""The full-screen chat: what `chatter` is in a terminal."""

from chatroom.chatter.terminal.converse import converse

__all__ = ["converse"]
