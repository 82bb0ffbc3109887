"""Commands, completion, and what was typed before."""

from __future__ import annotations

import pytest

from chatroom.chatter.terminal.commands import COMMANDS, FOR_MODERATORS, KEYS, help_lines
from tests.chatter.terminal.guests import guests_at
from tests.client.servers import OURS, running


def type_line(terminal, text: str) -> None:
    terminal.type(text)
    terminal.press("enter")


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("/help", [command.usage for command in COMMANDS]),
        ("/help moderators", [command.usage for command in FOR_MODERATORS]),
        ("/help keys", [key for key, _ in KEYS]),
        ("/help /join", ["/join ROOM [NAME]  open a room, or turn to it"]),
    ],
)
def test_help(bob, typed: str, shown: list[str]) -> None:
    """Every command, and the keys that are not obvious, in two or three screens; each in a row."""
    type_line(bob, typed)
    bob.until(*shown)
    assert max(map(len, help_lines(tuple(typed.split()[1:])))) < 80 - 20


def test_who_is_here(bob, guests, room) -> None:
    """Everybody, in alphabetical order."""
    guests.enter(room, "Zoë")
    guests.enter(room, "alice")
    bob.until("3 members")
    type_line(bob, "/who")
    bob.until(f"3 in {room}: alice, Bob, Zoë")


def test_rooms(bob, guests, room) -> None:
    """Id, members, title."""
    plants = guests.new_room(title="Plants")
    type_line(bob, "/rooms")
    bob.until(f"{room} (1)", f"{plants} (0) Plants")


def test_going_to_a_room_that_is_not(bob, room) -> None:
    """The refusal is told, and one stays where one is."""
    type_line(bob, "/join nowhere")
    bob.until("nowhere", f" {room} · 1 member")
    bob.wait(lambda rows: any("•" in row and "no room" in row for row in rows))
    type_line(bob, "still here")
    bob.until("Bob  still here")


def test_a_line_on_the_way_to_another_room(bob, guests, room) -> None:
    """What is typed straight after /join is not said in the room that is being left."""
    other = guests.new_room()
    bob.type(f"/join {other}\r")
    bob.wait(lambda rows: b"joining" in bob.raw or rows[-2].startswith(f" {other} "))
    bob.type("secret\r")
    bob.until(f" {other} · 1 member")
    if "Bob> secret" in bob.screen[-1]:  # it was held; Enter says it here
        bob.press("enter")
    bob.until("Bob  secret")
    bob.wait(lambda _: not bob.style_of("secret").faint)
    here = guests.do(lambda chat: chat.history(room)).messages
    there = guests.do(lambda chat: chat.history(other)).messages
    assert "secret" not in {message.text for message in here}
    assert "secret" in {message.text for message in there}


def test_two_rooms_at_once(bob, guests, room) -> None:
    """One after the other; both are open then."""
    first, second = guests.new_room(), guests.new_room()
    bob.type(f"/join {first}\r")
    bob.wait(lambda rows: b"joining" in bob.raw or rows[-2].startswith(f" {first} "))
    bob.type(f"/join {second}\r")
    bob.wait(lambda rows: rows[-2].startswith((f" {first} · 1 member", f" {second} · 1 member")))
    if f"/join {second}" in bob.screen[-1]:  # it was held: Bob was on the way to the first
        bob.press("enter")
    bob.until(f" {second} · 1 member")
    assert {"Bob"} == {
        member.name
        for each in (room, first, second)
        for member in guests.do(lambda chat, each=each: chat.members(each))
    }


def test_going_on_with_much_to_say(emulator, piped) -> None:
    """A room is left when all that was said in it is stored, and so is the program."""
    slow = [*OURS, "--message-rate", "20", "--message-burst", "4", "--room", "a", "--room", "b"]
    with running(slow) as address, guests_at(address) as guests:
        with emulator("--host", address, "--room", "a", "--name", "Bob") as bob:
            bob.until("you have entered the chat")
            bob.paste("\n".join(f"line {number}" for number in range(40)))
            bob.until("Paste 40 lines?")
            bob.type("l")
            bob.until("Bob  line 39")
            bob.type("/join b\r")
            bob.until(" b · 1 member")
            bob.press("a-1")
            bob.until(" a · 1 member")
            bob.type("/leave\r")
            bob.until(" b · 1 member")
            bob.press("c-d")
            assert 0 == bob.end()
        entries = guests.do(lambda chat: chat.history("a")).messages
        said = [message.text for message in entries if message.kind == "said"]
        assert [f"line {number}" for number in range(40)] == said
        assert "quit" == entries[-1].event.reason


def test_bytes_that_are_no_text(bob, guests, room) -> None:
    """What a terminal of another encoding types is refused and told, and stays to be mended."""
    bob.send_bytes(b"caf\xe9\r")
    bob.until("not said: this is not UTF-8, in which the locale says text", "(LANG, LC_ALL)")
    bob.wait(lambda rows: rows[-1] == "Bob> caf?")
    bob.press("backspace")
    bob.type("é\r")
    bob.until("Bob  café")
    bob.send_bytes(b"/join b\xe9\r")
    bob.wait(lambda rows: sum("this is not UTF-8" in row for row in rows) == 2)
    bob.press("c-c")
    said = [m.text for m in guests.do(lambda chat: chat.history(room)).messages]
    assert "café" == said[-1]


def test_a_terminal_of_another_encoding(room, enter, guests) -> None:
    """With a locale of that encoding its text is read as what it is, and shown in it."""
    with enter(room, LC_ALL="de_DE.ISO-8859-1", PYTHONIOENCODING="latin-1") as bob:
        bob.send_bytes(b"caf\xe9\r")
        bob.wait(lambda rows: rows[-1] == "Bob>")
        said: list[str] = []
        while not said:
            page = guests.do(lambda chat: chat.history(room))
            said = [message.text for message in page.messages if message.kind == "said"]
        assert ["café"] == said
        bob.wait(lambda _: b"caf\xe9" in bob.raw)


def test_going_under_another_name(bob, guests, room) -> None:
    """The name may have several words."""
    other = guests.new_room()
    guests.enter(other, "Bob")
    type_line(bob, f"/join {other} Bob the Builder")
    bob.until(f" {other} · 2 members", "Bob the Builder>")


def test_history(guests, room, enter) -> None:
    """Earlier entries come above, as many as asked for; at the beginning it says so."""
    guests.enter(room, "Alice").say(*(f"message {number}" for number in range(1, 61)))
    with enter(room) as bob:
        bob.until("message 60", "message 51")
        type_line(bob, "/history 20")
        bob.until("message 50", "↓")
        assert bob.style_of("message 50").faint
        bob.press("pageup")
        bob.until("message 32")
        bob.press("pageup")  # from here on of itself
        bob.until("message 20")
        for _ in range(4):
            bob.press("pageup")
        bob.until("Alice has entered the chat", "message 1")
        bob.press("pageup")
        bob.press("esc")
        bob.until("message 60", "there is nothing earlier that the room keeps")
        assert "↓" not in bob.text


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/frobnicate", "there is no command /frobnicate"),
        ("/history many", "many is not a number from 1 to 1000"),
        ("/history 0", "0 is not a number from 1 to 1000"),
        ("/history 1 2", "too many words: /history [N]"),
        ("/join", "which room? /join ROOM [NAME]"),
        ("/", "there is no command /"),
    ],
)
def test_what_cannot_be_done_stays_to_be_corrected(bob, typed: str, told: str) -> None:
    """It is told what is wrong, nothing is said, and the line is still there."""
    type_line(bob, typed)
    bob.until(told)
    bob.wait(lambda rows: rows[-1] == f"Bob> {typed}")


def test_a_text_that_begins_with_a_slash(bob) -> None:
    """With a second slash."""
    type_line(bob, "//etc/hosts")
    bob.until("Bob  /etc/hosts")


def test_completing_a_command(bob) -> None:
    """A slash offers all of them with what they do; Tab takes one."""
    bob.type("/")
    bob.until("/history", "so does Page Up")
    bob.type("wh")
    bob.until_gone("/history")
    bob.press("tab", "enter")
    bob.until("1 in ")


def test_completing_a_name(bob, guests, room) -> None:
    """Tab completes whom one speaks to, with a colon at the beginning of the line."""
    guests.enter(room, "Johnny Boi")
    bob.until("2 members")
    bob.type("jo")
    bob.press("tab")
    bob.wait(lambda rows: rows[-1] == "Bob> Johnny Boi:")
    bob.type("hi, Johnny B")
    bob.press("tab", "enter")
    bob.until("Bob  Johnny Boi: hi, Johnny Boi")


def test_what_was_typed_before(bob) -> None:
    """Up brings it back, newest first; Down goes forward, to what was being typed."""
    for text in ("first", "second"):
        type_line(bob, text)
        bob.until(f"Bob  {text}")
    bob.type("third")
    for key, line in (("up", "second"), ("up", "first"), ("down", "second"), ("down", "third")):
        bob.press(key)
        bob.wait(lambda rows, line=line: rows[-1] == f"Bob> {line}")


def test_several_lines_in_one_message(bob, guests, room) -> None:
    """Alt-Enter begins a new line; the message has both."""
    bob.type("first line")
    bob.press("a-enter")
    bob.type("second line")
    bob.until("first line", "second line")
    bob.press("enter")
    bob.until("Bob  first line", "                    second line")
    page = guests.do(lambda chat: chat.history(room, page_size=1))
    assert "first line\nsecond line" == page.messages[0].text


def test_quit(bob, guests, room) -> None:
    """Leaves at once, with exit code 0."""
    type_line(bob, "said just before")
    bob.until("Bob  said just before")
    type_line(bob, "/quit")
    assert 0 == bob.end()
    newest = guests.do(lambda chat: chat.history(room)).messages[-2:]
    assert [("said", "said just before"), ("left", "Has left the chat")] == [
        (message.kind, message.text) for message in newest
    ]


def test_ctrl_c_clears_then_ends(bob) -> None:
    """With something typed it is cleared; with nothing typed the program ends with 130."""
    bob.type("never mind")
    bob.until("never mind")
    bob.press("c-c")
    bob.until_gone("never mind")
    bob.press("c-c")
    assert 130 == bob.end()
    assert not bob.alternate


def test_what_was_said_is_searched_for(bob, guests, room) -> None:
    """What is found is shown in lines, the newest last; so is that nothing is."""
    alice = guests.enter(room, "Alice")
    alice.say("green tea", "black tea\nin a cup", "coffee")
    bob.until("Alice  coffee")
    type_line(bob, "/search TEA")
    bob.until("all with TEA:", "Alice: green tea", "Alice: black tea in a cup")
    type_line(bob, '/search "green tea" from:alice')
    bob.until('all with "green tea" from:alice:')
    type_line(bob, "/search milk")
    bob.until("nobody has said milk, as far as it is kept")
    type_line(bob, "/search")
    bob.until("something is missing: /search WORDS")
