"""`python -m chatroom.server` is `chatserver`."""

from .cli import main

main()
