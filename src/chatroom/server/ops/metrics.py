"""`/metrics`: everything that can be counted of a server, summed where it is read.

No label has a value that a stranger chooses: the text is as long with ten rooms as with ten
thousand.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from chatroom.server.calls.statuses import CODES, EnvelopeInvalid

from .complaints import Complaints
from .families import counter, counters, each, gauge, gauges, histogram, perhaps
from .grpc_metrics import grpc_metrics
from .lag import LoopLag
from .observed import Observed
from .process import process
from .tables import sliced
from .varz import VERSION

SLICE = 1000
"""Rooms, or members, that are looked at before others have their turn: a fifth of a millisecond."""
REASONS = sorted({EnvelopeInvalid.reason, *(refusal.reason for refusal in CODES)})
"""Of refusals: each is there from the beginning, so that its first one is seen to come."""

HOW_STREAMS_END = ("OK", "GONE", "DEADLINE_EXCEEDED", "INTERNAL")
FLOODS = ("resets", "faults", "settings", "pings", "empty_data", "small_updates", "idle_frames")
"""Those that have a rate in `Http2Limits`; what else may end a connection has a sentence."""
OUTCOMES = ("complete", "partial", "fresh", "refused")


@dataclass(slots=True)
class Sums:
    """What is summed over all rooms and members."""

    public: int = 0
    private: int = 0
    members: int = 0
    behind: int = 0
    paging: int = 0


class Metrics:
    """Reads a server's numbers, in its loop; writes their text, in a thread."""

    def __init__(self, observed: Observed, lag: LoopLag, complaints: Complaints) -> None:
        self._observed = observed
        self._lag = lag
        self._complaints = complaints

    async def text(self, accept: str) -> tuple[bytes, str]:
        """The metrics in the form that was asked for, and its content type."""
        families = self._families(await self._sums())
        taken = Taken(families, self._observed.settings.data)
        try:
            write, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # it compares versions, also such as are none
            write, content_type = choose_encoder("")
        return await asyncio.to_thread(write, taken), content_type

    async def _sums(self) -> Sums:
        hub, sums = self._observed.hub, Sums()
        async for room in sliced(hub.rooms.every(), SLICE):
            if room.facts.private:
                sums.private += 1
            else:
                sums.public += 1
            sums.members += room.member_count
        async for place in sliced(hub.places(), SLICE):
            cursor, tail = place.member.cursor, place.room.tail
            if place.member.final is None and cursor < tail.newest:
                sums.behind += 1
                sums.paging += cursor < tail.floor
        return sums

    def _families(self, sums: Sums) -> list[Metric]:
        return [
            *self._server(),
            *self._people(sums),
            *self._journal(),
            *self._refusals(),
            *self._endings(),
            *grpc_metrics(self._observed.counters, self._observed.hub.places()),
            *self._connections(),
            *self._handshakes(),
            *self._http2(),
        ]

    def _server(self) -> Iterator[Metric]:
        hub, health = self._observed.hub, self._observed.health
        build = {"version": VERSION, "python": platform.python_version()}
        info = gauge("chatroom_build_info", "Which server it is; the value is always 1.", 1)
        info.samples[0] = info.samples[0]._replace(labels=build)
        yield info
        yield gauge("chatroom_start_time_seconds", "When it was started, in seconds since 1970.",
                    self._observed.began / 10**9)  # fmt: skip
        yield gauge("chatroom_serving", "1 while calls are welcome, 0 from the drain on.",
                    health.serving)  # fmt: skip
        yield gauge("chatroom_ready", "1 while newcomers are served, as /readyz says.",
                    health.ready)  # fmt: skip
        yield gauge("chatroom_drain_seconds",
                    "How long ago it was told to stop; 0: it was not.",
                    self._observed.drain_seconds())  # fmt: skip
        yield gauge("chatroom_drain_limit_seconds",
                    "How long it may take to stop: the delay, the streams, their last bytes.",
                    self._observed.drain_limit)  # fmt: skip
        yield gauge("chatroom_nodes", "Servers that live and share the journal, with this one.",
                    hub.nodes.count if hub.nodes is not None else 1)  # fmt: skip
        yield histogram("chatroom_loop_lag_seconds",
                        "By how much the event loop was later than asked, ten times a second.",
                        self._lag.seconds)  # fmt: skip

        yield counters("chatroom_log_lines_total",
                       "Lines of the log that an operator should read, by level. What "
                       "--log-level leaves out is not counted.",
                       ("level",), each(self._complaints.lines))  # fmt: skip

    def _people(self, sums: Sums) -> Iterator[Metric]:
        hub, limits = self._observed.hub, self._observed.hub.limits
        yield gauges("chatroom_rooms", "Open rooms.", "kind",
                     {"public": sums.public, "private": sums.private})  # fmt: skip
        yield gauge("chatroom_rooms_limit", "Rooms that there may be.", limits.server_rooms)
        yield gauge("chatroom_members",
                    "Members of all rooms, wherever they are served and whether they have a "
                    "stream or not.", sums.members)  # fmt: skip
        yield gauge("chatroom_members_away",
                    "Members without a stream, who may still come back unnoticed.",
                    hub.sessions.waiting)  # fmt: skip
        yield gauge("chatroom_members_limit", "Members that there may be here.",
                    limits.server_members)  # fmt: skip
        yield gauge("chatroom_readers", "Members' streams.", hub.streaming)
        yield gauges("chatroom_readers_behind",
                     "Streams that have not been handed what is newest. journal: what they want "
                     "next is no longer in memory.", "reads",
                     {"memory": sums.behind - sums.paging, "journal": sums.paging})  # fmt: skip

    def _journal(self) -> Iterator[Metric]:
        hub, count = self._observed.hub, self._observed.counters
        yield gauge("chatroom_storing", "0 if the newest thing to be stored could not be.",
                    hub.storing)  # fmt: skip
        yield histogram("chatroom_turn_entries",
                        "Entries that were stored at once. Its count is that of turns, its sum "
                        "that of entries.", count.turn_entries)  # fmt: skip
        yield histogram("chatroom_append_seconds", "What the journal took to store a turn.",
                        count.append_seconds)  # fmt: skip
        yield gauge("chatroom_append_under_way_seconds",
                    "How long the journal has had the turn that it stores now; 0: it stores none.",
                    hub.storing_seconds)  # fmt: skip
        yield histogram("chatroom_fan_out_seconds",
                        "From a turn's being stored until it was written to all readers that "
                        "could take it.", count.fan_out_seconds)  # fmt: skip
        yield counter("chatroom_append_failures_total", "Turns that could not be stored.",
                      count.append_failures)  # fmt: skip
        yield gauge("chatroom_journal_bytes", "What all rooms keep, and the index of searches.",
                    hub.kept_bytes)  # fmt: skip
        yield gauge("chatroom_journal_index_bytes", "The index of searches, of those.",
                    hub.index_bytes)  # fmt: skip
        yield gauge("chatroom_journal_limit_bytes", "What all rooms may keep (--keep-total).",
                    hub.limits.server_bytes)  # fmt: skip
        yield counter("chatroom_trimmed_bytes_total",
                      "Messages that were deleted because more was kept than may be.",
                      count.trimmed_bytes)  # fmt: skip

    def _refusals(self) -> Iterator[Metric]:
        count = self._observed.counters
        refusals = dict.fromkeys(REASONS, 0) | count.refusals
        yield counters("chatroom_refusals_total", "Calls and streams that ended with a refusal.",
                       ("reason",), each(refusals))  # fmt: skip
        yield counters("chatroom_pauses_total",
                       "Times that a stream was not read, since its member or all in its room "
                       "were above their rate.", ("whose",),
                       each({"member": count.member_pauses, "room": count.room_pauses}),
                       )  # fmt: skip

    def _endings(self) -> Iterator[Metric]:
        count = self._observed.counters
        ended = dict.fromkeys((*HOW_STREAMS_END, *REASONS), 0) | count.endings
        yield counters("chatroom_readers_ended_total",
                       "Members' streams, by how they ended: with a status, the reason of a "
                       "refusal, or GONE: the client or its connection was.",
                       ("reason",), each(ended))  # fmt: skip
        resumes = dict.fromkeys(OUTCOMES, 0) | count.resumes
        yield counters("chatroom_resumes_total",
                       "Joins with a session. partial: older messages are gone; fresh: nobody "
                       "knows the session, or its room is another one.",
                       ("outcome",), each(resumes))  # fmt: skip
        yield counters("chatroom_refused_messages_total",
                       "Messages that were refused while their stream went on.",
                       ("reason",), each(dict.fromkeys(REASONS, 0) | count.refused_messages),
                       )  # fmt: skip

    def _connections(self) -> Iterator[Metric]:
        count, port = self._observed.counters, self._observed.port()
        speaking = {"http2": 0, "http1": 0, "opening": 0}
        if port is not None:
            speaking |= port.speaking()
        yield gauges("chatroom_connections",
                     "Open connections. opening: what it speaks is not known yet.", "protocol",
                     speaking)  # fmt: skip
        yield gauge("chatroom_connections_limit",
                    "Connections that there may be; 0: no limit, or it does not listen yet.",
                    port.limit if port is not None else 0)  # fmt: skip
        yield counter("chatroom_accepted_connections_total", "Connections that were accepted.",
                      port.accepted if port is not None else 0)  # fmt: skip
        yield counter("chatroom_refused_connections_total",
                      "Connections that were closed at once: their address had as many as it may.",
                      count.address_connections)  # fmt: skip
        yield counter("chatroom_accept_pauses_total",
                      "Times that nobody was accepted until somebody went.",
                      count.connections)  # fmt: skip
        kinds = {kind.name.lower(): n for kind, n in self._observed.notices.counts.items()}
        yield counters("chatroom_notices_total",
                       "What strangers do to the port, whether the log has a line for it or not.",
                       ("kind",), each(kinds))  # fmt: skip

    def _handshakes(self) -> Iterator[Metric]:
        port = self._observed.port()
        shakes = port.handshakes if port is not None else None
        certificates = self._observed.certificates()
        ends = [certificates.validity[1]] if certificates is not None else []
        yield perhaps("chatroom_tls_certificate_end_time_seconds",
                      "Until when clients take the certificate, in seconds since 1970. "
                      "None without TLS.", ends)  # fmt: skip
        yield counter("chatroom_tls_handshakes_total", "TLS handshakes that have begun.",
                      shakes.begun if shakes is not None else 0)  # fmt: skip
        yield gauge("chatroom_tls_handshakes_under_way", "Those that are not over.",
                    shakes.under_way if shakes is not None else 0)  # fmt: skip
        given_up = {"late": 0, "crowded_out": 0}
        if shakes is not None:
            given_up = {"late": shakes.late, "crowded_out": shakes.crowded_out}
        yield counters("chatroom_tls_given_up_handshakes_total",
                       "Those that were ended: late: their time was over; crowded_out: to make "
                       "room for others.", ("why",), each(given_up))  # fmt: skip

    def _http2(self) -> Iterator[Metric]:
        count = self._observed.counters.http2
        yield counters("chatroom_http2_resets_total",
                       "HTTP/2 streams that were reset. client: it has cancelled a call; server: "
                       "for what a client did or did not.", ("by",),
                       each({"client": count.resets, "server": count.server_resets}),
                       )  # fmt: skip
        yield counters("chatroom_http2_floods_total",
                       "HTTP/2 connections that were cut off, by what there was too much of.",
                       ("of",), each(dict.fromkeys(FLOODS, 0) | count.floods))  # fmt: skip
        yield counters("chatroom_http2_stalled_total",
                       "Readers that took nothing for ten seconds and were ended. stream: its "
                       "window stayed closed; connection: its client read nothing.", ("what",),
                       each({"stream": count.stalled_streams,
                             "connection": count.stalled_connections}))  # fmt: skip


def disk(data: Path | None) -> Iterator[Metric]:
    """Of the file system where rooms are kept, as the server's user may use it. It may block."""
    sizes: tuple[list[float], list[float]] = [], []
    if data is not None and hasattr(os, "statvfs"):  # Windows has none
        with contextlib.suppress(OSError):
            found = os.statvfs(data)
            sizes = [found.f_bavail * found.f_frsize], [found.f_blocks * found.f_frsize]
    yield perhaps("chatroom_disk_free_bytes",
                  "What the server may still write where rooms are kept. None without a "
                  "directory of data.", sizes[0])  # fmt: skip
    yield perhaps("chatroom_disk_bytes", "The size of that file system.", sizes[1])


class Taken(Collector):
    """Numbers that were read, and those of process and disk, which are read when written."""

    def __init__(self, families: Iterable[Metric], data: Path | None) -> None:
        self._families = list(families)
        self._data = data

    def collect(self) -> Iterator[Metric]:
        """All families."""
        yield from self._families
        yield from disk(self._data)
        yield from process()
