"""Tokens that nobody gave, invitations shown again, and ids that are guessed."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from collections.abc import Iterator
from functools import partial

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc import moderation_pb2 as mod
from chatroom.wire.envelopes import envelope
from chatroom.wire.grpc import CHAT, Code
from tests.faults.scale import scaled
from tests.floods.siege import MESSAGES, Besieged, besieged
from tests.interop.raw_grpc import CREATE, MEMBERS, answer, joining, reason
from tests.interop.raw_http2 import Connection
from tests.server.access.making import SECRET, claims, encoded, key, public_pem, token

from .conftest import AUDIENCE

ROUNDS = scaled(5, 200, brief=2)
GUESSES = scaled(300, 20_000, brief=60)
MODERATION = "/rpc.ModerationService/"
SEND = "/rpc.ChatService/SendMessage"

said = partial(claims, aud=AUDIENCE, exp=4_000_000_000, chat={"admin": True})


def signed(header: dict[str, object], secret: bytes) -> str:
    """A token whose signature is an HMAC with this secret, whatever its header says."""
    message = ".".join(encoded(json.dumps(part).encode()) for part in (header, said()))
    return f"{message}.{encoded(hmac.digest(secret, message.encode(), hashlib.sha256))}"


def unsigned(algorithm: str) -> str:
    """A token without a signature."""
    header = {"alg": algorithm, "kid": "EdDSA"}
    return ".".join(encoded(json.dumps(part).encode()) for part in (header, said())) + "."


def stolen_signature() -> str:
    """The signature of a good token under other claims."""
    header, _, signature = token(said(chat={}), by=key("EdDSA")).split(".")
    return f"{header}.{encoded(json.dumps(said()).encode())}.{signature}"


PEMS = {each: public_pem(kind) for each, kind in {"RS256": "2048", "ES256": "P-256"}.items()}
INVALID = {
    **{f"alg {each}": unsigned(each) for each in ("none", "None", "NONE", "nOnE", "")},
    **{
        f"HS256 with the public key of {each}": signed({"alg": "HS256", "kid": each}, pem)
        for each, pem in PEMS.items()
    },
    "RS256 said, HS256 done": signed({"alg": "RS256", "kid": "RS256"}, PEMS["RS256"]),
    "HS256 with nothing": signed({"alg": "HS256", "kid": "HS256"}, b""),
    "HS512 of a key for HS256": signed({"alg": "HS512", "kid": "HS256"}, SECRET),
    **{
        f"kid {kid!r}": signed({"alg": "HS256", "kid": kid}, b"")
        for kid in (
            "../../../../../../dev/null", "/dev/null", "keys.toml", "file:///dev/null",
            "http://127.0.0.1/keys", "' OR 1=1 --", "\0", "HS256\0", "a" * 4000, "%2e%2e/", "",
        )
    },
    "kid of no text": signed({"alg": "HS256", "kid": ["HS256"]}, SECRET),
    "a key of its own": signed({"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}}, b"\0\0\0"),
    "a key from elsewhere": signed({"alg": "RS256", "jku": "http://127.0.0.1:1/jwks"}, b""),
    "another's key": token(said(), by=key("HS256", "EdDSA")),
    "a stolen signature": stolen_signature(),
    "another audience": token(said(aud="other.example"), by=key("EdDSA")),
    "no audience": token(said(aud=None), by=key("EdDSA")),
    "not yet": token(said(nbf=3_999_999_999), by=key("EdDSA")),
    "no end": token(said(exp=None), by=key("EdDSA")),
    "an end that is no time": token(said(exp="tomorrow"), by=key("EdDSA")),
    "nobody": token(said(sub=None), by=key("EdDSA")),
    "noise": "eyJ" + "A" * 8000,
}  # fmt: skip
EXPIRED = token(said(exp=1_000), by=key("EdDSA"))
GOOD = token(said(), by=key("EdDSA"))

LOBBY = pb.ListMessagesRequest(room_id="lobby")


def bearer(shown: str) -> list[tuple[bytes, bytes]]:
    return [(b"authorization", f"Bearer {shown}".encode())]


@pytest.fixture(scope="module", autouse=True)
def lobby(server: Besieged) -> None:
    """The room that all is about."""
    with Connection(server.address) as connection:
        body = envelope(pb.CreateChatRoomRequest(room_id="lobby").SerializeToString())
        made = answer(connection, CREATE, body).grpc_status
        assert made in (Code.OK, Code.ALREADY_EXISTS)  # a worker may come back to this file


def call(connection: Connection, path: str, request: object, shown: str = "") -> object:
    body = envelope(request.SerializeToString())
    return answer(connection, path, body, headers=bearer(shown) if shown else [])


def test_tokens_that_nobody_gave(server: Besieged) -> None:
    """Unsigned, wrongly signed, expired, for others, with a path for a key: each is refused.

    By every kind of call: who shows a wrong token is not taken for one who shows none.
    """
    with besieged(server, "wrong tokens") as siege:
        for what, shown in [*INVALID.items(), ("expired", EXPIRED)] * ROUNDS:
            with Connection(server.address) as connection:
                for response in (
                    answer(connection, CHAT, joining("lobby", "Eve"), headers=bearer(shown)),
                    call(connection, MESSAGES, LOBBY, shown),
                    call(connection, CREATE, pb.CreateChatRoomRequest(), shown),
                    call(connection, MODERATION + "ListAuditRecords",
                         mod.ListAuditRecordsRequest(), shown),
                ):  # fmt: skip
                    assert Code.UNAUTHENTICATED == response.grpc_status, what
                    siege.outcomes.append(reason(response))
        assert {"TOKEN_INVALID", "TOKEN_EXPIRED"} == set(siege.outcomes)
        with Connection(server.address) as connection:
            assert Code.OK == call(connection, MESSAGES, LOBBY, GOOD).grpc_status


def test_an_invitation_that_is_shown_again(server: Besieged) -> None:
    """One use is one membership: whoever finds the link later stays outside, also at once."""
    with (
        besieged(server, "replayed invitations") as siege,
        Connection(server.address) as connection,
    ):
        asked = mod.CreateInvitationRequest(room_id="lobby", uses=1)
        made = call(connection, MODERATION + "CreateInvitation", asked, GOOD)
        invitation = mod.Invitation.FromString(made.payloads[0])
        shown = bearer(invitation.secret)
        # Of all that come at once, on connections of their own, one comes in.
        others = [Connection(server.address) for _ in range(10)]
        streams = []
        for number, other in enumerate(others):
            other.__enter__()
            stream = other.call(CHAT, *shown)
            other.data(stream, joining("lobby", f"Guest {number}"))
            streams.append(stream)
        inside = []
        for other, stream in zip(others, streams, strict=True):
            response = other.responses[stream]
            while not (response.payloads or response.over):
                assert other.read(20)
            if response.over:
                siege.outcomes.append(reason(response))
            else:
                inside.append(other)
        assert ["INVITATION_USED"] * 9 == siege.outcomes
        assert 1 == len(inside)
        for other in others:
            other.__exit__(None, None, None)
        for _ in range(ROUNDS):
            response = answer(connection, CHAT, joining("lobby", "Late"), headers=shown)
            siege.outcomes.append(reason(response))
        revoke = mod.RevokeInvitationRequest(invitation_id=invitation.invitation_id)
        call(connection, MODERATION + "RevokeInvitation", revoke, GOOD)
        for _ in range(ROUNDS):
            response = answer(connection, CHAT, joining("lobby", "Late"), headers=shown)
            siege.outcomes.append(reason(response))
        last = siege.outcomes[-2 * ROUNDS :]
        assert ["INVITATION_USED"] * ROUNDS + ["INVITATION_UNKNOWN"] * ROUNDS == last


def guesses(length: int, letters: str) -> Iterator[str]:
    """So many of them, none of which anybody has."""
    chance = random.Random(length)
    for _ in range(GUESSES):
        yield "".join(chance.choices(letters, k=length))


HEX = "0123456789abcdef"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def test_ids_that_are_guessed(server: Besieged) -> None:
    """Private rooms, sessions, invitations and bans: a wrong guess is told so, and no more."""
    title = f"enumeration, {GUESSES} guesses each"
    with besieged(server, title) as siege, Connection(server.address) as connection:
        private = pb.ChatRoom.FromString(
            call(connection, CREATE, pb.CreateChatRoomRequest(private=True), GOOD).payloads[0]
        ).room_id
        assert 32 == len(private)
        asked = {
            MEMBERS: ("ROOM_NOT_FOUND", lambda id_: pb.ListMembersRequest(room_id=id_)),
            SEND: (
                "SESSION_UNKNOWN",
                lambda id_: pb.SendMessageRequest(session=id_, heartbeat=pb.Heartbeat()),
            ),
            MODERATION + "LiftBan": ("TOKEN_REQUIRED", lambda id_: mod.LiftBanRequest(ban_id=id_)),
            MODERATION + "RevokeInvitation": (
                "TOKEN_REQUIRED",
                lambda id_: mod.RevokeInvitationRequest(invitation_id=id_),
            ),
        }
        for path, (expected, request) in asked.items():
            for guess in guesses(32, HEX):
                assert expected == reason(call(connection, path, request(guess))), path
            siege.outcomes.append(expected)
        for guess in guesses(22, LETTERS):
            response = call(connection, MESSAGES, LOBBY, "inv_" + guess)
            assert "INVITATION_UNKNOWN" == reason(response)
        siege.outcomes.append("INVITATION_UNKNOWN")
        page = call(connection, "/rpc.ChatService/ListChatRooms", pb.ListChatRoomsRequest())
        listed = pb.ListChatRoomsResponse.FromString(page.payloads[0]).chat_rooms
        assert private not in {room.room_id for room in listed}
        assert "lobby" in {room.room_id for room in listed}


def test_a_session_that_was_stolen(server: Besieged) -> None:
    """Of somebody whom a token names it is worth nothing without that token."""
    ann = token(said(chat={}), by=key("EdDSA"))
    eve = token(said(sub="eve", chat={}), by=key("EdDSA"))
    with besieged(server, "stolen sessions") as siege, Connection(server.address) as connection:
        stream = connection.call(CHAT, *bearer(ann))
        join = pb.JoinChat(room_id="lobby", name="Ann", features=[pb.FEATURE_EVENTS])
        connection.data(stream, envelope(pb.ChatMessage(join=join).SerializeToString()))
        joined = pb.Message.FromString(connection.payload(stream, 0)).joined
        resume = pb.Resume(session=joined.session, epoch=joined.epoch)
        join.resume.CopyFrom(resume)
        stealing = envelope(pb.ChatMessage(join=join).SerializeToString())
        speaking = pb.SendMessageRequest(
            session=joined.session, message=pb.Message(message="I am Ann")
        )
        for shown in ("", eve) * ROUNDS:
            with Connection(server.address) as thief:
                headers = bearer(shown) if shown else []
                for response in (
                    answer(thief, CHAT, stealing, headers=headers),
                    call(thief, SEND, speaking, shown),
                ):
                    assert Code.INVALID_ARGUMENT == response.grpc_status
                    siege.outcomes.append(reason(response))
        assert {"SESSION_MISMATCH"} == set(siege.outcomes)
        assert not connection.responses[stream].over
        leave = envelope(pb.ChatMessage(leave=pb.Leave()).SerializeToString())
        connection.data(stream, leave)
        connection.response(stream)
