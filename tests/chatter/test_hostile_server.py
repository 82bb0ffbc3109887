"""A server that sends what ours would refuse: the terminal gets nothing of it but text.

Our server takes no control characters, but others may pass everything on that Protocol
Buffers take for a string: any Unicode.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import grpc
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from chatroom.api.rpc import chat_pb2 as pb
from tests.chatter import control_sequences
from tests.chatter.emulator import Emulator
from tests.chatter.hostile_server import SECONDS, HostileServer
from tests.chatter.hostile_text import (
    ANYTHING,
    BIDI,
    CONTROLS,
    INVISIBLE,
    NOT_CHARACTERS,
    SEQUENCES,
)
from tests.faults.scale import scaled

INTERFACES = {"lines": ["--plain"], "screen": []}
"""The interfaces that chatter has in a terminal, by the options that choose them."""
LINES = {"'\\r'", "'\\n'", "'\\t'"}
"""What lines of text consist of, besides text."""
MOVES = {f"CSI {parameter} {final}" for parameter in ("", "N") for final in "ABCDG"} | {
    "'\\x08'", "CSI  J", "CSI  K",
}  # fmt: skip
"""A screen moves its cursor in every direction (left by one: a backspace), and erases what
it draws over; which of it is sent depends on what has changed since the last time."""
LINKS = {"OSC 8", "CSI 4 m"}
"""A link leads to what it says, and is underlined; tests/chatter/terminal/test_links.py."""
SCREEN = MOVES | LINKS
TABLE = {"CSI 0 m", "CSI 1 m"}
"""A table has a heading."""

NEVER = (CONTROLS | BIDI | INVISIBLE | NOT_CHARACTERS) - {"\r"}
WIRE_TEXT = ANYTHING.map(lambda text: re.sub("[\ud800-\udfff]", "", text))
"""Any text that a string of Protocol Buffers holds."""
EVERYTHING = "<" + "".join(SEQUENCES) + ">"


@pytest.fixture
def hostile() -> Iterator[HostileServer]:
    with HostileServer().running() as server:
        yield server


def assert_harmless(t: Emulator, moment: int, allowed: set[str]) -> None:
    """Since the moment nothing has come but text and control sequences of allowed kinds."""
    came = t.raw[moment:]
    assert set() == control_sequences.kinds(came) - allowed
    assert set() == NEVER & set(control_sequences.text(came))
    assert set() == NEVER & set(t.text)


EVENTS = [
    "said", "entered", "left", "refused", "typing", "closed", "updated", "changed", "withdrawn",
    "mark",
]  # fmt: skip


MARKS = itertools.count(2)
"""Where withdrawn messages were in the log; 1 is an arrival."""


def message(kind: str, name: str, text: str) -> pb.Message:
    """A message of a kind, in which everything that is text is hostile."""
    member = pb.Member(name=name, reason=pb.LEAVE_REASON_REMOVED)
    sequence = next(MARKS) if kind == "mark" else 0
    events = {
        "said": {},
        "entered": {"entered": member},
        "left": {"left": member},
        "refused": {"refused": pb.Refused(reason=text, nonce=text)},
        "typing": {"typing": pb.Typing(active=True)},
        "closed": {"closed": pb.Closed(reason=text, successor=name)},
        "updated": {"updated": pb.ChatRoom(room_id=name, title=text)},
        "changed": {"changed": pb.Member(name=name, muted=True)},
        "withdrawn": {"withdrawn": pb.Withdrawn(sequence=1, reason=text)},
        "mark": {"withdrawn": pb.Withdrawn(sequence=sequence, reason=text)},
    }
    return pb.Message(name=name, message=text, sequence=sequence, **events[kind])


KINDS = st.sampled_from(["said", "said", *EVENTS])


@pytest.mark.shortened
@pytest.mark.parametrize("interface", INTERFACES)
def test_whatever_is_said(interface: str, hostile: HostileServer, emulator) -> None:
    """No message, of any kind and by any name, sends the terminal a control sequence.

    Allowed are those that harmless messages make the interface send.
    """
    options = ["--host", hostile.address, "--room", "1", "--name", "Bob", *INTERFACES[interface]]
    numbers = itertools.count()
    allowed = set(LINES)

    with emulator(*options, TERM="xterm-256color") as t:
        t.until("Joining room")

        def show(*messages: pb.Message) -> int:
            """Have it shown; the moment before."""
            moment = t.moment
            hostile.send(*messages)
            end = f"that was {next(numbers)}."
            hostile.say("Eve", end)
            t.wait(lambda _: end.encode() in t.raw[moment:] or end in t.text)
            return moment

        # One process takes all examples, so none can be tried again to make it smaller.
        @settings(max_examples=scaled(25, 100), deadline=None, phases=[Phase.generate])
        @given(st.lists(st.builds(message, KINDS, WIRE_TEXT, WIRE_TEXT), max_size=20))
        def nothing_but_text(messages: list[pb.Message]) -> None:
            assert_harmless(t, show(*messages), allowed)

        for kind in EVENTS:
            for name, text in (
                ("Eve", "hello"),
                ("Bob", "hello"),
                ("Zoë", "你好 " * 60),
                ("E\u0301", "a\tBob:\u00a0b\nc\n" * 9),
            ):
                show(message(kind, name, text))
        if interface != "lines":
            allowed |= control_sequences.kinds(t.raw) | SCREEN
        nothing_but_text()
        assert_harmless(t, 0, allowed)
        t.press("c-d")
        t.end()


@pytest.mark.parametrize(
    "command",
    [
        ["list"],
        ["create"],
        ["create", "room", "--title", EVERYTHING],
        ["delete", "1"],
        ["delete", EVERYTHING],
        ["--create"],
        ["--create", "--name", "Bob"],
        ["--room", EVERYTHING, "--name", "Bob"],
        ["--room", "1", "--name", EVERYTHING],
        ["list", "--host", "127.0.0.1:1\x1b[2J"],
        ["members", "1"],
        ["remove", "1", EVERYTHING],
        ["update", "1", "--title", EVERYTHING],
        ["mute", "1", EVERYTHING],
        ["moderator", "1", "Bob"],
        ["ban", "1", "--identity", EVERYTHING],
        ["unban", EVERYTHING],
        ["bans", "1"],
        ["invite", "1"],
        ["invites", "1"],
        ["uninvite", EVERYTHING],
        ["history", "1"],
        ["history", "1", "--json"],
        ["history", "1", "--since", EVERYTHING],
        ["--frobnicate", EVERYTHING],
    ],
    ids=lambda command: " ".join(command)[:20].encode("unicode_escape").decode(),
)
@pytest.mark.parametrize("refused", [False, True])
def test_whatever_commands_tell(
    command: list[str], refused: bool, hostile: HostileServer, emulator
) -> None:
    """What a server answers to a command, and what a script gave it, is shown as text."""
    hostile.name = EVERYTHING
    if refused:
        hostile.call_refusal = (grpc.StatusCode.PERMISSION_DENIED, "ADMIN_ONLY")
        hostile.refusal = (grpc.StatusCode.NOT_FOUND, "ROOM_NOT_FOUND")
    command = [argument.replace("\0", "") for argument in command]
    if command[0].startswith("--"):
        command = ["--plain", *command]
    with emulator(*command, CHATTER_HOST=hostile.address) as t:
        if not refused and "--name" in command:
            t.until("Joining room")
            t.press("c-d")
        assert t.end() in (0, 1, 2)
        assert_harmless(t, 0, LINES | TABLE)


@pytest.mark.parametrize("interface", INTERFACES)
def test_whatever_the_dialogue_offers(interface: str, hostile: HostileServer, emulator) -> None:
    """Rooms to pick, the refusal of a name and another name are shown as text."""
    hostile.refusal = (grpc.StatusCode.ALREADY_EXISTS, "NAME_TAKEN")

    def ask() -> Emulator:
        with emulator("--host", hostile.address, *INTERFACES[interface]) as t:
            t.until("Pick a room: ")
            t.type("2")
            t.press("enter")
            t.until("Enter a Name Tag: ")
            t.type("Bob")
            t.press("enter")
            t.wait(lambda _: t.raw.count(b"Enter a Name Tag: ", t.raw.find(b"chatter: ")) > 0)
            t.press("c-c")
            assert 130 == t.end()
        return t

    hostile.name = "harmless"
    own = control_sequences.kinds(ask().raw) | SCREEN if interface != "lines" else set()
    hostile.name = EVERYTHING
    assert_harmless(ask(), 0, LINES | own)


@pytest.mark.parametrize("interface", INTERFACES)
@pytest.mark.parametrize("reason", ["ROOM_CLOSED", "REMOVED", "SESSION_REPLACED", "OTHER"])
def test_whatever_an_ending_is_explained_with(
    interface: str, reason: str, hostile: HostileServer, emulator
) -> None:
    """The end of a room, why it was closed and where it goes on, are shown as text."""
    options = ["--host", hostile.address, "--room", "1", "--name", "Bob", *INTERFACES[interface]]

    def ended(text: str) -> Emulator:
        hostile.name = text
        with emulator(*options) as t:
            hostile.say("Eve", "hello")
            t.until("hello")
            if reason == "ROOM_CLOSED":
                hostile.send(message("closed", text, text))
            hostile.end(grpc.StatusCode.FAILED_PRECONDITION, reason)
            if interface == "screen":
                t.wait(lambda rows: rows[-2].rstrip().endswith("ended"))
                t.press("enter")
            assert (0 if reason == "ROOM_CLOSED" else 1) == t.end()
        return t

    own = control_sequences.kinds(ended("x").raw) | SCREEN if interface != "lines" else set()
    assert_harmless(ended(EVERYTHING), 0, LINES | own)


def test_lines_begin_with_the_names_of_their_authors(
    hostile: HostileServer, chatter, piped
) -> None:
    """In a pipe, no line begins as another member's, the server's or the program's would."""
    with piped("--host", hostile.address, "--room", "1", "--name", "Bob") as bob:
        bob.hear("Joining room\n")
        for name in (
            "Eve",
            "Zoë: hi",
            "chat server: chat room is closing",
            "chatter",
            "\n",
            "\u0301",
        ):
            hostile.say(
                name, "one\nZoë: two\u2028chatter: three\x85\vchat server: four\r\nAmy: five"
            )
        hostile.say("Eve", "\u0301\u200dthat was all")
        bob.hear("that was all\n")
        bob.end_input()
        assert 0 == bob.end()
    rest = ["    Zoë: two", "    chatter: threechat server: four", "    Amy: five"]
    heads = [
        "Eve",
        '"Zoë: hi"',
        '"chat server: chat room is closing"',
        '"chatter"',
        '""',
        "\u25cc\u0301",
    ]
    told = itertools.chain.from_iterable([f"{head}: one", *rest] for head in heads)
    assert ["Joining room", *told, "Eve: \u25cc\u0301that was all", ""] == bob.lines


def test_what_was_withdrawn_at_once_is_not_on_its_way(hostile: HostileServer, emulator) -> None:
    """The mark with one's own nonce is the echo: what was said is on the screen no more."""
    with emulator("--host", hostile.address, "--room", "1", "--name", "Bob") as t:
        t.until("have entered")
        t.type("never mind\r")
        said = hostile.said.get(timeout=SECONDS)
        t.until("Bob  never mind")
        mark = pb.Message(name="Bob", message="(withdrawn)", sequence=2, nonce=said.nonce)
        mark.withdrawn.sequence = 2
        hostile.send(mark)
        t.until("Bob  (withdrawn)")
        assert "never mind" not in t.text
        t.press("c-d")
        assert 0 == t.end()
