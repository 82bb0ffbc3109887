"""A recorded client's side, sent again.

`script` reads from a capture what the client did and what was answered, `player` does it once
more, each connection of it by a `connection.Connection` with stream ids, header tables and windows
of its own. `carrying` puts values of the new answers where those of the old ones stood.
"""
