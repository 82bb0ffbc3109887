"""The screen as the configuration wants it: times, colours, the mouse, notifications, a log."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from chatroom.chatter.configuration import ConfigurationInvalid, parse
from chatroom.chatter.terminal.ignored import MOST_IGNORED, Ignored, TooMany
from chatroom.chatter.terminal.mouse import rows_turned
from chatroom.chatter.terminal.notices import alarm

WHEEL_UP, WHEEL_DOWN = "\x1b[<64;10;5M", "\x1b[<65;10;5M"


@pytest.fixture
def configured(enter, tmp_path: Path):
    """Start a chatter with this text as its configuration file."""

    def start(room: str, text: str, **options: object):
        (tmp_path / "config.toml").write_text(text)
        return enter(room, CHATTER_CONFIG=str(tmp_path / "config.toml"), **options)

    return start


def test_times_and_colours(guests, room, configured) -> None:
    """As long as times come, columns stay straight; a name has one of the colours given."""
    text = """
        [screen]
        time-format = "%H.%M.%S"
        [screen.colors]
        names = ["red", "#005fff"]
        mention = "underline"
    """
    alice = guests.enter(room, "Alice")
    with configured(room, text) as bob:
        alice.say("hello Bob")
        bob.until("Alice  hello Bob")
        row = next(row for row, shown in enumerate(bob.screen) if "hello" in shown)
        assert re.match(r"\d\d\.\d\d\.\d\d        Alice  hello", bob.screen[row])
        assert bob.style_of("Alice", row=row).fg in {"red", "005fff"}
        assert bob.style_of("hello", row=row).underscore
    with configured(room, '[screen]\ntime-format = " "', name="Bert") as bob:
        bob.until("       Alice  hello")
        assert not any(re.match(r"\d\d:\d\d", shown) for shown in bob.screen)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('color = "sometimes"', "color in [screen] is one of auto, always, never"),
        ('notify = ["siren"]', "notify in [screen] is a list of bell, osc9, osc777"),
        ('time-format = "%H\\n"', 'time-format in [screen] is as in "%H:%M:%S"'),
        ('mouse = "no"', "mouse in [screen] is to be true or false"),
        ('colours = "red"', 'there is no key "colours" in [screen]; did you mean "colors"?'),
        ('[screen.colors]\nown = "reddish"', "own in [screen.colors] is to be like"),
        ("[screen.colors]\nnames = [1]", "names in [screen.colors] is to be like"),
    ],
)
def test_what_the_screen_cannot_be(text: str, sentence: str) -> None:
    """It is said what is wrong, and what is expected."""
    with pytest.raises(ConfigurationInvalid) as refused:
        parse(f"[screen]\n{text}", Path("/c/config.toml"))
    assert sentence in str(refused.value)


def test_what_the_screen_can_be() -> None:
    """Colours by name are those of the terminal; files are relative to the configuration."""
    found = parse(
        '[screen]\nlog = "talk.log"\nnotify = []\n[screen.colors]\n'
        'own = "bold bright-red bg:#FFFFFF"\nnames = ["gray", "white"]',
        Path("/c/config.toml"),
    ).screen
    assert {"own": "bold ansibrightred bg:#FFFFFF"} == found.colors
    assert (("ansigray", "ansiwhite"), (), Path("/c/talk.log")) == (
        found.names, found.notify, found.log,
    )  # fmt: skip


def test_the_wheel(guests, room, bob) -> None:
    """Three rows at a time, up and down again; buttons do nothing."""
    guests.enter(room, "Alice").say(*(f"message {number}" for number in range(1, 61)))
    bob.until("message 60")
    bottom = bob.screen[-3]
    bob.type(WHEEL_UP * 2)
    bob.wait(lambda rows: rows[-3].endswith("message 54"))
    bob.type("\x1b[<0;10;5M\x1b[<0;10;5m" + WHEEL_DOWN)
    bob.wait(lambda rows: rows[-3].endswith("message 57"))
    bob.type(WHEEL_DOWN)
    bob.wait(lambda rows: rows[-3] == bottom and "↓" not in bob.text)
    bob.wait(lambda rows: rows[-1] == "Bob>")
    assert b"\x1b[?1000h" in bob.raw
    bob.press("c-d")
    assert 0 == bob.end()
    assert b"\x1b[?1000l" in bob.raw


def test_the_mouse_can_be_left_to_the_terminal(room, configured) -> None:
    """Then text is selected without Shift."""
    with configured(room, "[screen]\nmouse = false") as bob:
        assert b"\x1b[?1000h" not in bob.raw


def test_who_drags_is_told_how_to_select(bob) -> None:
    """Once: a click is no drag, and a second drag tells nothing more."""
    click, drag = "\x1b[<0;10;5M\x1b[<0;10;5m", "\x1b[<0;10;5M\x1b[<0;30;6m"
    bob.type(click + "clicked\r")
    bob.until("Bob  clicked")
    assert "Shift" not in bob.text
    bob.type(drag)
    bob.until("to select text, hold Shift while you drag", "/mouse off leaves")
    bob.type(drag + "dragged\r")
    bob.until("Bob  dragged")
    assert 1 == bob.text.count("hold Shift")


def test_the_mouse_is_switched_off_and_on(bob) -> None:
    """At once, and /settings tells of it; at the end it is the terminal's, as before."""
    bob.type("/mouse\r")
    bob.until("the wheel looks back; to select text, hold Shift")
    bob.type("/settings\r")
    bob.until("mouse = true (default)")
    before = bob.raw.count(b"\x1b[?1000l")
    bob.type("/mouse off\r")
    bob.until("the mouse is left to the terminal")
    assert before + 1 == bob.raw.count(b"\x1b[?1000l")
    bob.type("/set\r")
    bob.until("mouse = false (/mouse)")
    bob.type("/mouse wheel\r")
    bob.until("/mouse on, /mouse off, or /mouse toggle")
    bob.press("c-c")
    bob.type("/mouse toggle\r")
    bob.wait(lambda _: 2 == bob.raw.count(b"\x1b[?1000h"))
    bob.press("c-d")
    assert 0 == bob.end()
    assert bob.raw.rfind(b"\x1b[?1000h") < bob.raw.rfind(b"\x1b[?1000l")


def test_the_settings_are_told(room, configured) -> None:
    """Each with where it is from, and the file that says them; the token is not shown."""
    text = '[screen]\ntime-format = "%H.%M"'
    with configured(room, text, size=(24, 240), CHATTER_TOKEN="secret-4711") as bob:
        bob.type("/settings\r")
        bob.until("time-format = %H.%M (", "/config.toml; both are read", "name = Bob (--name)")
        bob.until("token = (not shown) (CHATTER_TOKEN)")
        assert "4711" not in bob.text


def test_wheel_reports() -> None:
    """Other buttons, and what is no report, turn nothing."""
    assert [3, -3, 0, 0, 0] == [
        rows_turned(each) for each in (WHEEL_UP, WHEEL_DOWN, "\x1b[<0;1;1M", "\x1b[M !!", "")
    ]


@pytest.mark.parametrize(
    ("ways", "expected"),
    [
        ("", b""),
        ('"bell"', b"\x07"),
        ('"osc9", "bell"', b"\x1b]9;%b: Alice: Bob, come\x1b\\\x07"),
        ('"osc777"', b"\x1b]777;notify;%b;Alice: Bob, come\x1b\\"),
    ],
)
def test_notifications(guests, room, configured, ways: str, expected: bytes) -> None:
    """Sent when somebody mentions Bob while he does not look; what separates parts is no part."""
    alice = guests.enter(room, "Alice")
    with configured(room, f"[screen]\nnotify = [{ways}]") as bob:
        bob.type("\x1b[O")
        bob.type("x")
        bob.wait(lambda rows: rows[-1] == "Bob> x")
        moment = bob.moment
        alice.say("Bob; come")
        bob.until("Bob; come")
        expected = expected.replace(b"%b", room.encode())
        alarms = re.findall(rb"\x1b\][97][^\x1b]*\x1b\\|\x07", bob.raw[moment:])
        assert expected == b"".join(alarms)


def test_a_notification_through_tmux() -> None:
    """Wrapped, its escapes doubled; the bell is tmux's own."""
    assert "\a\x1bPtmux;\x1b\x1b]9;ops: Al: hi\x1b\x1b\\\x1b\\" == alarm(
        ("bell", "osc9"), "ops", "Al", "hi", in_tmux=True
    )
    assert "\x1b" not in alarm(("bell", "osc9"), "\x1b", "\x1b", "\x1b\\", in_tmux=False)[4:-2]


def test_a_log(guests, room, enter, emulator, tmp_path: Path) -> None:
    """What is said from now on, with who comes and goes; for oneself alone; appended."""
    log = tmp_path / "talk.log"
    alice = guests.enter(room, "Alice")
    alice.say("before")
    at = ("--host", guests.address, "--room", room, "--name", "Bob", "--log", str(log))
    for text in ("one\ntwo", "three"):
        action = text == "three"
        with emulator(*at) as bob:
            bob.until("you have entered")
            alice.say(text, action=action)
            bob.until(text.rpartition("\n")[2])
            bob.press("c-d")
            assert 0 == bob.end()
    logged = re.sub(r"(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", "T ", log.read_text())
    entered = f"T [{room}] * you have entered the chat\n"
    assert (
        f"{entered}T [{room}] Alice: one\n    two\n{entered}T [{room}] Alice: /me three\n" == logged
    )
    assert 0o600 == log.stat().st_mode & 0o777


def test_a_log_that_cannot_be_written(chatter, guests, room, emulator, tmp_path: Path) -> None:
    """Before anything is asked; and in a pipe it has no use."""
    at = ("--host", guests.address, "--room", room, "--name", "Bob", "--log")
    with emulator(*at, str(tmp_path / "missing" / "log")) as bob:
        assert 1 == bob.end()
        bob.until("cannot write the log", "No such file or directory")
    os.mkfifo(tmp_path / "fifo")
    with emulator(*at, str(tmp_path / "fifo")) as bob:
        assert 1 == bob.end()
    ended = chatter(*at, str(tmp_path / "log"))
    assert 2 == ended.returncode
    assert "--log is for the screen" in ended.stderr


def test_ignoring_somebody(guests, room, enter, tmp_path: Path) -> None:
    """Neither messages, nor that they type, nor the bell; in every room, also after a restart."""
    mallory, alice = guests.enter(room, "Mallory"), guests.enter(room, "Alice")
    mallory.say("before")
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    with enter(room, **state) as bob:
        bob.until("Mallory  before")
        bob.type("/ignore mallory\r")
        bob.until("mallory is ignored")
        bob.type("\x1b[O")
        mallory.type()
        mallory.say("Bob, buy this")
        alice.say("did you see?")
        bob.until("did you see?")
        assert "buy this" not in bob.text
        assert "typing" not in bob.text
        assert b"\x07" not in bob.raw
        bob.type("/ignore Bob\r")
        bob.until("you would not see what you say yourself")
    with enter(room, "Bert", **state) as bert:
        bert.until("did you see?")
        assert "before" not in bert.text
        bert.type("/ignore\r")
        bert.until("ignored: mallory; /unignore NAME")
        bert.type("/unignore Mallory\r")
        bert.until("Mallory is heard again")
        mallory.say("hello again")
        bert.until("Mallory  hello again")
        bert.type("/unignore Mallory\r")
        bert.until("Mallory is not ignored")


def test_a_new_name_does_not_help(guests, room, enter, tmp_path: Path) -> None:
    """Who is ignored stays so in the room when they take another name."""
    mallory, alice = guests.enter(room, "Mallory"), guests.enter(room, "Alice")
    with enter(room, XDG_STATE_HOME=str(tmp_path)) as bob:
        bob.type("/ignore Mallory\r")
        bob.until("Mallory is ignored")
        mallory.rename("Mall")
        mallory.say("buy this")
        alice.say("/me listens?")
        bob.until("listens?")
        assert "buy this" not in bob.text
        assert "Mall " not in bob.text


def test_looking_back_past_somebody_ignored(guests, room, enter, tmp_path: Path) -> None:
    """Pages in which nobody else has said anything do not end the history."""
    guests.enter(room, "Alice").say("the very first")
    guests.enter(room, "Mallory").say(*(f"spam {number}" for number in range(40)))
    (tmp_path / "chatter").mkdir()
    (tmp_path / "chatter" / "ignored").write_text("Mallory\n")
    with enter(room, XDG_STATE_HOME=str(tmp_path)) as bob:
        while "the very first" not in bob.text:
            bob.type("/history 20")
            bob.wait(lambda rows: rows[-1] == "Bob> /history 20")
            bob.press("enter")
            bob.wait(lambda rows: rows[-1] == "Bob>")
            shown = bob.text
            assert "nothing earlier" not in shown or "the very first" in shown
        assert "spam" not in bob.text


def test_the_list_of_the_ignored(tmp_path: Path) -> None:
    """Kept for its owner, bounded, shared with another chatter; a damaged file is no trouble."""
    path = tmp_path / "state" / "ignored"
    one, other = Ignored(path), Ignored(path)
    assert one.add("Mallory")
    assert other.add("Trudy")
    assert one.add("mallory")
    assert ["mallory", "Trudy"] == Ignored(path).names()
    assert "TRUDY" in one
    assert 0o600 == path.stat().st_mode & 0o777
    path.write_bytes(b"\xff\x00\x1b[2J\n\n" + b"x\n" * 3)
    assert all(name.isprintable() for name in Ignored(path).names())
    path.write_text("".join(f"name {number}\n" for number in range(2 * MOST_IGNORED)))
    with pytest.raises(TooMany):
        Ignored(path).add("one more")
    assert not Ignored(Path("/dev/null/none")).add("Mallory")


def test_clearing_what_is_shown(guests, room, bob) -> None:
    """All of it; what comes is shown, and /history gets the rest from the server again."""
    alice = guests.enter(room, "Alice")
    alice.say(*(f"message {number}" for number in range(1, 31)))
    bob.until("message 30")
    bob.press("pageup")
    bob.until(" below")
    bob.type("/clear\r")
    bob.until_gone("message")
    alice.say("after")
    bob.until("Alice  after")
    assert "message" not in bob.text
    bob.type("/history 5\r")
    bob.until("message 30", "message 26")


@pytest.mark.parametrize("key", ["c-d", "c-c"])
def test_the_last_screenful_stays(guests, room, enter, key: str) -> None:
    """After the end it stands above the shell's prompt, in its colours, clusters whole."""
    alice = guests.enter(room, "Alice")
    with enter(room) as bob:
        alice.say("first", *(f"line {number}" for number in range(40)), "family 👩‍👩‍👧 last")
        bob.until("last")
        shown = bob.screen[:-2]
        bob.press(key)
        bob.end()
        assert not bob.alternate
        text = "\n".join(bob.screen)
        assert shown[-1] in text
        assert shown[-10] in text
        assert "default" != bob.style_of("Alice").fg
    with enter(room, "Bert", NO_COLOR="1") as bert:
        bert.until("last")
        bert.press(key)
        bert.end()
        row = next(row for row, each in enumerate(bert.screen) if "last" in each)
        assert "default" == bert.style_of("Alice", row=row).fg
