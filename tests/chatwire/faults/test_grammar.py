"""Rules as they are written: what each means, and what is said of those that are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.chatwire.faults.grammar import rule_of
from chatroom.chatwire.faults.kinds import (
    Answer,
    Cut,
    Delay,
    Double,
    Goaway,
    Hold,
    Inject,
    Ping,
    Reorder,
    RstStream,
    SettingsOf,
    StopReading,
    Throttle,
    Trailers,
    Withhold,
)
from chatroom.chatwire.faults.plan import Plan
from chatroom.chatwire.faults.scanner import RuleInvalid
from chatroom.chatwire.faults.what import KINDS
from chatroom.chatwire.faults.where import FieldIs, Numbers, Where
from chatroom.chatwire.passage import Side
from chatroom.wire.http2.frames import ErrorCode, Setting

FAULTS = {
    "delay: 200ms": Delay(0.2),
    "delay up: 1.5s ± 500ms": Delay(1.5, 0.5),
    "delay up: 2s +- 2s": Delay(2.0, 2.0),
    "hold: key a": Hold("a"),
    'hold: key "b c" at most 2m': Hold("b c", 120.0),
    "throttle: 10KiB/s": Throttle(10240),
    "cut: fin": Cut(reset=False),
    "stop-reading up": StopReading(),
    "stop-reading down: 5s": StopReading(5.0),
    "withhold down": Withhold(),
    "withhold up stream 0: 1s": Withhold(1.0),
    "inject down call 1: rst_stream cancel": Inject(RstStream(ErrorCode.CANCEL)),
    'inject down: goaway NO_ERROR last 7 "bye"': Inject(Goaway(ErrorCode.NO_ERROR, 7, b"bye")),
    "inject up: ping": Inject(Ping(b"chatwire")),
    "inject up: ping 0001020304050607": Inject(Ping(bytes(range(8)))),
    "inject up: settings INITIAL_WINDOW_SIZE=0": Inject(
        SettingsOf(((Setting.INITIAL_WINDOW_SIZE, 0),))
    ),
    "double": Double(2),
    "double: 3 times": Double(3),
    "reorder: behind 2": Reorder(2),
    'answer: 14 "later"': Answer(14, "later"),
    "answer: not_found": Answer(5),
    "trailers: missing": Trailers(missing=True),
    'trailers: status 13 "no"': Trailers(code=13, message="no"),
    "trailers: without grpc-status grpc-message": Trailers(without=("grpc-status", "grpc-message")),
    'trailers: with a=1 b="two words"': Trailers(fields=(("a", "1"), ("b", "two words"))),
}

WHERES = {
    "drop": Where(),
    "drop up": Where(sender=Side.CLIENT),
    "drop message 3 down": Where(sender=Side.SERVER, message=Numbers(3, 3)),
    "drop message 2-4": Where(message=Numbers(2, 4)),
    "drop message 2-": Where(message=Numbers(2)),
    "drop message every 3": Where(message=Numbers(first=3, every=3)),
    "drop connection 2 stream 5 chance 2.5%": Where(connection=2, stream=5, chance=0.025),
    "drop method /a.B/*": Where(method="/a.B/*"),
    "drop call 2-": Where(call=Numbers(2)),
    r'drop text "a \"b\" \\c"': Where(text='a "b" \\c'),
    'drop field a.b=c field 2.1="x y"': Where(
        fields=(FieldIs(("a", "b"), "c"), FieldIs(("2", "1"), "x y"))
    ),
    "cut idle 60s: rst": Where(idle=60.0),
    "cut after 1m: rst": Where(after=60.0),
}

WRONG = {
    "": (1, "here the rule ends"),
    "dely up: 2s": (1, '"dely" is no fault; there are delay, hold'),
    "delay mesage 3 up: 2s": (7, '"mesage" is not known; allowed here: up, down, connection'),
    "delay up down: 2s": (10, "exclude each other"),
    "delay up up: 2s": (10, "exclude each other"),
    "delay stream 1 stream 3: 2s": (16, "it is said already"),
    "delay up: 2": (11, "write a number and one of ms, s"),
    "delay up: 1s ± 2s": (16, "may not be more"),
    "delay up: 25h": (11, "between"),
    "delay up": (9, '":" must follow'),
    "delay up:": (10, "something must follow"),
    "delay up: 2s and more": (14, '"and" is too much'),
    "delay idle 3s: 2s": (7, '"idle" says nothing for delay'),
    "drop up: now": (8 + 2, "nothing follows"),
    "drop message 0": (14, "counted from 1"),
    "drop message 5-3": (14, "end before its beginning"),
    "drop message": (13, "here the rule ends; the number of a message must follow"),
    "drop chance 101%": (13, "0% to 100%"),
    'drop "hello"': (6, "needs the word before it"),
    'drop text "hello': (11, "never closed"),
    "drop field a=": (14, "the value of the field must follow"),
    "drop field .a=b": (12, "is no field"),
    "drop method rpc.Chat": (13, "is no path"),
    "drop message 9999999999999999": (14, "below 1,000,000,000"),
    "drop connection 99999999999999999999": (17, "a number from 1 to 2147483647"),
    "drop stream 0": (1, "only withhold knows it"),
    "cut: maybe": (6, "allowed: fin or rst"),
    "cut after 1s idle 1s: rst": (1, "exclude each other"),
    "cut after 1s message 2: rst": (1, "about a connection"),
    "throttle: 10KiB": (11, '"/s"'),
    "throttle message 1: 1kB/s": (10, '"message" says nothing for throttle'),
    "inject: ping": (7, "needs up or down"),
    "inject down: rst_stream CANCEL": (1, "of which"),
    "inject down: ping 00": (19, "not eight bytes"),
    "inject down: settings MAX_FRAME_SIZE=16384": (23, "cannot be set by the tap"),
    "inject down: settings HEADER_TABLE_SIZE=5000": (41, "from 0 to 4096"),
    "inject down stream 1: rst_stream NO": (34, "is no error of HTTP/2"),
    "trailers: maybe": (11, "missing, status, without or with"),
    "trailers: with grpc-status": (27, '"=" and a value'),
    "answer: SORRY": (9, "is no gRPC status"),
    "double: 3": (10, '"times"'),
    "hold: a": (7, '"key"'),
}


@pytest.mark.parametrize(("text", "fault"), FAULTS.items())
def test_what_is_to_happen(text: str, fault: object) -> None:
    """Each form of WHAT."""
    assert fault == rule_of(text).fault


@pytest.mark.parametrize(("text", "where"), WHERES.items())
def test_where_it_is_to_happen(text: str, where: Where) -> None:
    """Each form of WHERE, in any order."""
    assert where == rule_of(text).where


@pytest.mark.parametrize(("text", "column", "sentence"), [(t, *what) for t, what in WRONG.items()])
def test_what_is_no_rule(text: str, column: int, sentence: str) -> None:
    """The error points at the column, and says what is allowed there."""
    with pytest.raises(RuleInvalid) as caught:
        rule_of(text)
    assert (column, True) == (caught.value.column, sentence in caught.value.sentence), caught.value
    assert f"\n{' ' * (column - 1)}^ column {column}: " in caught.value.drawn


def test_the_examples_are_rules() -> None:
    """What --help and errors show can be used as it is."""
    for name, kind in KINDS.items():
        assert rule_of(f"{name} {kind.example}").text == f"{name} {kind.example}"


@given(
    st.lists(
        st.sampled_from(
            [
                *KINDS,
                *[
                    "up",
                    "down:",
                    "=",
                    "±",
                    "message",
                    "3",
                    "1s",
                    "5%",
                    '"',
                    "\\",
                    "text",
                    '"a"',
                    "every",
                ],
                "\n",
            ]
        )
    )
)
def test_any_text_is_a_rule_or_wrong_somewhere(words: list[str]) -> None:
    """No other error, and the column is one of the text or just behind it."""
    text = " ".join(words)
    try:
        rule_of(text)
    except RuleInvalid as error:
        assert 1 <= error.column <= len(text) + 1


def test_keys_of_a_plan() -> None:
    """Each once, in order."""
    assert ("b", "a") == Plan.of("hold: key b", "hold up: key a", "hold down: key b").keys
