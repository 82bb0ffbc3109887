"""Who may do what: every method, every grant, every protocol."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.api.rpc import moderation_pb2 as moderation
from chatroom.core.grants import USUAL, Right, anonymous
from chatroom.core.limits import Limits
from chatroom.wire.grpc import CHAT, SUBSCRIBE, UNARY
from tests.carriers import CARRIERS, Carrier, Ended, run
from tests.server.access.tokens_for import OTHER, bearer, key_file, token
from tests.server.services import Running, running

EVENTS = [pb.FEATURE_EVENTS]
ADMIN_TOKEN = "the-admins"

NEEDS = {
    "CreateChatRoom": Right.CREATE,
    "ListChatRooms": Right.LIST,
    "DeleteChatRoom": Right.ADMIN,
    "ListMessages": Right.HISTORY,
    "SearchMessages": Right.HISTORY,
    "ListMembers": Right.JOIN,
    "RemoveMember": Right.MODERATE,
    "SendMessage": Right.SEND,
    "UpdateChatRoom": Right.MODERATE,
    "SetMember": Right.MODERATE,
    "WithdrawMessage": Right.MODERATE,
    "CreateBan": Right.MODERATE,
    "LiftBan": Right.MODERATE,
    "ListBans": Right.MODERATE,
    "CreateInvitation": Right.MODERATE,
    "RevokeInvitation": Right.MODERATE,
    "ListInvitations": Right.MODERATE,
    "ListAuditRecords": Right.ADMIN,
    "Chat": Right.JOIN,
    "Subscribe": Right.JOIN,
}
"""The right that each method needs; SendMessage needs a session as well."""

REQUESTS: dict[str, Any] = {
    "CreateChatRoom": pb.CreateChatRoomRequest(title="new"),
    "ListChatRooms": pb.ListChatRoomsRequest(),
    "DeleteChatRoom": pb.DeleteChatRoomRequest(room_id="doomed"),
    "ListMessages": pb.ListMessagesRequest(room_id="lobby"),
    "SearchMessages": pb.SearchMessagesRequest(room_id="lobby", query="word"),
    "ListMembers": pb.ListMembersRequest(room_id="lobby"),
    "RemoveMember": pb.RemoveMemberRequest(room_id="lobby", name="Nobody"),
    "SendMessage": pb.SendMessageRequest(session="none", message=pb.Message(message="hey")),
    "UpdateChatRoom": pb.UpdateChatRoomRequest(room_id="lobby", title="Tea"),
    "SetMember": moderation.SetMemberRequest(room_id="lobby", name="Nobody", muted=True),
    "WithdrawMessage": moderation.WithdrawMessageRequest(room_id="lobby", sequence=999),
    "CreateBan": moderation.Ban(room_id="lobby", name="Nobody"),
    "LiftBan": moderation.LiftBanRequest(ban_id="none"),
    "ListBans": moderation.ListBansRequest(room_id="lobby"),
    "CreateInvitation": moderation.CreateInvitationRequest(room_id="lobby"),
    "RevokeInvitation": moderation.RevokeInvitationRequest(invitation_id="none"),
    "ListInvitations": moderation.ListInvitationsRequest(room_id="lobby"),
    "ListAuditRecords": moderation.ListAuditRecordsRequest(),
}

UNKNOWN = {"TOKEN_REQUIRED", "TOKEN_INVALID", "TOKEN_EXPIRED", "TOKEN_REVOKED"}
ALLOWED = {
    "", "MEMBER_NOT_FOUND", "SESSION_UNKNOWN", "SESSION_MISMATCH", "ROOM_NOT_FOUND",
    "REQUEST_INVALID",
}  # fmt: skip
"""Reasons of refusals that come after it was decided that somebody may."""


numbers = count()


def only(*rights: Right) -> dict[str, bool]:
    """The claim `chat` that grants these, and nothing else."""
    return {str(right): right in rights for right in Right}


def test_every_method_is_in_the_table() -> None:
    assert {path.rpartition("/")[2] for path in (*UNARY, CHAT, SUBSCRIBE)} == set(NEEDS)


async def outcome(carrier: Carrier, method: str, headers: dict[str, str] | None) -> str:
    """The reason why it was refused; empty: it was not."""
    try:
        if method in REQUESTS:
            await carrier.call(method, REQUESTS[method], headers)
            return ""
        name = f"Guest {next(numbers)}"
        join = pb.JoinChat(room_id="lobby", features=EVENTS, name=name)
        if method == "Subscribe":
            stream = carrier.subscribe(join, headers)
        else:
            stream = carrier.chat(headers)
            await stream.send(pb.ChatMessage(join=join))
        await stream.receive()
        await stream.cancel()
    except Ended as ended:
        expected = "UNAUTHENTICATED" if ended.reason in UNKNOWN else "PERMISSION_DENIED"
        if ended.reason in UNKNOWN or ended.reason == "GRANT_MISSING":
            assert expected == ended.code
        assert ended.reason, ended
        return ended.reason
    return ""


async def check(carrier: Carrier, headers: dict[str, str] | None, expected: dict[str, str]) -> None:
    for method, reason in expected.items():
        found = await outcome(carrier, method, headers)
        if reason:
            assert reason == found, method
        else:
            assert found in ALLOWED, (method, found)


@pytest.mark.parametrize("protocol", CARRIERS)
def test_every_grant_gives_its_methods_and_no_other(protocol: str, tmp_path: Path) -> None:
    """Nothing, each right alone, all that members have; wrong, expired and admin's tokens."""
    admin = tmp_path / "admin"
    admin.write_text(ADMIN_TOKEN)
    admin.chmod(0o600)

    def missing(*rights: Right, reason: str = "GRANT_MISSING") -> dict[str, str]:
        return {
            method: "" if need in rights or Right.ADMIN in rights else reason
            for method, need in NEEDS.items()
        }

    async def scene() -> None:
        async with running(
            keys=key_file(tmp_path / "keys"),
            admin_token_file=admin,
            rooms=("lobby", "doomed"),
            limits=Limits(grace=0.0),
        ) as server:
            carrier = CARRIERS[protocol](server.port)
            await check(carrier, None, missing(reason="TOKEN_REQUIRED"))
            await check(carrier, {"authorization": "Basic x"}, missing(reason="TOKEN_REQUIRED"))
            for wrong in (bearer("x"), bearer(token(secret=OTHER)), bearer(token(key="other"))):
                await check(carrier, wrong, missing(reason="TOKEN_INVALID"))
            await check(carrier, bearer(token(valid_for=-60)), missing(reason="TOKEN_EXPIRED"))
            await check(carrier, bearer(token(chat=only())), missing())
            await check(carrier, bearer(token()), missing(*USUAL))
            for right in Right:
                if right is not Right.ADMIN:  # it deletes the room that others are to find
                    await check(carrier, bearer(token(chat=only(right))), missing(right))
            await check(carrier, bearer(token(chat=only(Right.ADMIN))), missing(Right.ADMIN))
            await server.service.hub.rooms.create(room_id="doomed")
            await check(carrier, bearer(ADMIN_TOKEN), missing(Right.ADMIN))
            await carrier.close()

    run(scene())


@pytest.mark.parametrize("protocol", CARRIERS)
def test_whoever_shows_nothing_may_do_what_anybody_may(protocol: str) -> None:
    """By `--anonymous`; a token that nothing can be compared with does not count."""

    async def scene() -> None:
        grant = anonymous(("join", "list"))
        async with running(anonymous=grant, rooms=("lobby", "doomed")) as server:
            carrier = CARRIERS[protocol](server.port)
            expected = {
                method: "" if need in (Right.JOIN, Right.LIST) else "TOKEN_REQUIRED"
                for method, need in NEEDS.items()
            }
            await check(carrier, None, expected)
            await check(carrier, bearer("for the proxy"), expected)
            await carrier.close()

    run(scene())


# ---- Rooms -------------------------------------------------------------------------------


async def refused(server: Running, method: str, request: Any, shown: str) -> tuple[str, str, str]:
    with pytest.raises(Ended) as ended:
        await server.carrier.call(method, request, bearer(shown))
    return ended.value.code, ended.value.reason, ended.value.message


def test_a_grant_is_for_its_rooms(tmp_path: Path) -> None:
    """By id or pattern; others are not listed, and say that a grant is missing."""
    team = token(chat={"rooms": ["team-*", "lobby"], "create": True})

    async def scene() -> None:
        rooms = ("lobby", "team-a", "team-b", "other", "xteam-c")
        async with running(keys=key_file(tmp_path / "keys"), rooms=rooms) as server:
            call = server.carrier.call
            listed = await call("ListChatRooms", pb.ListChatRoomsRequest(), bearer(team))
            assert ["lobby", "team-a", "team-b"] == [room.room_id for room in listed.chat_rooms]
            first = await call("ListChatRooms", pb.ListChatRoomsRequest(page_size=2), bearer(team))
            assert ["lobby", "team-a"] == [room.room_id for room in first.chat_rooms]
            assert "team-a" == first.next_page_token
            only = token(chat={"rooms": ["other"]})
            one = await call("ListChatRooms", pb.ListChatRoomsRequest(page_size=1), bearer(only))
            assert ["other"] == [room.room_id for room in one.chat_rooms]
            assert not one.next_page_token  # those behind it are not told of
            for room_id, reason in {"team-a": "", "other": "GRANT_MISSING"}.items():
                request = pb.ListMessagesRequest(room_id=room_id)
                if reason:
                    code, found, _ = await refused(server, "ListMessages", request, team)
                    assert ("PERMISSION_DENIED", reason) == (code, found)
                else:
                    await call("ListMessages", request, bearer(team))
            new = pb.CreateChatRoomRequest(room_id="team-new")
            assert "team-new" == (await call("CreateChatRoom", new, bearer(team))).room_id
            for request in (
                pb.CreateChatRoomRequest(room_id="elsewhere"),
                pb.CreateChatRoomRequest(),
                pb.CreateChatRoomRequest(private=True),
            ):
                assert (
                    "GRANT_MISSING" == (await refused(server, "CreateChatRoom", request, team))[1]
                )

    run(scene())


@pytest.mark.parametrize(
    "method",
    [
        "ListMessages", "SearchMessages", "ListMembers", "RemoveMember", "UpdateChatRoom",
        "SetMember", "WithdrawMessage", "CreateBan", "ListBans", "CreateInvitation",
        "ListInvitations",
    ],
)  # fmt: skip
def test_a_private_room_that_one_may_not_enter_answers_as_one_that_is_not_there(
    method: str, tmp_path: Path
) -> None:
    """Code, reason and text; a pattern matches no private room, its very id does."""

    def request(room_id: str) -> Any:
        made = type(REQUESTS[method])()
        made.CopyFrom(REQUESTS[method])
        made.room_id = room_id
        return made

    async def scene() -> None:
        async with running(keys=key_file(tmp_path / "keys")) as server:
            private = await server.service.hub.rooms.create(private=True)
            missing = f"{int(private.room_id, 16) ^ 1:032x}"
            everywhere = token(chat={"rooms": ["*"], "moderate": True})
            answers = [
                await refused(server, method, request(room_id), everywhere)
                for room_id in (private.room_id, missing)
            ]
            assert [("NOT_FOUND", "ROOM_NOT_FOUND")] * 2 == [answer[:2] for answer in answers]
            told = [
                answer[2].replace(room_id, "ID")
                for answer, room_id in zip(answers, (private.room_id, missing), strict=True)
            ]
            assert told[0] == told[1]
            exactly = token(chat={"rooms": [private.room_id], "moderate": True})
            try:
                await server.carrier.call(method, request(private.room_id), bearer(exactly))
            except Ended as ended:
                assert ended.reason in {"MEMBER_NOT_FOUND", "REQUEST_INVALID"}

    run(scene())


def test_a_room_is_moderated_by_who_created_it_where_the_grant_says_so(tmp_path: Path) -> None:
    """Also after a restart, and by nobody else; without that grant it is nobody's."""
    chat = {"rooms": ["*"], "create": True, "create_moderates": True}
    ann, bob = token("ann", chat=chat), token("bob", chat=chat)
    plain = token("cat", chat={"create": True})
    keys = key_file(tmp_path / "keys")

    def remove(room_id: str) -> pb.RemoveMemberRequest:
        return pb.RemoveMemberRequest(room_id=room_id, name="Nobody")

    async def scene() -> None:
        async with running(tmp_path / "data", keys=keys) as server:
            create = pb.CreateChatRoomRequest
            call = server.carrier.call
            await call("CreateChatRoom", create(room_id="anns"), bearer(ann))
            private = await call("CreateChatRoom", create(private=True), bearer(ann))
            await call("CreateChatRoom", create(room_id="cats"), bearer(plain))
        async with running(tmp_path / "data", keys=keys) as server:
            call = server.carrier.call
            for room_id in ("anns", private.room_id):
                answer = await refused(server, "RemoveMember", remove(room_id), ann)
                assert "MEMBER_NOT_FOUND" == answer[1]
            assert (
                "GRANT_MISSING" == (await refused(server, "RemoveMember", remove("anns"), bob))[1]
            )
            answer = await refused(server, "RemoveMember", remove("cats"), plain)
            assert "GRANT_MISSING" == answer[1]
            delete = pb.DeleteChatRoomRequest(room_id="anns")
            former = token("ann", chat={"rooms": ["*"]})  # as it is once she may no longer
            for method, asked in {"RemoveMember": remove("anns"), "DeleteChatRoom": delete}.items():
                assert "GRANT_MISSING" == (await refused(server, method, asked, former))[1]
            answer = await refused(server, "RemoveMember", remove(private.room_id), former)
            assert "ROOM_NOT_FOUND" == answer[1]
            assert "GRANT_MISSING" == (await refused(server, "DeleteChatRoom", delete, bob))[1]
            await call("DeleteChatRoom", delete, bearer(ann))

    run(scene())
