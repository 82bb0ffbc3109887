"""From passages to records: `Decoder` gives a `Frame` for each frame that passes.

`records` has the types of what is in a frame; `messages` those of gRPC messages and
statuses.
"""

from chatroom.chatwire.decode.decoder import Decoder
from chatroom.chatwire.decode.messages import Message, Part, Status
from chatroom.chatwire.decode.records import Frame, Kind

__all__ = ["Decoder", "Frame", "Kind", "Message", "Part", "Status"]
