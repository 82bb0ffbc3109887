"""What clients did is done again: the same messages, and as much of the rest as can be."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes, Settings

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.capture import CaptureWriter
from chatroom.chatwire.decode import Frame, Kind
from chatroom.chatwire.diff.comparing import Pair, compared
from chatroom.chatwire.diff.contents import Ignored
from chatroom.chatwire.diff.talks import talks_of
from chatroom.chatwire.lab.catalogue import experiments
from chatroom.chatwire.lab.experiment import Experiment
from chatroom.chatwire.lab.finding import sent_to, sets
from chatroom.chatwire.lab.requests import joining, saying
from chatroom.chatwire.lab.stage import Stage
from chatroom.chatwire.passage import Passage, Side
from chatroom.chatwire.recorded import RecordedTap
from chatroom.chatwire.replay.carrying import Carrying
from chatroom.chatwire.replay.player import How, Played, Player
from chatroom.chatwire.replay.script import Answer, script_of
from chatroom.wire.addresses import Address
from chatroom.wire.envelopes import envelope
from chatroom.wire.http2 import frames
from tests.chatwire.lab.forked import forked, marked, quick
from tests.interop.programs import running

from .test_reading import chatwire
from .wire import REQUEST, Talk

DOCUMENT = Path(__file__).parents[2] / "docs" / "replay.md"
FIELDS = frozenset({"sent", "session", "epoch", "since", "created", "active"})
"""What differs between two runs of the chat server; named in the document."""

ALONE = (
    "join", "join-by-hand", "refusal", "half-close-or-cancel", "flow-control", "stalled-reader",
    "streams",
)  # fmt: skip
"""The experiments whose course the client alone decides."""
BY_CHANCE = {"deadline": (2, "was stopped")}
"""Those where one connection, by its number, is the same or not, and words for why."""
OTHERS = {
    "half-close": (1, Side.SERVER, 7, "an admin deletes the room"),
    "end-of-stream": (2, Side.SERVER, 4, "an admin removes Bob"),
    "deadlock": (1, Side.SERVER, 0, "another server"),
    "pings": (1, Side.SERVER, 0, "another server"),
    "drain": (1, Side.SERVER, 4, "told to stop"),
    "resume": (1, Side.SERVER, 0, "Ann"),
    "envelopes": (2, None, 0, "HTTP/1.1"),
}
"""The others: on which connection's first stream they part, from which side and after how many of
its messages, and words for why that the document has. None: the whole stream is missing."""


@dataclass
class Again:
    """A replay: what came of it, and what passed."""

    played: Played
    frames: list[Frame] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    said: list[str] = field(default_factory=list)


async def replayed(
    recorded: Sequence[Frame],
    address: str,
    *names: str,
    speed: float | None = None,
    patience: float = 2.0,
    streams: frozenset[int] = frozenset(),
) -> Again:
    """Send it to a server. `names`: of the values that are carried."""
    script = script_of(recorded, streams)
    carrying = Carrying({name: name for name in names})
    for step in script.steps:
        if isinstance(step, Answer):
            for message in step.frame.messages:
                carrying.recorded(step.place, message)
    again = Again(Played(), said=[*script.left_out])

    def passed(passage: Passage, made: Sequence[Frame]) -> None:
        again.passages.append(passage)
        again.frames.extend(made)

    how = How(to=Address.parse(address), speed=speed, patience=patience)
    player = Player(script, how, carrying=carrying, passed=passed, say=again.said.append)
    again.played = await player.play()
    return again


async def recorded(experiment: Experiment) -> list[Frame]:
    """The frames of an experiment's scene."""
    async with experiment.server() as server, RecordedTap(server.address) as tap:
        async with asyncio.timeout(60):
            await experiment.scene(Stage(server, tap))
        return list(tap.frames)


def differing(one: Sequence[Frame], other: Sequence[Frame], *more: str) -> list[Pair]:
    ignored = Ignored(FIELDS | set(more))
    pairs = compared(talks_of(one, ignored)[0], talks_of(other, ignored)[0])
    return [pair for pair in pairs if not pair.same]


async def played_again(name: str) -> tuple[list[Frame], Again]:
    experiment = quick(name)
    before = await recorded(experiment)
    async with experiment.server() as server:
        return before, await replayed(before, server.address, "session", "epoch")


# ---- Experiments ------------------------------------------------------------------------


def test_every_experiment_is_in_one_of_the_lists() -> None:
    """And in the document, which says why those part that part; but for those with faults."""
    undisturbed = [name for name, one in experiments().items() if not getattr(one, "faults", ())]
    assert sorted(undisturbed) == sorted([*ALONE, *BY_CHANCE, *OTHERS])
    text = DOCUMENT.read_text()
    assert all(f"[{name}](experiments/{name}.md)" in text for name in undisturbed)
    reasons = {name: why for name, (*_, why) in (*BY_CHANCE.items(), *OTHERS.items())}
    for name, why in reasons.items():
        line = next(line for line in text.splitlines() if f"[{name}]" in line)
        assert why in line, name
    assert f"--ignore {','.join(sorted(FIELDS))}" in text


@pytest.mark.parametrize("name", ALONE)
def test_what_the_client_decides_is_the_same_again(name: str) -> None:
    """The replay against a fresh server differs in nothing but the named fields."""
    before, again = asyncio.run(played_again(name))
    assert [] == again.said
    assert [] == differing(before, again.frames)
    assert 0 == again.played.parted
    assert any(message for frame in before for message in frame.messages)


@pytest.mark.parametrize("name", marked(BY_CHANCE))
def test_what_chance_decides_is_on_one_connection(name: str) -> None:
    before, again = asyncio.run(played_again(name))
    chance, _ = BY_CHANCE[name]
    pairs = differing(before, again.frames)
    assert {chance} >= {talk.connection for pair in pairs if (talk := pair.one or pair.other)}


@pytest.mark.parametrize("name", marked(OTHERS))
def test_what_somebody_else_decides_parts_there(name: str) -> None:
    """On the stream and after the message that the document's reason is about."""
    before, again = asyncio.run(played_again(name))
    connection, side, messages, _ = OTHERS[name]
    pair = differing(before, again.frames)[0]
    assert pair.one is not None
    assert connection == pair.one.connection
    assert again.said
    if side is None:
        assert pair.other is None
    else:
        parting = next(parting for parting in pair.partings if parting.side is side)
        assert messages == parting.place


# ---- Values of answers ------------------------------------------------------------------


async def resuming(stage: Stage) -> None:
    """Bob talks, loses his connection and resumes; nobody else is there."""
    async with stage.client("Bob") as bob:
        first = bob.Chat()
        await first.write(joining("Bob"))
        live = await stage.until(sent_to("Bob", Kind.DATA, sets("live")))
        await first.write(saying("I am here"))
        await stage.until(sent_to("Bob", Kind.DATA), after=live)
        stage.tap.cut()
    joined = next(
        message.value.joined
        for frame in stage.tap.frames
        for message in frame.messages
        if isinstance(message.value, pb.Message) and message.value.HasField("joined")
    )
    async with stage.client("Bob again") as bob:
        back = joining("Bob")
        back.join.resume.CopyFrom(pb.Resume(session=joined.session, epoch=joined.epoch, after=2))
        second = bob.Chat()
        await second.write(back)
        await stage.until(sent_to("Bob again", Kind.DATA, sets("live")))


async def resumption() -> None:
    async with forked() as server, RecordedTap(server.address) as tap:
        await resuming(Stage(server, tap))
        before = list(tap.frames)
    async with forked() as server:
        carried = await replayed(before, server.address, "session", "epoch")
    async with forked() as server:
        alone = await replayed(before, server.address)
    assert ([], 2) == (differing(before, carried.frames), carried.played.put_in)
    assert 0 == alone.played.put_in
    assert [2] == [pair.one.connection for pair in differing(before, alone.frames) if pair.one]


def test_a_session_is_carried_over() -> None:
    """The server takes it for the same member, as it did then; without it, it does not."""
    asyncio.run(resumption())


def test_values_change_where_they_are_named_and_nowhere_else() -> None:
    """Whole messages are put together again; the length of one may change."""
    carrying = Carrying({"room_id": "room_id", "session": "x-session"})
    talk = Talk().begin()
    talk.call()
    answer = talk.server(frames.data(1, envelope(joined("1234", "old").SerializeToString())))
    now = Talk().begin()
    now.call()
    other = now.server(frames.data(1, envelope(joined("a-longer-id", "new").SerializeToString())))
    place = (1, 1)
    carrying.recorded(place, answer[0].messages[0])
    carrying.came(place, other[0].messages[0])
    request = pb.ChatMessage(join=pb.JoinChat(room_id="1234", name="1234"))
    (asked,) = talk.client(frames.data(1, envelope(request.SerializeToString())))
    altered = carrying.put_into(asked.messages[0])
    request.join.room_id = "a-longer-id"
    assert request == pb.ChatMessage.FromString(altered or b"")
    assert ("new", "old") == (carrying.field("x-session", "old"), carrying.field("other", "old"))
    unrelated = pb.ChatMessage(join=pb.JoinChat(room_id="9999"))
    (asked,) = talk.client(frames.data(1, envelope(unrelated.SerializeToString())))
    assert carrying.put_into(asked.messages[0]) is None


def joined(room: str, session: str) -> pb.Message:
    return pb.Message(joined=pb.Joined(session=session, room=pb.ChatRoom(room_id=room)))


# ---- An independent implementation as the server ----------------------------------------


@dataclass
class Strict:
    """A server of python-hyper's h2, which refuses what breaks a rule."""

    settings: dict[SettingCodes, int]
    bodies: dict[int, bytes] = field(default_factory=dict)
    heads: dict[int, list[tuple[bytes, bytes]]] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)
    most_open: int = 0
    error: Exception | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        connection.local_settings = Settings(client=False, initial_values=self.settings)
        connection.decoder.max_allowed_table_size = connection.local_settings.header_table_size
        connection.initiate_connection()
        running: set[int] = set()
        try:
            writer.write(connection.data_to_send())
            while content := await reader.read(1 << 16):
                for event in connection.receive_data(content):
                    if isinstance(event, RequestReceived):
                        self.heads[event.stream_id] = event.headers
                        self.bodies[event.stream_id] = b""
                        running.add(event.stream_id)
                        self.most_open = max(self.most_open, len(running))
                    elif isinstance(event, DataReceived):
                        self.bodies[event.stream_id] += event.data
                        size = event.flow_controlled_length
                        if size:
                            connection.acknowledge_received_data(size, event.stream_id)
                    elif isinstance(event, StreamEnded):
                        self.ended.add(event.stream_id)
                        running.discard(event.stream_id)
                        connection.send_headers(event.stream_id, ANSWER, end_stream=True)
                    elif isinstance(event, StreamReset):
                        running.discard(event.stream_id)
                writer.write(connection.data_to_send())
        except OSError:
            pass
        except Exception as error:  # noqa: BLE001 # told to the test
            self.error = error
        finally:
            writer.close()


ANSWER = [(b":status", b"200"), (b"content-type", b"application/grpc"), (b"grpc-status", b"0")]


@contextlib.asynccontextmanager
async def strict(**settings: int) -> AsyncIterator[tuple[str, Strict]]:
    told = Strict({SettingCodes[name.upper()]: value for name, value in settings.items()})
    server = await asyncio.start_server(told.serve, "127.0.0.1", 0)
    async with server:
        yield str(Address(*server.sockets[0].getsockname()[:2])), told


def upload(streams: int, size: int) -> Talk:
    """Calls with so many bytes each, all at once; each ends and is answered."""
    talk = Talk().begin()
    for number in range(streams):
        head = [*REQUEST, ("x-number", str(number)), ("authorization", "Bearer secret")]
        talk.client(talk.headers(Side.CLIENT, 2 * number + 1, head))
    for number in range(streams):
        stream = 2 * number + 1
        content = envelope(bytes([number]) * size)
        while content:
            talk.client(frames.data(stream, content[:16_000], end=len(content) <= 16_000))
            content = content[16_000:]
    fields = [(name.decode(), value.decode()) for name, value in ANSWER]
    for number in range(streams):
        talk.server(talk.headers(Side.SERVER, 2 * number + 1, fields, end=True))
    return talk


@pytest.mark.parametrize("window", [1, 100, 65_535])
def test_windows_are_respected_and_every_byte_arrives(window: int) -> None:
    """As an independent implementation counts them, whatever they were in the recording."""

    async def run() -> None:
        talk = upload(3, 3_000 if window == 1 else 70_000)
        async with strict(initial_window_size=window) as (address, told):
            again = await replayed(talk.made, address, patience=20)
        assert told.error is None
        assert ([], 0) == (again.said, again.played.parted)
        bodies = [told.bodies[2 * number + 1] for number in range(3)]
        size = 3_000 if window == 1 else 70_000
        assert [envelope(bytes([number]) * size) for number in range(3)] == bodies
        numbers = [dict(told.heads[stream])[b"x-number"] for stream in (1, 3, 5)]
        assert [b"0", b"1", b"2"] == numbers

    asyncio.run(run())


def test_small_header_tables_are_respected() -> None:
    """The server's SETTINGS_HEADER_TABLE_SIZE governs the replay's own table."""

    async def run() -> None:
        talk = Talk().begin()
        for stream in range(1, 41, 2):
            talk.client(talk.headers(Side.CLIENT, stream, [*REQUEST, ("x-a", "b" * 40)], end=True))
            fields = [(name.decode(), value.decode()) for name, value in ANSWER]
            talk.server(talk.headers(Side.SERVER, stream, fields, end=True))
        async with strict(header_table_size=64) as (address, told):
            again = await replayed(talk.made, address)
        assert (None, []) == (told.error, again.said)
        assert 20 == len(told.ended)

    asyncio.run(run())


def test_one_stream_is_sent_alone() -> None:
    """Under an id of its own, and nothing of the others."""

    async def run() -> None:
        talk = upload(3, 10)
        async with strict() as (address, told):
            again = await replayed(talk.made, address, streams=frozenset({5}))
        assert (None, [], {1: envelope(bytes([2]) * 10)}) == (told.error, again.said, told.bodies)

    asyncio.run(run())


def test_a_server_that_takes_few_streams_gets_few() -> None:
    """What it does not take in time is said, and not sent."""

    async def run() -> None:
        talk = upload(3, 10)
        async with strict(max_concurrent_streams=2) as (address, told):
            again = await replayed(talk.made, address, patience=0.5)
        assert told.error is None
        assert any("takes 2 streams at once" in sentence for sentence in again.said)
        assert 2 == told.most_open
        assert {1, 3} == told.ended

    asyncio.run(run())


@pytest.mark.parametrize("speed", [None, 100_000.0])
def test_an_hour_can_be_played_in_no_time(speed: float | None) -> None:
    """As fast as answers come, or so many times as fast as it was."""

    async def run() -> None:
        talk = Talk().begin()
        talk.client(talk.headers(Side.CLIENT, 1, REQUEST))
        made = talk.made[-1]
        late = [*talk.made]
        talk.client(frames.data(1, envelope(b""), end=True))
        late += [replace(frame, time=made.time + 3600 * 10**9) for frame in talk.made[len(late) :]]
        async with strict() as (address, told):
            again = await replayed(late, address, speed=speed)
        assert ({1}, []) == (told.ended, again.said)

    asyncio.run(run())


# ---- What cannot be sent ----------------------------------------------------------------


def test_what_cannot_be_sent_again_is_said() -> None:
    """HTTP/1.1, a stream whose head is missing, what follows a hole."""
    script = script_of(Talk().client(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
    assert ["connection #1 speaks HTTP/1.1, which is not sent again here"] == script.left_out
    assert [] == script.steps
    talk = Talk().begin()
    talk.client(frames.data(3, b"abc"))
    script = script_of(talk.made)
    assert ["stream 3 of connection #1 is not sent: its head was not seen"] == script.left_out


# ---- The commands -----------------------------------------------------------------------


def write(path: Path, passages: Sequence[Passage]) -> Path:
    with CaptureWriter(path, print) as writer:
        for passage in passages:
            writer.write(passage)
    return path


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """Ann joins, says something and half-closes, against a server that has ended."""

    async def scene() -> list[Passage]:
        async with forked() as server, RecordedTap(server.address) as tap:
            stage = Stage(server, tap)
            async with stage.client("Ann") as ann:
                talk = ann.Chat()
                await talk.write(joining("Ann"))
                live = await stage.until(sent_to("Ann", Kind.DATA, sets("live")))
                await talk.write(saying("Hello"))
                await stage.until(sent_to("Ann", Kind.DATA), after=live)
            return tap.passages

    return write(tmp_path / "before.pcapng", asyncio.run(scene()))


def test_replay_writes_what_diff_compares(capture: Path, tmp_path: Path) -> None:
    """The commands of the document, with their exit codes: 0 the same, 1 differ, 2 trouble."""
    after = tmp_path / "after.pcapng"
    with running("--room", "lobby") as address:
        done = chatwire(
            "replay", capture, "--to", address, "--speed", "max", "--carry", "session", "-w", after
        )
        assert 0 == done.returncode, done.stderr
        assert b"1 connection, 1 stream, 2 messages sent" in done.stderr
    ignore = ",".join(FIELDS)
    same = chatwire("diff", capture, after, "--ignore", ignore)
    assert (0, b"") == (same.returncode, same.stderr)
    assert same.stdout.endswith(b"they say the same\n")
    differ = chatwire("diff", capture, after)
    assert 1 == differ.returncode
    assert b"from the server, message 1:" in differ.stdout
    assert b"joined.session: " in differ.stdout
    quiet = chatwire("diff", capture, after, "--quiet")
    assert (1, b"") == (quiet.returncode, quiet.stdout)
    after.write_bytes(b"no capture")
    assert 2 == chatwire("diff", capture, after).returncode
    assert 2 == chatwire("diff", capture, capture, "--stream", "99").returncode
    assert 0 == chatwire("diff", capture, capture, "--stream", "1:1").returncode
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "chatroom.chatwire", "diff", str(capture), str(capture)]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert 2 == ended.returncode
    assert b"chatwire: cannot write what differs: No space left on device\n" == ended.stderr


def test_replay_fails_in_a_sentence(capture: Path, tmp_path: Path) -> None:
    """Where nobody listens, where a file is none, where an option is wrong."""
    with running("--room", "lobby") as address:
        pass
    gone: subprocess.CompletedProcess[bytes] = chatwire("replay", capture, "--to", address)
    assert (1, True) == (gone.returncode, b"cannot connect" in gone.stderr), gone.stderr
    assert 2 == chatwire("replay", capture, "--to", address, "--speed", "fast").returncode
    assert 2 == chatwire("replay", capture, "--to", address, "--carry", "a=").returncode
    for arguments in (
        ("replay", capture, "--to", address, "-w", capture),
        ("read", capture, "--diagram", "svg", "-o", capture),
    ):
        before = capture.read_bytes()
        ended = chatwire(*arguments)
        assert (2, True) == (ended.returncode, b"would overwrite the capture" in ended.stderr)
        assert before == capture.read_bytes()
    damaged = tmp_path / "x.pcapng"
    damaged.write_bytes(capture.read_bytes()[:-5])
    assert 1 == chatwire("replay", damaged, "--to", address).returncode
