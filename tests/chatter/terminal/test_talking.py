"""What is said, as it stands on the screen."""

from __future__ import annotations

import signal

import pytest

from chatroom.chatter.terminal.rows import NAME_COLOURS
from chatroom.chatter.terminal.style import NAMES
from tests.client.servers import OURS, process_of
from tests.faults.scale import scaled


def test_a_conversation(bob, guests, room, expect_at_the_bottom) -> None:
    """Time, name and text in columns; the status line has room, members, connection."""
    alice = guests.enter(room, "Alice")
    bob.until("Alice has entered the chat", "2 members")
    bob.type("Hello Alice")
    bob.press("enter")
    bob.until("Bob  Hello Alice")
    alice.say("Hi Bob, the text of this message is so long that it does not fit in a row")
    alice.leave()
    expect_at_the_bottom(
        bob,
        f"""
── DAY ──
HH:MM            →  you have entered the chat
HH:MM            →  Alice has entered the chat
HH:MM          Bob  Hello Alice
HH:MM        Alice  Hi Bob, the text of this message is so long that it does
                    not fit in a row
HH:MM            →  Alice has left the chat
 {room} · 1 member · connected N ms
Bob>
""",
    )


def test_a_narrow_terminal(room, enter, guests, expect_at_the_bottom) -> None:
    """40 by 12: names stand before the text, which is wrapped beside the time."""
    with enter(room, size=(12, 40)) as bob:
        guests.enter(room, "Alice").say("The text of this message wants more than a row")
        bob.type("And mine does not")
        bob.press("enter")
        bob.until("Bob: And mine")
        expect_at_the_bottom(
            bob,
            f"""
── DAY ──
HH:MM → you have entered the chat
HH:MM → Alice has entered the chat
HH:MM Alice: The text of this message
      wants more than a row
HH:MM Bob: And mine does not
 {room} · 2 members · connected N ms
>
""",
        )


def test_a_resized_terminal(bob, guests, room, expect_at_the_bottom) -> None:
    """Everything is drawn anew for the new size, in both directions."""
    guests.enter(room, "Alice").say("A text that fits into a row of eighty columns, not forty")
    bob.type("half a li")
    bob.until("not forty", "half a li")
    before = bob.screen
    bob.resize(12, 40)
    expect_at_the_bottom(
        bob,
        f"""
── DAY ──
HH:MM → you have entered the chat
HH:MM → Alice has entered the chat
HH:MM Alice: A text that fits into a
      row of eighty columns, not forty
 {room} · 2 members · connected N ms
> half a li
""",
    )
    bob.resize(24, 80)
    bob.wait(lambda rows: [*rows[:-2], rows[-1]] == [*before[:-2], before[-1]])


def test_own_messages_are_dim_until_they_are_stored(emulator) -> None:
    """A server that is held up has stored nothing; when it goes on, the message is said."""
    with (
        process_of([*OURS, "--room", "1"]) as (server, address),
        emulator("--host", address, "--room", "1", "--name", "Bob") as bob,
    ):
        bob.until("you have entered the chat", "ms")
        server.send_signal(signal.SIGSTOP)
        bob.type("Is anybody there?")
        bob.press("enter")
        bob.until("Bob  Is anybody there?")
        assert bob.style_of("Is anybody there?").faint
        server.send_signal(signal.SIGCONT)
        bob.wait(lambda _: not bob.style_of("Is anybody there?").faint)


def test_what_the_room_does_not_take_is_told(bob) -> None:
    """A message that is too long is not sent, and stays to be shortened."""
    bob.type("x" * 4097)
    bob.press("enter")
    bob.until("too long: this is 4,097 bytes, and a message has at most")
    bob.press("backspace", "enter")
    bob.wait(lambda rows: rows[-1] == "Bob>")


def test_earlier_messages_are_set_off(guests, room, enter) -> None:
    """They are dim, with a rule below them, and what is said from now on is not."""
    guests.enter(room, "Alice").say("long ago")
    with enter(room) as bob:
        bob.until("Alice  long ago", "earlier messages above")
        assert bob.style_of("long ago").faint
        rows = [row for row in bob.screen if row]
        shown = [
            next(row for row in rows if text in row) for text in ("long ago", "earlier", "you")
        ]
        assert shown == rows[1:4]
        bob.type("now")
        bob.press("enter")
        bob.until("Bob  now")
        bob.wait(lambda _: not bob.style_of("now").faint)


def test_names_have_a_colour_of_their_own(guests, room, enter) -> None:
    """The same in every terminal, and another one for another name."""
    alice, carol = guests.enter(room, "Alice"), guests.enter(room, "Carol")
    colours = []
    for name in ("Bob", "Dora"):
        with enter(room, name=name) as terminal:
            alice.say("I am Alice")
            carol.say("I am Carol")
            terminal.until("Alice  I am Alice", "Carol  I am Carol")
            terminal.wait(lambda rows: sum("I am Carol" in row for row in rows) >= 1)
            row = next(n for n, r in enumerate(terminal.screen) if "Alice  I" in r)
            other = next(n for n, r in enumerate(terminal.screen) if "Carol  I" in r)
            colours.append(
                (
                    terminal.style_of("Alice", row=row).fg,
                    terminal.style_of("Carol", row=other).fg,
                )
            )
    assert colours[0] == colours[1]
    assert colours[0][0] != colours[0][1]
    assert "default" not in colours[0]


def test_a_name_has_its_colour_in_what_is_told_of_it(bob, guests, room) -> None:
    """Who comes and goes is written as what they say."""
    alice = guests.enter(room, "Alice")
    alice.say("hello")
    bob.until("Alice has entered", "Alice  hello")
    alice.leave()
    bob.until("Alice has left")
    rows = [row for row, text in enumerate(bob.screen) if "Alice" in text]
    assert 3 == len(rows)
    assert 1 == len({bob.style_of("Alice", row=row).fg for row in rows})
    assert {"green"} == {bob.style_of("has", row=row).fg for row in (rows[0], rows[-1])}


def test_the_colours_of_names_can_be_read() -> None:
    """On black and on white, by the contrast of WCAG 2.2; the owner's sixteen mostly cannot."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (
            part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        )
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    assert NAME_COLOURS == len(set(NAMES))
    for colour in NAMES:
        assert 1.05 / (luminance(colour) + 0.05) > 3.8, f"{colour} on white"
        assert (luminance(colour) + 0.05) / 0.05 > 3.8, f"{colour} on black"


@pytest.mark.parametrize(
    ("options", "variables", "coloured"),
    [
        ((), {}, True),
        ((), {"NO_COLOR": "1"}, False),
        (("--color", "never"), {}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        ((), {"CHATTER_COLOR": "never"}, False),
    ],
)
def test_whether_there_are_colours(
    guests, room, emulator, options, variables, coloured: bool
) -> None:
    """The flag before the variables; a name is where it would be seen first."""
    at = ("--host", guests.address, "--room", room, "--name", "Bob")
    with emulator(*at, *options, **variables) as bob:
        bob.until("you have entered")
        bob.type("grey\r")
        bob.until("Bob  grey")
        row = next(row for row, text in enumerate(bob.screen) if "Bob  grey" in text)
        assert coloured == (bob.style_of("Bob", row=row).fg != "default")


def test_no_colour_where_none_is_wanted(guests, room, enter) -> None:
    """With NO_COLOR every cell has the terminal's own colours; dim and bold stay."""
    guests.enter(room, "Alice").say("grey")
    with enter(room, NO_COLOR="1") as bob:
        bob.until("Alice  grey")
        assert bob.style_of("grey").faint
        cells = [
            bob.attributes(row, column)
            for row, text in enumerate(bob.screen)
            for column in range(len(text))
        ]
    assert {("default", "default")} == {(cell.fg, cell.bg) for cell in cells}


def test_who_types_is_told(bob, guests, room) -> None:
    """In the status line, until they have said it."""
    alice = guests.enter(room, "Alice")
    bob.until("Alice has entered")
    alice.type()
    bob.until("Alice is typing")
    alice.say("typed")
    bob.until("Alice  typed")
    bob.until_gone("is typing")


def test_others_are_told_who_types(bob, guests, room, enter) -> None:
    """A key is enough; a command is nobody's concern."""
    with enter(room, name="Carol") as carol:
        bob.type("/help")
        bob.press("enter")
        bob.until("/who")
        assert "is typing" not in carol.text
        bob.type("H")
        carol.until("Bob is typing")
        bob.press("backspace")
        carol.until_gone("is typing")


def test_a_mention_stands_out(bob, guests, room) -> None:
    """A text with one's name in it is bold; one that has it in a longer word is not."""
    guests.enter(room, "Alice").say("hello bob!", "a bobsleigh")
    bob.until("hello bob!", "a bobsleigh")
    assert bob.style_of("hello bob!").bold
    assert not bob.style_of("a bobsleigh").bold


@pytest.mark.shortened
def test_a_flood_leaves_the_typed_line_alone(bob, guests, room) -> None:
    """1,000 messages a second for 3 s: every word shows, the line is sent as typed."""
    over = guests.enter(room, "Alice").flood(scaled(3000, 5000), per_second=1000)
    line = ""
    for word in [
        "this",
        "line",
        "is",
        "typed",
        "while",
        "a",
        "thousand",
        "messages",
        "a",
        "second",
        "come",
        "in",
    ]:
        bob.until("flood ")
        line += f"{word} "
        bob.type(f"{word} ")
        wanted = f"Bob> {line.strip()}"
        bob.wait(lambda rows, wanted=wanted: rows[-1] == wanted)
    over()
    bob.until(f"flood {scaled(3000, 5000)}")
    bob.press("enter")
    bob.until("Bob  this line is typed")
    said = guests.do(lambda chat: chat.history(room, page_size=1)).messages[0]
    assert ("Bob", line) == (said.name, said.text)


def test_a_server_of_the_original_kind(plain_server, emulator, piped, chatter) -> None:
    """It tells no events and echoes nothing: what is said is shown as handed over."""
    room = chatter("create", "--host", plain_server).stdout.strip()
    at = ("--host", plain_server, "--room", room, "--name")
    with emulator(*at, "Bob") as bob:
        bob.until("Bob  Has joined the chat")
        with piped(*at, "Alice") as alice:
            bob.until("Alice  Has joined the chat")
            bob.type("Hello Alice")
            bob.press("enter")
            bob.until("Bob  Hello Alice")
            bob.wait(lambda _: not bob.style_of("Hello Alice").faint)
            alice.hear("Bob: Hello Alice\n")
            alice.say("Hello Bob\n")
            bob.until("Alice  Hello Bob", f" {room} · connected")
            bob.type("/search hello\r")
            bob.until("this server cannot search; /find looks in what is here")
            bob.press("c-c", "a-r")  # what has no number cannot be answered either
            bob.wait(lambda rows: rows[-1] == "Bob>")
            assert "Answer" not in bob.text
        bob.press("c-d")
        assert 0 == bob.end()
