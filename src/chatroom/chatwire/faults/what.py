"""The kinds of faults in the grammar of rules: what each does, allows, and needs to be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chatroom.chatwire.faults import values
from chatroom.chatwire.faults.kinds import (
    Answer,
    Cut,
    Delay,
    Double,
    Drop,
    Fault,
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
    Vanish,
    Withhold,
)
from chatroom.chatwire.faults.scanner import RuleInvalid, Scanner, listed
from chatroom.wire.http2.frames import LARGEST_STREAM_ID, LARGEST_WINDOW, ErrorCode, Setting

PLACE = ("connection", "stream", "method", "call")
MESSAGES = ("message", "field", "text")
MOMENTS = ("after", "idle")
WAY = ("up", "down")
FIELDS_MOST = 16
"""Conditions on fields in one rule, and fields of trailers."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What the grammar has of a kind of fault."""

    about: str
    """What it does, in a line, as `--help` shows it."""
    words: tuple[str, ...]
    """That WHERE may have."""
    read: Callable[[Scanner], Fault]
    """Reads WHAT."""
    example: str
    optional: bool = False
    """Whether WHAT may be left out."""
    directed: bool = False
    """Whether `up` or `down` must be said."""


# ---- WHAT of each kind ------------------------------------------------------------------


def _delay(scan: Scanner) -> Delay:
    seconds = values.seconds(scan)
    if not scan.skip("±", "+-"):
        return Delay(seconds)
    token = scan.peek()
    if (jitter := values.seconds(scan)) > seconds:
        raise scan.wrong(token, "the part after ± may not be more than the time before it")
    return Delay(seconds, jitter)


def _hold(scan: Scanner) -> Hold:
    _expect(scan, "key")
    key = values.text(scan, "the name of a key")
    if not scan.skip("at"):
        return Hold(key)
    _expect(scan, "most")
    return Hold(key, values.seconds(scan))


def _throttle(scan: Scanner) -> Throttle:
    return Throttle(values.rate(scan))


def _cut(scan: Scanner) -> Cut:
    return Cut(reset=_one_of(scan, "fin", "rst") == "rst")


def _stop(scan: Scanner) -> StopReading:
    return StopReading(values.seconds(scan) if scan.peek() else None)


def _withhold(scan: Scanner) -> Withhold:
    return Withhold(values.seconds(scan) if scan.peek() else None)


def _double(scan: Scanner) -> Double:
    if not scan.peek():
        return Double()
    times = values.number(scan, "how often it passes", lowest=2, highest=100)
    _expect(scan, "times")
    return Double(times)


def _reorder(scan: Scanner) -> Reorder:
    if not scan.peek():
        return Reorder()
    _expect(scan, "behind")
    return Reorder(values.number(scan, "behind how many", highest=1000))


def _answer(scan: Scanner) -> Answer:
    code = values.status(scan)
    return Answer(code, values.text(scan, "a message") if scan.peek() else "")


def _trailers(scan: Scanner) -> Trailers:
    if scan.skip("missing"):
        return Trailers(missing=True)
    if scan.skip("status"):
        code = values.status(scan)
        return Trailers(code=code, message=values.text(scan, "a message") if scan.peek() else "")
    if scan.skip("without"):
        names: list[str] = []
        while scan.peek() or not names:
            names.append(_field_name(scan))
        return Trailers(without=tuple(names[:FIELDS_MOST]))
    if scan.skip("with"):
        fields: list[tuple[str, str]] = []
        while scan.peek() or not fields:
            name = _field_name(scan)
            if not scan.skip("="):
                raise scan.wrong(scan.peek(), '"=" and a value must follow the name of a field')
            fields.append((name, _field_value(scan)))
        return Trailers(fields=tuple(fields[:FIELDS_MOST]))
    raise _unknown(scan, ("missing", "status", "without", "with"))


def _inject(scan: Scanner) -> Inject:
    kind = _one_of(scan, "rst_stream", "goaway", "ping", "settings")
    if kind == "rst_stream":
        return Inject(RstStream(values.name(scan, ErrorCode, "error of HTTP/2")))
    if kind == "goaway":
        code = values.name(scan, ErrorCode, "error of HTTP/2")
        _expect(scan, "last")
        last = values.number(scan, "the last stream", lowest=0, highest=LARGEST_STREAM_ID)
        debug = values.text(scan, "debug data").encode() if scan.peek() else b""
        return Inject(Goaway(code, last, debug))
    if kind == "ping":
        return Inject(Ping(_opaque(scan)))
    pairs: list[tuple[Setting, int]] = []
    while scan.peek() or not pairs:
        pairs.append(_setting(scan))
    return Inject(SettingsOf(tuple(pairs[:FIELDS_MOST])))


def _opaque(scan: Scanner) -> bytes:
    token = scan.peek()
    if token is None:
        return b"chatwire"
    text = values.text(scan, "16 digits in hex")
    try:
        opaque = bytes.fromhex(text)
    except ValueError:
        opaque = b""
    if len(opaque) != 8:
        raise scan.wrong(token, f'"{text}" is not eight bytes; write them as 16 digits in hex')
    return opaque


SETTABLE = {
    "MAX_CONCURRENT_STREAMS": (0, (1 << 31) - 1),
    "INITIAL_WINDOW_SIZE": (0, LARGEST_WINDOW),
    "MAX_HEADER_LIST_SIZE": (0, (1 << 31) - 1),
    "HEADER_TABLE_SIZE": (0, 4096),
}
"""Settings that the tap can keep up against both sides: nobody then sends what the other side,
which knows nothing of them, could not take."""


def _setting(scan: Scanner) -> tuple[Setting, int]:
    token = scan.take("a setting, such as INITIAL_WINDOW_SIZE=0,")
    name = token.text.upper().replace("-", "_")
    if token.quoted or name not in SETTABLE:
        raise scan.wrong(token, f'"{token.text}" cannot be set by the tap; {listed(SETTABLE)} can')
    if not scan.skip("="):
        raise scan.wrong(scan.peek(), f'"=" and a number must follow {name}')
    lowest, highest = SETTABLE[name]
    return Setting[name], values.number(scan, name, lowest, highest)


def _field_name(scan: Scanner) -> str:
    token = scan.take("the name of a field, such as grpc-status,")
    name = token.text.lower()
    if token.quoted or not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise scan.wrong(token, f'"{token.text}" is no name of a field, such as grpc-status')
    return name


def _field_value(scan: Scanner) -> str:
    token = scan.peek()
    value = values.text(scan, "the value of a field")
    if not value.isascii() or not value.isprintable() or value != value.strip():
        raise scan.wrong(token, "the value of a field is printable ASCII, with no space around it")
    return value


# ---- The kinds -------------------------------------------------------------------------

_OF_MESSAGES = (*WAY, *PLACE, *MESSAGES, "chance")
_AT_MOMENTS = (*_OF_MESSAGES, *MOMENTS)

KINDS: dict[str, Kind] = {
    "delay": Kind(
        "Messages, or all bytes of a direction, pass later.",
        _OF_MESSAGES, _delay, "message 3 up: 2s ± 500ms",
    ),
    "hold": Kind(
        "Messages wait until their key is given.",
        _OF_MESSAGES, _hold, "message 1 up: key a",
    ),
    "throttle": Kind(
        "So many bytes pass in a second.",
        (*WAY, "connection", "chance"), _throttle,
        "down: 10KiB/s",
    ),
    "cut": Kind(
        "The connection ends, in order or by a reset.",
        _AT_MOMENTS, _cut, "message 5 down: rst",
    ),
    "stop-reading": Kind(
        "Nothing more is read of a side; windows fill.",
        _AT_MOMENTS, _stop, "down after 1s: 5s", optional=True, directed=True,
    ),
    "withhold": Kind(
        "WINDOW_UPDATE does not pass.",
        (*WAY, "connection", "stream", "method", "chance"), _withhold,
        "up stream 1: 5s", optional=True, directed=True,
    ),
    "inject": Kind(
        "A frame comes in a side's name: rst_stream, goaway, ping or settings.",
        _AT_MOMENTS, _inject, "down message 2: goaway NO_ERROR last 1", directed=True,
    ),
    "drop": Kind("Messages do not pass.", _OF_MESSAGES, lambda _: Drop(), "down message 2"),
    "double": Kind(
        "Messages pass twice, or more often.",
        _OF_MESSAGES, _double, "up message 2-: 3 times", optional=True,
    ),
    "reorder": Kind(
        "Messages pass behind those that follow them.",
        _OF_MESSAGES, _reorder, "down message 2: behind 1", optional=True,
    ),
    "answer": Kind(
        "The tap answers calls; the server never sees them.",
        (*PLACE, "chance"), _answer, 'call 1: UNAVAILABLE "try again"',
    ),
    "trailers": Kind(
        "What ends calls is missing or wrong.",
        (*PLACE, "chance"), _trailers, "method /pkg.Service/*: missing",
    ),
    "vanish": Kind(
        "Nothing passes any more, no FIN and no reset either; of one side alone with up or down.",
        _AT_MOMENTS, lambda _: Vanish(), "message 4",
    ),
}  # fmt: skip


BARE = ("drop", "vanish")
"""Kinds that have no WHAT at all."""


def _expect(scan: Scanner, word: str) -> None:
    if not scan.skip(word):
        raise scan.wrong(scan.peek(), f'the word "{word}" must stand here')


def _one_of(scan: Scanner, *words: str) -> str:
    for word in words:
        if scan.skip(word):
            return word
    raise _unknown(scan, words)


def _unknown(scan: Scanner, words: tuple[str, ...]) -> RuleInvalid:
    token = scan.peek()
    said = "here the rule ends" if token is None else f'"{token.text}" is not known here'
    return scan.wrong(token, f"{said}; allowed: {listed(words)}")
