"""Limits: every bound of the service, by name, with its default.

The core gets them handed in; the server's settings may change them.
"""

from __future__ import annotations

from dataclasses import dataclass

from .rate import Pace

KIB = 1024
MIB = 1024 * KIB
JOINS = Pace(600, 60.0)
"""60 people who come within ten seconds, to ten rooms each, are let in at once. Whoever never stops
then has ten a second, about a hundredth of what a server can."""
CREATIONS = Pace(200, 3600.0)
"""Three rooms for each of 60 people; to fill a server with rooms takes two days then."""
SEARCHES = Pace(300, 60.0)
"""A class of 60 searches now and then. Whoever never stops has five a second: in the largest rooms
that is a tenth of a core."""

ORDERS = Pace(600, 60.0)
"""A moderator who removes a flood of 600 is not held up; whoever never stops has ten a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Every queue, cache and timer of the service has its bound here."""

    # Messages
    text_bytes: int = 4096
    """UTF-8 bytes of text in one message."""
    nonce_bytes: int = 64
    envelope_bytes: int = 64 * KIB
    """One enveloped message from a client."""
    message_rate: float = 10.0
    """Messages a second that one member may send on average; 0: no limit."""
    message_burst: int = 20
    """Messages that one member may send at once."""
    room_message_rate: float | None = None
    """Messages a second that all members of a room together may send on average, and at once as
    many as in two seconds; 0: no limit, None: 100 times what one member may."""
    rename_interval: float = 10.0
    """Seconds between two renames of one member."""
    empty_rate: float = 20.0
    """Heartbeats and empty messages a second that are read of one stream."""
    empty_burst: int = 100
    typing_interval: float = 3.0
    """Seconds between two typing notices of one member that are passed on."""
    typing_members: int = 500
    """In a room with more members nobody is told who types: each notice goes to everyone."""
    heartbeat_interval: float = 10.0
    """Seconds between two heartbeats of one member that are answered."""
    heartbeat_silence: float = 25.0
    """Seconds without a write after which a member with events gets a heartbeat."""
    heartbeat_patience: float = 60.0
    """Seconds after which a stream ends that has sent heartbeats and now sends nothing."""

    send_wait: float = 2.0
    """Seconds that a SendMessage above the rate waits at most before it is refused."""

    # Members
    name_characters: int = 32
    outbox: int = 64
    """Events outside the log that wait for one member; when full its stream is not read."""
    room_capacity: int = 10_000
    """Members in one room, unless the room says otherwise."""
    server_members: int = 20_000
    address_members: int = 500
    """Members that may come from one address; 0: no limit. A class of 60 behind one address may be
    in eight rooms each."""
    identity_members: int = 500
    """How often one identity (`sub`) may be in rooms; 0: no limit. A class may share a token."""
    address_joins: Pace = JOINS
    """How often may be joined from one address; and as often resumed, by who is inside."""
    identity_joins: Pace = JOINS
    """How often one identity may join, and as often resume."""
    address_creations: Pace = CREATIONS
    """How often rooms may be created from one address."""
    identity_creations: Pace = CREATIONS
    """How often one identity may create rooms."""
    address_searches: Pace = SEARCHES
    """How often may be searched from one address."""
    identity_searches: Pace = SEARCHES
    """How often one identity may search."""
    identity_orders: Pace = ORDERS
    """How often one identity that is no admin may change rooms, members and messages: each time is
    kept for a year in the audit log, and mostly told to all who are in the room."""
    buckets: int = 10_000
    """Addresses, and identities, of which it is remembered how often they joined, resumed or
    created or searched, and identities how often they ordered: 2 MB for each of the nine."""
    server_connections: int = 0
    """Connections at once; above it nobody is accepted. 0: as many as there are descriptors."""
    address_connections: int = 512
    """Connections from one address; 0: no limit. A browser without TLS makes up to six."""
    connection_streams: int = 128
    """Streams of Chat and Subscribe at once on one HTTP/2 connection; one more is refused.
    `Http2Limits.streams` has room for calls beside them: a client whose streams were as many
    as HTTP/2 allows would queue its calls without a word."""
    grace: float = 15.0
    """Seconds that a member with a session stays in the room without a stream."""
    logged_arrivals: int = 500
    """An arrival that takes a room above this many members is not logged."""
    joined_roster: int = 500
    """Members that `joined` lists; in a bigger room it lists none."""

    join_seconds: float = 10.0
    """How long a new stream may take for its first message."""

    # Rooms
    server_rooms: int = 10_000
    room_bans: int = 1_000
    """Bans that count, of one room or of the whole server."""
    room_invitations: int = 1_000
    room_marks: int = 1_000
    """Who is muted in a room, or moderates it, whether they are in or not."""
    title_characters: int = 128
    reason_characters: int = 256
    history_default: int = 10
    """Earlier messages that a join replays when it does not say how many."""
    history_entries: int = 10_000
    """Entries that a room keeps unless it says less, and that a join may have replayed."""
    history_bytes: int = 16 * MIB
    """What a room keeps, counted as `Entry.stored_bytes`."""
    server_bytes: int = 1024 * MIB
    """What all rooms keep together; above it the largest ones lose their oldest entries."""
    tail_bytes: int = 256 * KIB
    """Newest entries of a room that stay in memory."""
    chunk_bytes: int = 16 * KIB
    """Newest entries joined for one write to every member at the same cursor: one DATA frame."""
    write_bytes: int = 64 * KIB
    """A page of older entries, for one member."""
    pending_bytes: int = 4 * MIB
    """What waits for the journal in all rooms together; above it no stream is read."""
    drain_wait: float = 5.0
    """Seconds that streams may take to end when the server stops; then it ends them."""
    sweep_interval: float = 60.0
    """Seconds after which the journal forgets again what has an age: nonces, ended sessions."""
    journal_retry: float = 1.0
    """Seconds after an append that failed; departures wait so long, all else was refused."""
    outage: float = 10.0
    """Seconds of appends that fail, and none that works, after which health says so."""
    slice_items: int = 50
    """Rooms, members or entries that are made ready for an answer in one piece of work."""
    slice_bytes: int = 64 * KIB
    """Of entries in one such piece, to within one entry."""
    page_entries: int = 1000
    page_entries_default: int = 100
    page_bytes: int = 1 * MIB
    """Of entries in one answer, or of rooms where all of them were asked for."""
    page_members: int = 1000
    page_found: int = 100
    page_found_default: int = 20
    query_characters: int = 256
    query_words: int = 32

    # QR codes
    codes_kept: int = 256
    """Drawn lately, in memory: 2 KiB each."""
    code_rate: float = 2.0
    """Codes a second that are drawn, for everybody together: 10 to 30 ms of a core each."""
    code_burst: int = 10

    @property
    def room_rate(self) -> tuple[float, int]:
        """Rate and burst of a room."""
        if self.room_message_rate is None:
            return 100 * self.message_rate, 100 * self.message_burst
        return self.room_message_rate, max(self.message_burst, round(2 * self.room_message_rate))
