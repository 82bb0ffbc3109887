"""Two captures, or a capture and its replay, compared message by message.

`talks` puts down what each side said on each stream, `contents` makes of a message what can be
compared, `comparing` finds where two streams part.
"""
