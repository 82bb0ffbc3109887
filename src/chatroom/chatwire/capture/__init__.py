"""Captures: passages written as TCP packets that Wireshark opens, and read back from any.

Writing, `CommentedCapture`, goes passage by passage through commenting.py (what the decoder
says about a packet), addresses.py (which addresses stand in it), synthesis.py (the TCP that
might have carried the bytes) and writer.py (the pcapng file). Reading, `read_capture`, goes
the other way: blocks.py (the file formats), segments.py (what a packet says about TCP),
reassembly.py (one direction's bytes in order), conversations.py (who is client, what belongs
together), reader.py.
"""

from __future__ import annotations

from chatroom.chatwire.capture.blocks import BrokenCapture
from chatroom.chatwire.capture.commenting import CommentedCapture
from chatroom.chatwire.capture.reader import read_capture
from chatroom.chatwire.capture.synthesis import Comment
from chatroom.chatwire.capture.writer import CaptureWriter

__all__ = ["BrokenCapture", "CaptureWriter", "Comment", "CommentedCapture", "read_capture"]
