"""The known HTTP/2 floods, sent with raw frames to a running server.

In each test a pair of members chats on beside the attack, and afterwards the server is
what it was before. `make soak` sends more, and for longer.
"""
