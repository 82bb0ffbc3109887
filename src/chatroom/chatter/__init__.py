"""The terminal program: pick a room, give a name tag, chat."""
