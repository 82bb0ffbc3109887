"""`python -m chatroom.chatter`."""

from chatroom.chatter.cli import main

main()
