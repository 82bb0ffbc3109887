"""A frame: what is shown of a server at one moment, in so many rows and columns."""

from __future__ import annotations

from dataclasses import dataclass

from .figures import Figures
from .grid import Column, Line, Look, fitted, line, table
from .moment import ReaderRow, RoomRow
from .words import NONE, cells, number, rate, size, span, took

CELL = 20
"""Of a figure with its name."""
NAME = 11
"""Its name, of those."""
SPACIOUS_ROWS = 20
"""From so many rows on there is an empty line between parts."""
TROUBLES = 3
REASONS = 5

HANDED = {"grpc_service": "rpc.ChatService"}
ROOM_COLUMNS = (
    Column("ROOM", left=True, urgency=9),
    Column("MESSAGES", 10, urgency=8),
    Column("MEMBERS", 8, urgency=7),
    Column("READERS", 8, urgency=3),
    Column("BEHIND", 8, urgency=6),
    Column("FARTHEST", 9, urgency=2),
    Column("KEPT", 9, urgency=4),
)
READER_COLUMNS = (
    Column("BEHIND", 8, urgency=9),
    Column("UNSENT", 9, urgency=3),
    Column("ROOM", left=True, urgency=4),
    Column("FROM", left=True, urgency=5),
    Column("NAME", left=True, urgency=7),
)
ANONYMOUS_COLUMNS = (*READER_COLUMNS[:2], Column("ROOM", left=True, urgency=4))


@dataclass(slots=True, kw_only=True)
class View:
    """What is shown, and how."""

    address: str
    interval: float
    sort: str
    names: bool = True
    paused: bool = False
    figures: Figures | None = None
    silent: str = ""
    """Why nothing newer is known."""


def frame(view: View, rows: int, columns: int) -> list[Line]:
    """At most so many lines, none of which is wider."""
    figures = view.figures
    lines: list[Line] = [_heading(view)]
    if view.silent:
        lines.append(line(view.silent, Look.ALARM))
    if figures is not None:
        spacious = rows >= SPACIOUS_ROWS
        lines += [line(text, Look.ALARM) for text in troubles(figures)[:TROUBLES]]
        items = _items(figures, columns)
        lines += items if spacious else items[: max(1, (rows - 2 - len(lines)) // 3)]
        refused = _refused(figures)
        lines += [line(refused)] if refused else []
        lines += [[]] if spacious else []
        lines += _tables(view, figures, rows - len(lines) - 1, columns, spacious=spacious)
    lines = [fitted(each, columns) for each in lines[: max(rows - 1, 1)]]
    if rows > 1:
        lines += [[] for _ in range(rows - 1 - len(lines))]
        lines.append(fitted(_keys(view), columns))
    return lines


def once(view: View, rows: int, columns: int) -> list[Line]:
    """The same for paper: as long as it takes, with at most so many rooms and readers."""
    figures = view.figures
    assert figures is not None
    refused = _refused(figures)
    lines = [
        _heading(view),
        *[line(text) for text in troubles(figures)],
        *_items(figures, columns),
        *([line(refused)] if refused else []),
        [],
        *_rooms(view, figures, rows, columns),
        [],
        *_readers(view, figures, rows, columns),
    ]
    return [fitted(each, columns) for each in lines]


def _heading(view: View) -> Line:
    figures = view.figures
    if figures is None:
        return line(view.address)
    word = state(figures)
    look = Look.STRONG if word == "ready" else Look.ALARM
    nodes = figures.now.of("chatroom_nodes")
    return [
        (word, look),
        ("  ", Look.PLAIN),
        ("paused  " if view.paused else "", Look.STRONG),
        (f"{view.address}  up {span(figures.now.uptime)}  ", Look.PLAIN),
        (f"{nodes:.0f} nodes  " if nodes > 1 else "", Look.PLAIN),
        (f"chatserver {figures.now.version}", Look.PLAIN),
    ]


def state(figures: Figures) -> str:
    """Whether newcomers are served, in a word or two."""
    now = figures.now
    if now.of("chatroom_drain_seconds"):
        return "drains"
    if not now.of("chatroom_serving"):
        return "does not serve yet"
    if not now.of("chatroom_storing"):
        return "cannot store"
    return "ready" if now.of("chatroom_ready") else "not ready"


def troubles(figures: Figures) -> list[str]:
    """What is wrong, the worst first; what is counted, since the frame before."""
    now, more = figures.now, figures.more
    found: list[str] = []
    if drained := now.of("chatroom_drain_seconds"):
        limit = now.of("chatroom_drain_limit_seconds")
        found.append(f"told to stop {took(drained)} ago, which may take {took(limit)}")
    if not now.of("chatroom_storing"):
        found.append("messages cannot be stored, and are refused: the log says why")
    if (waits := now.of("chatroom_append_under_way_seconds")) > 1:
        found.append(f"the disk or database has not answered for {took(waits)}")
    for name, labels, text in (
        ("chatroom_accept_pauses_total", {}, "connections are not accepted: as many as may be"),
        (
            "chatroom_refusals_total",
            {"reason": "SERVER_FULL"},
            "people are turned away: it is full",
        ),
        ("chatroom_log_lines_total", {"level": "error"}, "the log has errors"),
        ("chatroom_http2_stalled_total", {}, "readers were ended that took nothing"),
        ("chatroom_notices_total", {"kind": "flood"}, "connections were cut off for floods"),
    ):
        if count := more(name, **labels):
            found.append(f"{text} ({number(count)})")
    return found


def _items(figures: Figures, columns: int) -> list[Line]:
    """Figures beside each other, the most important first."""
    across = max(1, columns // CELL)
    found = [
        [(f"{name:<{NAME}}", Look.FAINT), (value + " " * (CELL - NAME - cells(value)), Look.STRONG)]
        for name, value in _figures(figures)
    ]
    return [
        [piece for item in found[at : at + across] for piece in item]
        for at in range(0, len(found), across)
    ]


def _figures(figures: Figures) -> list[tuple[str, str]]:
    now = figures.now
    stored = figures.more("chatroom_turn_entries_sum")
    turns = figures.more("chatroom_turn_entries_count")
    cpu = figures.rate("process_cpu_seconds_total")
    behind = now.of("chatroom_readers_behind")
    refused = figures.rate("chatroom_refusals_total")
    said = figures.rate("chatroom_refused_messages_total")
    found = [
        ("messages", rate(figures.rate("chatroom_turn_entries_sum"))),
        ("deliveries", rate(_delivered(figures))),
        ("store p99", took(figures.quantile("chatroom_append_seconds", 0.99))),
        ("loop p99", took(figures.quantile("chatroom_loop_lag_seconds", 0.99))),
        ("members", number(now.of("chatroom_members"))),
        ("rooms", number(now.of("chatroom_rooms"))),
        ("behind", number(behind)),
        ("refusals", rate(refused + said if refused is not None and said is not None else None)),
        ("http2", number(now.of("chatroom_connections", protocol="http2"))),
        ("http1", number(now.of("chatroom_connections", protocol="http1"))),
        ("write p99", took(figures.quantile("chatroom_fan_out_seconds", 0.99))),
        ("cpu", f"{cpu * 100:.0f} %" if cpu is not None else NONE),
        ("opening", number(now.of("chatroom_connections", protocol="opening"))),
        ("accepted", rate(figures.rate("chatroom_accepted_connections_total"))),
        ("away", number(now.of("chatroom_members_away"))),
        ("a turn", f"{stored / turns:.1f}" if stored is not None and turns else NONE),
        ("kept", size(now.of("chatroom_journal_bytes"))),
    ]
    for name, metric, form in (
        ("disk free", "chatroom_disk_free_bytes", size),
        ("memory", "process_resident_memory_bytes", size),
        ("files", "process_open_fds", number),
    ):
        if now.has(metric):
            found.append((name, form(now.of(metric))))
    return found


def _delivered(figures: Figures) -> float | None:
    handed = [
        figures.rate("grpc_server_msg_sent_total", grpc_method=method, **HANDED)
        for method in ("Chat", "Subscribe")
    ]
    return sum([each or 0.0 for each in handed]) if handed[0] is not None else None


def _refused(figures: Figures) -> str:
    """Why something was refused since the frame before, if anything was."""
    calls = figures.rates("chatroom_refusals_total", "reason")
    messages = figures.rates("chatroom_refused_messages_total", "reason")
    found = [f"{reason} {rate(value)}" for reason, value in list(calls.items())[:REASONS]]
    found += [
        f"{reason} of messages {rate(value)}" for reason, value in list(messages.items())[:REASONS]
    ]
    return f"refused: {', '.join(found)}" if found else ""


def _tables(view: View, figures: Figures, left: int, columns: int, *, spacious: bool) -> list[Line]:
    """Rooms and readers, in so many rows: a third for readers, more where there are few rooms."""
    if left < 2:
        return []
    if left < 6:
        return _rooms(view, figures, left - 1, columns)
    headings = 2 + spacious
    free = left - headings - len(figures.now.rooms)
    slow = min(len(figures.now.readers), max(1, left // 3, free))
    return [
        *_rooms(view, figures, left - headings - max(slow, 1) + (not slow), columns),
        *([[]] if spacious else []),
        *_readers(view, figures, slow, columns),
    ]


def _rooms(view: View, figures: Figures, count: int, columns: int) -> list[Line]:
    rows = figures.rooms(view.sort)[: max(count, 0)]
    return table(ROOM_COLUMNS, [_room(*row) for row in rows], columns)


def _room(room: RoomRow, said: float | None) -> list[str]:
    return [
        room.label, rate(said), number(room.members), number(room.readers),
        number(room.behind), number(room.farthest), size(room.kept),
    ]  # fmt: skip


def _readers(view: View, figures: Figures, count: int, columns: int) -> list[Line]:
    readers = figures.now.readers[: max(count, 0)]
    if not readers:
        return [line("no reader is behind", Look.FAINT)]
    shown = READER_COLUMNS if view.names else ANONYMOUS_COLUMNS
    rows = [_reader(row)[: len(shown)] for row in readers]
    return table(shown, rows, columns)


def _reader(row: ReaderRow) -> list[str]:
    return [number(row.behind), size(row.unsent), row.room, row.peer, row.name]


def _keys(view: View) -> Line:
    return [
        (f"q quit  p {'go on' if view.paused else 'pause'}  s sort: {view.sort}  ", Look.FAINT),
        (f"n {'hide' if view.names else 'show'} names  every {view.interval:g} s", Look.FAINT),
    ]
