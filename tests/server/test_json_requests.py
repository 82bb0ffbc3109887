"""Requests in JSON: what is read, and what is said of a name that is not known."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.server.calls.json_requests import JsonInvalid, from_json


def test_the_names_are_those_of_the_proto_file() -> None:
    """With nothing between two words but what the file has."""
    assert pb.JoinChat(room_id="lobby") == from_json(b'{"room_id": "lobby"}', pb.JoinChat)


@pytest.mark.parametrize(
    ("message_type", "request_", "sentence"),
    [
        (pb.JoinChat, '{"roomId": "x"}', "rpc.JoinChat has no field roomId; it is written room_id"),
        (pb.JoinChat, '{"RoomID": "x"}', "rpc.JoinChat has no field RoomID; it is written room_id"),
        (
            pb.ChatMessage, '{"join": {"room-id": "x"}}',
            "rpc.JoinChat has no field room-id; it is written room_id",
        ),
        (pb.Leave, '{"why": "x"}', "rpc.Leave has no field why"),
        (
            pb.ListMembersRequest, '{"rooms": []}',
            "rpc.ListMembersRequest has no field rooms; it has room_id, page_size, page_token",
        ),
    ],
)  # fmt: skip
def test_a_name_that_is_not_known_is_told(
    message_type: type[Message], request_: str, sentence: str
) -> None:
    """With how it is written, or with what there is."""
    with pytest.raises(JsonInvalid) as error:
        from_json(request_.encode(), message_type)
    assert sentence == str(error.value)


@pytest.mark.parametrize("octets", [b"", b"{", b"{\xff", b"[]", b"null", b'{"room_id": 1}'])
def test_what_is_no_message_is_refused(octets: bytes) -> None:
    """Whatever the parser finds wrong."""
    with pytest.raises(JsonInvalid):
        from_json(octets, pb.JoinChat)
