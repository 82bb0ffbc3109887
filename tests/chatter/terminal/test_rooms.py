"""Several rooms on one screen."""

from __future__ import annotations

import pytest

from chatroom.client import Kind

BELL = b"\x07"


def bar(terminal) -> str:
    return terminal.screen[-3].rstrip()


def there(terminal, room: str) -> None:
    """Wait until this room is on the screen."""
    terminal.wait(lambda rows: rows[-2].startswith(f" {room} · "))


@pytest.fixture
def other(guests) -> str:
    return guests.new_room()


@pytest.fixture
def bob_in_both(bob, room, other):
    """Bob's terminal in two rooms, the other one on the screen."""
    bob.type(f"/join {other}\r")
    there(bob, other)
    bob.until("you have entered the chat")
    return bob


def test_a_room_is_opened_beside_the_present_one(bob, guests, room, other) -> None:
    """One is in both; each has its own messages, and the bar shows them only then."""
    alice, carol = guests.enter(room, "Alice"), guests.enter(other, "Carol")
    alice.say("stay!")
    bob.until("Alice  stay!")
    assert "1 " + room not in bob.text
    bob.type(f"/join {other}\r")
    bob.until(f" {other} · 2 members", "you have entered the chat")
    assert "stay!" not in bob.text
    assert f" 1 {room}  2 {other}" == bar(bob)
    carol.say("welcome")
    bob.until("Carol  welcome")
    bob.press("a-1")
    bob.until(f" {room} · 2 members", "Alice  stay!")
    assert "welcome" not in bob.text
    for each, guest in ((room, "Alice"), (other, "Carol")):
        members = guests.do(lambda chat, each=each: chat.members(each))
        assert {guest, "Bob"} == {member.name for member in members}


def test_what_comes_elsewhere_is_counted(bob_in_both, guests, room, other) -> None:
    """How many messages, a mark if one names Bob, and none of it once one has looked."""
    bob = bob_in_both
    alice = guests.enter(room, "Alice")
    alice.say("one", "two")
    bob.wait(lambda _: bar(bob) == f" 1 {room} +2  2 {other}")
    assert BELL not in bob.raw
    alice.say("Bob, three")
    bob.wait(lambda _: bar(bob) == f" 1 {room} +3!  2 {other}")
    bob.wait(lambda _: BELL in bob.raw)
    bob.press("a-1")
    bob.until("─ new ─", "Alice  one", "Alice  Bob, three")
    assert f" 1 {room}  2 {other}" == bar(bob)
    bob.press("a-2", "a-1")
    bob.until_gone("─ new ─")


def test_turning_to_a_room(bob_in_both, guests, room, other) -> None:
    """By number, to the next and the one before, to where one is named, and by /join."""
    bob = bob_in_both
    third = guests.new_room()
    bob.type(f"/join {third}\r")
    there(bob, third)
    for keys, expected in (
        ("a-2", other), ("a-right", third), ("a-right", room), ("a-left", third), ("a-9", third),
        ("a-left", other),
    ):  # fmt: skip
        bob.press(keys)
        there(bob, expected)
    guests.enter(third, "Alice").say("news")
    guests.enter(room, "Alice").say("Bob!")
    bob.wait(lambda _: bar(bob) == f" 1 {room} +1!  2 {other}  3 {third} +1")
    for expected in (room, third, third):
        bob.press("a-a")
        there(bob, expected)
    bob.type(f"/join {other}\r")
    there(bob, other)
    bob.type(f"/join {room} Robert\r")
    bob.until(f"you are in {room} as Bob; /leave it first")


def test_turning_to_a_room_by_a_command(bob_in_both, room, other) -> None:
    """Its number in the bar, or its id; by the words of other chats too."""
    bob = bob_in_both
    for line, shown in (
        ("/turn 1", room), (f"/buffer {other}", other), ("/window 1", room), ("/turn 2", other),
    ):  # fmt: skip
        bob.type(f"{line}\r")
        there(bob, shown)
    bob.type("/turn 3\r")
    bob.until("3 is not open: 2 rooms are; /join ROOM opens one")
    there(bob, other)


def test_each_room_keeps_its_line_and_its_place(bob_in_both, guests, room, other) -> None:
    """What is half typed, what was typed before, and where one has scrolled to."""
    bob = bob_in_both
    bob.type("said here\r")
    bob.until("Bob  said here")
    guests.enter(room, "Alice").say(*(f"message {number}" for number in range(1, 61)))
    bob.wait(lambda _: "+60" in bar(bob))
    bob.type("half 👩‍👩‍👧 a line")
    bob.press("a-1")
    bob.wait(lambda rows: rows[-1] == "Bob>" and "message 60" in bob.text)
    bob.press("pageup")
    bob.until(" below")
    before = bob.screen[:-3]
    bob.type("another")
    bob.press("a-2")
    bob.until("Bob  said here", "a line")
    bob.press("backspace")
    bob.wait(lambda rows: rows[-1].endswith("a lin"))
    bob.press("a-1")
    bob.wait(lambda rows: rows[-1] == "Bob> another")
    assert before == bob.screen[:-3]
    bob.press("c-c")
    bob.wait(lambda rows: rows[-1] == "Bob>")
    bob.press("up")
    bob.wait(lambda rows: rows[-1] == f"Bob> /join {other}")
    bob.press("a-2")
    bob.wait(lambda rows: rows[-1].endswith("a lin"))
    bob.press("c-c")
    bob.wait(lambda rows: rows[-1] == "Bob>")
    bob.press("up")
    bob.wait(lambda rows: rows[-1] == "Bob> said here")


def test_a_line_that_waits_is_not_typed_again(bob_in_both, guests, room) -> None:
    """Who turns away with half a line has stopped typing, and does not begin by coming back."""
    bob = bob_in_both
    alice = guests.enter(room, "Alice", typing=True)
    bob.press("a-1")
    bob.until(f" {room} · 2 members")
    bob.type("half")
    alice.until(lambda message: message.kind is Kind.TYPING and message.event.active)
    bob.press("a-2")
    alice.until(lambda message: message.kind is Kind.TYPING and not message.event.active)
    bob.press("a-1")
    bob.wait(lambda rows: rows[-1] == "Bob> half")
    bob.press("enter")
    alice.until(lambda message: message.text == "half")
    assert [True, False] == [
        message.event.active for message in alice.heard if message.kind is Kind.TYPING
    ]


def test_leaving_a_room(bob_in_both, guests, room, other) -> None:
    """The others see it; the next room is on the screen. The last one ends chatter."""
    bob = bob_in_both
    bob.type("/leave\r")
    there(bob, room)
    bob.until_gone(f"1 {room}")
    while guests.do(lambda chat: chat.members(other)):
        pass
    newest = guests.do(lambda chat: chat.history(other)).messages[-1]
    assert ("left", "quit") == (newest.kind, newest.event.reason)
    bob.type("/leave\r")
    assert 0 == bob.end()
    assert () == tuple(guests.do(lambda chat: chat.members(room)))


def test_leaving_all_rooms(bob_in_both, guests, room, other) -> None:
    """Ctrl-D leaves each in order."""
    bob_in_both.press("c-d")
    assert 0 == bob_in_both.end()
    for each in (room, other):
        newest = guests.do(lambda chat, each=each: chat.history(each)).messages[-1]
        assert ("left", "quit") == (newest.kind, newest.event.reason)


def test_a_room_that_is_deleted_elsewhere(bob_in_both, guests, room, other) -> None:
    """It is marked and told there; what is typed here is undisturbed; Enter closes it there."""
    bob = bob_in_both
    bob.type("undisturbed")
    guests.do(lambda chat: chat.delete_room(room, reason="done"))
    bob.wait(lambda _: bar(bob) == f" 1 {room} +1 ×  2 {other}")
    bob.press("enter")
    bob.until("Bob  undisturbed")
    bob.press("a-1")
    bob.until(f"Room {room} was closed: done; Enter closes this room")
    bob.press("enter")
    there(bob, other)
    bob.until_gone(f" {room} ×")
    bob.press("c-d")
    assert 0 == bob.end()


def test_a_room_that_has_ended_is_joined_again_in_its_place(bob_in_both, guests, room) -> None:
    """Who was removed goes back by /join, and nothing else moves in the bar."""
    bob = bob_in_both
    before = bar(bob)
    guests.do(lambda chat: chat.remove_member(room, "Bob", "cool down"))
    bob.wait(lambda _: "×" in bar(bob))
    bob.type(f"/join {room}\r")
    there(bob, room)
    bob.wait(lambda _: bar(bob) == before)
    bob.type("back\r")
    bob.until("Bob  back")


def test_several_rooms_at_the_start(guests, room, other, emulator) -> None:
    """The first is shown, the others are beside it; what goes wrong is told in the first."""
    guests.enter(other, "Carol").say("one", "two")
    guests.enter(room, "Alice").say("first")
    rooms = [f"--room={each}" for each in (room, other, "nowhere", other)]
    at = ("--host", guests.address, *rooms, "--name", "Bob", "--history", "1")
    with emulator(*at) as bob:
        bob.until(
            "Alice  first", "no room nowhere", f" 1 {room}  2 {other}", f" {room} · 2 members"
        )
        bob.type("here\r")
        bob.until("Bob  here")
        bob.press("a-2")
        bob.until("Carol  two", f" {other} · 2 members")
        assert "Carol  one" not in bob.text
        bob.press("c-d")
        assert 0 == bob.end()


def test_one_is_asked_for_ones_name_once(guests, room, other, emulator) -> None:
    """It is the name in all rooms."""
    with emulator("--host", guests.address, CHATTER_ROOM=f"{room} {other}") as bob:
        bob.until("Enter a Name Tag:")
        bob.type("Bob\r")
        bob.until(f" 1 {room}  2 {other}")
        for each in (room, other):
            members = guests.do(lambda chat, each=each: chat.members(each))
            assert ["Bob"] == [member.name for member in members]
