"""`python -m chatroom.chatwire`."""

from chatroom.chatwire.cli import main

main()
