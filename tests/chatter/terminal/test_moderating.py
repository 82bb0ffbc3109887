"""What moderators do on the screen, and what of it is seen there."""

from __future__ import annotations

import re

import pytest

from chatroom.chatter.terminal.orders import whom
from chatroom.client import Kind
from tests.client.servers import OURS, running

from .guests import guests_at
from .test_commands import type_line


def entries(guests, room: str):
    return guests.do(lambda chat: chat.history(room)).messages


def test_a_withdrawn_message_is_replaced(bob, guests, room) -> None:
    """In its place, whoever withdraws it; what others say stays, and nothing is beeped at."""
    alice = guests.enter(room, "Alice")
    alice.say("the code is 4711", "and this stays")
    bob.until("Alice  the code is 4711", "Alice  and this stays")
    sequence = next(each.sequence for each in entries(guests, room) if "4711" in each.text)
    guests.do(lambda chat: chat.withdraw(room, sequence, "private"))
    bob.until("Alice  (withdrawn)", "→  a message of Alice was withdrawn: private")
    assert "4711" not in bob.text
    assert "Alice  and this stays" in bob.text
    assert bob.style_of("(withdrawn)").faint


def test_withdrawing_the_newest_message_of_somebody(bob, guests, room) -> None:
    """By the name, in any case; again, the one before; then there is none, and it says so."""
    guests.enter(room, "Alice").say("first", "second")
    bob.until("Alice  second")
    type_line(bob, "/withdraw alice")
    bob.until("withdrawn: its text is gone from the server", "Alice  first")
    bob.until_gone("Alice  second")
    type_line(bob, "/withdraw Alice")
    bob.until_gone("Alice  first")
    type_line(bob, "/withdraw Alice")
    bob.until("nothing that Alice said is here")
    assert ["(withdrawn)", "(withdrawn)"] == [
        each.text for each in entries(guests, room) if each.withdrawn
    ]


def test_withdrawing_by_number(bob, guests, room) -> None:
    """One's own too."""
    type_line(bob, "never mind")
    bob.until("Bob  never mind")
    bob.wait(lambda _: not bob.style_of("never mind").faint)
    sequence = next(each.sequence for each in entries(guests, room) if each.kind is Kind.SAID)
    type_line(bob, f"/withdraw #{sequence}")
    bob.until("Bob  (withdrawn)")
    bob.until_gone("never mind")


def test_muting_and_unmuting(bob, guests, room) -> None:
    """The room is told; /who shows it; a name of two words needs no quotes."""
    guests.enter(room, "Johnny Boi")
    bob.until("2 members")
    type_line(bob, "/mute johnny boi too loud")
    bob.until("→  Johnny Boi was muted: too loud", "Johnny Boi may not speak now")
    type_line(bob, "/who")
    bob.until(f"2 in {room}: Bob, Johnny Boi (muted)")
    type_line(bob, "/unmute Johnny Boi")
    bob.until("→  Johnny Boi may speak again", "Johnny Boi may speak now")


def test_who_is_muted_is_told(bob, guests, room) -> None:
    """What they typed is shown with the refusal."""
    guests.do(lambda chat: chat.set_member(room, "Bob", muted=True))
    bob.until("→  Bob was muted")
    type_line(bob, "hello?")
    bob.until("not said: hello?", "chat server: a moderator has muted you")


def test_banning(bob, guests, room) -> None:
    """For a time, with a reason: by the session and by the name."""
    guests.enter(room, "Mallory")
    bob.until("2 members")
    type_line(bob, "/ban mallory 7days buy elsewhere")
    bob.until("'7days' is no time span")  # and nobody is banned for good
    bob.type("\x15")  # the line is still there, to be mended
    type_line(bob, "/ban mallory 7d buy elsewhere")
    bob.until("1 member", "Mallory was removed")
    type_line(bob, "/remove mallory")
    bob.until("nobody called 'mallory' is in room", "/who says who is")

    async def bans(chat):
        return [each async for each in chat.bans(room)]

    bob.until("banned member Mallory", "banned name Mallory")
    by_member, by_name = guests.do(bans)
    assert ("Mallory", "Mallory", "buy elsewhere") == (
        by_member.member, by_name.name, by_name.reason,
    )  # fmt: skip
    assert 6 <= (by_name.until - by_name.created).days <= 7


def test_banning_somebody_who_is_gone(bob, guests, room) -> None:
    """By the name alone, for good."""
    type_line(bob, "/ban Mallory")
    bob.until(f"banned name Mallory from room {room} for good")


def test_removing(bob, guests, room) -> None:
    """They may come back."""
    guests.enter(room, "Carol")
    bob.until("2 members")
    type_line(bob, "/remove Carol take a break")
    bob.until("1 member", "Carol was removed", "removed Carol")
    guests.enter(room, "Carol")
    bob.until("2 members")


def test_title_and_newcomers(bob, guests, room) -> None:
    """The status line has the new title at once."""
    type_line(bob, "/title Tea and  biscuits")
    bob.until("→  the title is now 'Tea and biscuits'", f" {room} · Tea and biscuits · 1 member")
    type_line(bob, "/close")
    bob.until("→  the room is closed to newcomers")
    type_line(bob, "/open")
    bob.until("→  newcomers may come")


def test_inviting(bob, guests, room) -> None:
    """A link and a line to type, for so many and for so long."""
    type_line(bob, "/invite 2 7d")
    bob.until("whoever gets one of these may come in:", "#token=inv_", "CHATTER_TOKEN=inv_")

    async def invitations(chat):
        return [each async for each in chat.invitations(room)]

    [made] = guests.do(invitations)
    assert 2 == made.uses_left
    assert made.until is not None


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/mute", "something is missing: /mute NAME [REASON]"),
        ("/unban", "something is missing: /unban NAME"),
        ("/close now", "too many words: /close"),
        ("/invite soon", "'soon' is no time span"),
        ("/withdraw Nobody", "nothing that Nobody said is here"),
        ("/help frobnicate", "there is no command /frobnicate"),
    ],
)
def test_what_cannot_be_meant_stays_to_be_corrected(bob, typed: str, told: str) -> None:
    """Nothing is asked of the server."""
    type_line(bob, typed)
    bob.until(told)
    bob.wait(lambda rows: rows[-1] == f"Bob> {typed}")


def test_help_for_moderators(bob) -> None:
    """/help lists what they may type; with a word it says what that does."""
    type_line(bob, "/help moderators")
    bob.until("/mute NAME [REASON] ", "/withdraw NAME ", "/close ")
    type_line(bob, "/help ban")
    bob.until("/ban NAME [TIME] [REASON]  keep them out")


def test_completing_whom(bob, guests, room) -> None:
    """Tab completes a name after a command, without a colon."""
    guests.enter(room, "Johnny Boi")
    bob.until("2 members")
    bob.type("/mute jo")
    bob.press("tab")
    bob.wait(lambda rows: rows[-1] == "Bob> /mute Johnny Boi")


def test_who_may_not_is_told_so(emulator) -> None:
    """In one line, each time; the room sees nothing of it."""
    options = ["--anonymous", "join,send,history", "--room", "lobby"]
    with running([*OURS, *options]) as address, guests_at(address) as guests:
        guests.enter("lobby", "Alice").say("hey")
        with emulator("--host", address, "--room", "lobby", "--name", "Bob") as bob:
            bob.until("have entered", "Alice  hey")
            for count, order in enumerate(
                ("/mute Alice", "/ban Alice", "/remove Alice", "/withdraw Alice", "/title x"), 1
            ):
                type_line(bob, order)
                bob.wait(
                    lambda rows, count=count: (
                        count == sum("grant 'moderate'" in row for row in rows)
                    )
                )
            type_line(bob, "/close")
            bob.wait(lambda rows: 6 == sum("'moderate'" in row for row in rows))
            assert all(
                re.search(r"• .*: it needs the grant 'moderate'|this needs the grant", row)
                for row in bob.screen
                if "'moderate'" in row
            )
            assert "Alice  hey" in bob.text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Bob", ("Bob", "")),
        ("Bob is rude", ("Bob", "is rude")),
        ("johnny boi is rude", ("Johnny Boi", "is rude")),
        ("johnny is rude", ("johnny", "is rude")),
        ("Johnny Boi the Second x", ("Johnny Boi the Second", "x")),
    ],
)
def test_names_of_several_words_are_known(words: str, expected: tuple[str, str]) -> None:
    """The longest that somebody here has; an unknown name is one word."""
    name, rest = whom(words.split(), ["Johnny Boi", "Johnny Boi the Second", "Bob"])
    assert expected == (name, " ".join(rest))


@pytest.mark.parametrize("order", ["/remove", "/kick", "/ban", "/mute"])
def test_nobody_moderates_oneself(guests, room, enter, order: str) -> None:
    """Not in any case, nor with a name of two words: it is told, and one stays in the room."""
    with enter(room, "Johnny Boi") as johnny:
        type_line(johnny, f"{order} johnny boi 8h")
        johnny.until("that is you", "/leave leaves the room")
        johnny.press("c-c")
        type_line(johnny, "still here")
        johnny.until("Johnny Boi  still here")

    async def banned(chat):
        return [ban async for ban in chat.bans(room)]

    assert [] == guests.do(banned)


def test_who_closes_a_room_by_mistake_is_told_how_to_undo_it(bob) -> None:
    """In other chats /close leaves it."""
    type_line(bob, "/close")
    bob.until("the room is closed to newcomers; /open undoes it, /leave")
    type_line(bob, "/open")
    bob.until("the room is open to newcomers")


def test_lifting_bans(bob, guests, room) -> None:
    """By the name, in any case, all of them; then /bans lists nobody, and they may come."""
    guests.enter(room, "Johnny Boi")
    bob.until("2 members")
    type_line(bob, "/ban Johnny Boi 7d caps")
    bob.until("banned name Johnny Boi", "/unban Johnny Boi lifts both")
    type_line(bob, "/bans")
    bob.until("banned:", "name Johnny Boi from room", ": caps")
    type_line(bob, "/unban johnny boi")
    bob.until("lifted the ban of member Johnny Boi", "lifted the ban of name Johnny Boi")
    type_line(bob, "/unban Johnny Boi")
    bob.until("nobody called Johnny Boi is banned here")
    type_line(bob, "/bans")
    bob.until("nobody is banned from this room")
    guests.enter(room, "Johnny Boi")
    bob.until("2 members")


def test_the_title_is_told(bob, room) -> None:
    """As it is in IRC, by /topic without one."""
    type_line(bob, "/topic")
    bob.until("the room has no title")
    type_line(bob, "/topic Tea")
    bob.until(f" {room} · Tea")
    type_line(bob, "/topic")
    bob.until("the title is 'Tea'")


def test_who_is_there_is_not_known_to_who_was_removed(bob, guests, room) -> None:
    """Neither by /who nor in the status: oneself would be among them."""
    guests.enter(room, "Alice")
    bob.until("2 members")
    guests.do(lambda chat: chat.remove_member(room, "Bob"))
    bob.until("you were removed", f" {room} · ended")
    bob.until_gone("2 members")
    type_line(bob, "/who")
    bob.until(f"you are no longer in {room}")
