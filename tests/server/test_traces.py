"""Traces: what spans there are, whose trace they continue; and who traces nothing has no part."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest
from connectrpc.protocol import ProtocolType
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.client import RoomNotFound, connect
from chatroom.core.limits import Limits
from chatroom.journal import Append, JournalError
from chatroom.journal.memory import MemoryJournal
from chatroom.server.otel import MOST_LINKS, OtelTraces
from chatroom.server.service import Service
from chatroom.server.settings import Settings
from chatroom.wire.addresses import Address
from tests.carriers import Carrier, ConnectCarrier, Ended, GrpcCarrier, Stream, run

TRACE = 0x4BF92F3577B34DA6A3CE929D0E0E4736
PARENT = 0x00F067AA0BA902B7
CONTEXT = {"traceparent": f"00-{TRACE:032x}-{PARENT:016x}-01", "tracestate": "vendor=x"}
UNSAMPLED = {"traceparent": f"00-{TRACE:032x}-{PARENT:016x}-00"}
FEATURES = (pb.FEATURE_EVENTS, pb.FEATURE_ECHO)

CARRIERS: dict[str, Callable[[int], Carrier]] = {
    "grpc": GrpcCarrier,
    "grpc-web": lambda port: ConnectCarrier(port, ProtocolType.GRPC_WEB),
    "connect": lambda port: ConnectCarrier(port, ProtocolType.CONNECT),
    "connect-json": lambda port: ConnectCarrier(port, ProtocolType.CONNECT, json=True),
}


@dataclass
class Traced:
    """A server that is traced, and what it has told so far."""

    port: int
    exporter: InMemorySpanExporter
    provider: TracerProvider

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    async def spans_when(self, name: str, number: int) -> list[ReadableSpan]:
        """Those of a name, once there are so many: a call has its answer before its span ends."""
        async with asyncio.timeout(20):
            while len(found := self.spans(name)) < number:
                await asyncio.sleep(0.01)
        return found


@contextlib.asynccontextmanager
async def traced(
    journal: MemoryJournal | None = None, provider: TracerProvider | None = None, **limits: int
) -> AsyncIterator[Traced]:
    exporter = InMemorySpanExporter()
    provider = provider or TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    settings = Settings(bind=(Address("127.0.0.1", 0),), rooms=("lobby",), limits=Limits(**limits))
    service = Service(settings, journal, OtelTraces(provider))
    await service.start()
    try:
        exporter.clear()  # of the rooms
        yield Traced(service.addresses[0].port, exporter, provider)
    finally:
        await service.stop()


def said(text: str) -> pb.ChatMessage:
    return pb.ChatMessage(message=pb.Message(message=text, nonce=text))


async def rest(stream: Stream) -> None:
    """Read to the end, which raises Ended."""
    while True:
        await stream.receive()


def join(name: str) -> pb.JoinChat:
    return pb.JoinChat(room_id="lobby", name=name, features=FEATURES, history=0)


def expected(kind: str, port: int, method: str) -> dict[str, object]:
    """The attributes of a call while it goes on."""
    return {
        "rpc.system.name": "connectrpc" if kind.startswith("connect") else "grpc",
        "rpc.method": f"rpc.ChatService/{method}",
        "server.address": "127.0.0.1",
        "server.port": port,
    }


@pytest.mark.parametrize("kind", CARRIERS)
def test_a_call_continues_the_trace_of_its_caller(kind: str) -> None:
    """Of kind server, with the names of the conventions and its status, and no one's address."""

    async def scene() -> None:
        async with traced() as server:
            carrier = CARRIERS[kind](server.port)
            await carrier.call("ListChatRooms", pb.ListChatRoomsRequest(), CONTEXT)
            (span,) = await server.spans_when("rpc.ChatService/ListChatRooms", 1)
            with pytest.raises(Ended):
                await carrier.call("ListMembers", pb.ListMembersRequest(room_id="nowhere"), CONTEXT)
            (refused,) = await server.spans_when("rpc.ChatService/ListMembers", 1)
            await carrier.close()
            for each in (span, refused):
                assert SpanKind.SERVER == each.kind
                assert each.parent is not None
                assert (TRACE, PARENT, True) == (
                    each.context.trace_id, each.parent.span_id, each.parent.is_remote
                )  # fmt: skip
                assert "vendor=x" == each.context.trace_state.to_header()
                assert StatusCode.UNSET == each.status.status_code, "no fault of the server"
            names = ("not_found",) if kind.startswith("connect") else ("OK", "NOT_FOUND")
            status = {} if len(names) == 1 else {"rpc.response.status_code": names[0]}
            assert expected(kind, server.port, "ListChatRooms") | status == span.attributes
            assert expected(kind, server.port, "ListMembers") | {
                "rpc.response.status_code": names[-1]
            } == dict(refused.attributes or {})

    run(scene())


@pytest.mark.parametrize("kind", CARRIERS)
def test_a_stream_is_one_span_and_what_it_says_is_linked_to_it(kind: str) -> None:
    """From its head to its status; each append is a trace of its own, and deliveries are none."""

    async def scene() -> None:
        async with traced() as server:
            carrier, other = CARRIERS[kind](server.port), GrpcCarrier(server.port)
            listener = other.chat()
            await listener.send(pb.ChatMessage(join=join("Bob")))
            stream = carrier.subscribe(join("Ann"), CONTEXT)
            joined = (await stream.receive()).joined
            method = "Subscribe"
            await carrier.call(
                "SendMessage",
                pb.SendMessageRequest(session=joined.session, message=pb.Message(message="hi")),
                UNSAMPLED,
            )
            await carrier.call(
                "SendMessage",
                pb.SendMessageRequest(session=joined.session, leave=pb.Leave()),
            )
            with pytest.raises(Ended) as ended:
                await rest(stream)
            assert "OK" == ended.value.code
            (span,) = await server.spans_when(f"rpc.ChatService/{method}", 1)
            assert (TRACE, SpanKind.SERVER) == (span.context.trace_id, span.kind)
            status = {} if kind.startswith("connect") else {"rpc.response.status_code": "OK"}
            assert expected(kind, server.port, method) | status == span.attributes
            while (await listener.receive()).message != "Has left the chat":
                pass
            appends = server.spans("journal append")
            assert all(each.parent is None for each in appends), "traces of their own"
            linked = [[link.context.span_id for link in each.links] for each in appends]
            assert [span.context.span_id] in linked, "of the join"
            assert [] in linked, "the message came by a call that is not sampled"
            await listener.cancel()
            await carrier.close()
            await other.close()
            names = {each.name for each in server.exporter.get_finished_spans()}
            assert {
                "journal append", "rpc.ChatService/Subscribe", "rpc.ChatService/SendMessage",
            } >= names - {"rpc.ChatService/Chat"}  # fmt: skip

    run(scene())


def test_a_turn_has_links_to_all_who_said_something_in_it() -> None:
    """Streams of several rooms; also messages that are taken as they came, many at once."""

    async def scene() -> None:
        gate = Gated()
        async with traced(gate) as server:
            carrier = GrpcCarrier(server.port)
            await carrier.call("CreateChatRoom", pb.CreateChatRoomRequest(room_id="other"))
            streams = []
            for number in range(3):
                parent = {"traceparent": f"00-{TRACE + number:032x}-{PARENT:016x}-01"}
                stream = carrier.chat(parent)
                request = join(f"Ann {number}")
                request.room_id = ("lobby", "other")[number % 2]
                await stream.send(pb.ChatMessage(join=request))
                while not (await stream.receive()).HasField("live"):
                    pass
                streams.append(stream)
            server.exporter.clear()
            with gate.shut():
                await streams[0].send(said("first"))
                await asyncio.wait_for(gate.waits.wait(), 20)
                for number, stream in enumerate(streams):
                    for line in range(5):
                        await stream.send(said(f"{number} {line}"))
                # What was sent before has come, as far as it goes at once.
                await carrier.call("ListChatRooms", pb.ListChatRoomsRequest())
            for number, stream in enumerate(streams):
                while (await stream.receive()).message != f"{number} 4":
                    pass
            for stream in streams:
                await stream.send(pb.ChatMessage(leave=pb.Leave()))
                with pytest.raises(Ended):
                    await stream.rest()
            spans = await server.spans_when("rpc.ChatService/Chat", 3)
            by_trace = {span.context.trace_id - TRACE: span.context.span_id for span in spans}
            appends = server.spans("journal append")
            entries = sum(dict(each.attributes or {})["chatroom.turn.entries"] for each in appends)
            assert 1 + 15 + 3 == entries, "each message once, and who left"
            assert [by_trace[0]] == [link.context.span_id for link in appends[0].links]
            linked = {link.context.span_id for each in appends for link in each.links}
            assert {*by_trace.values()} == linked
            assert max(len(each.links) for each in appends) > 1, "some shared a turn"
            await carrier.close()

    run(scene())


class Gated(MemoryJournal):
    """Stores when the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = asyncio.Event()
        self._open = asyncio.Event()
        self._open.set()

    @contextlib.contextmanager
    def shut(self) -> Iterator[None]:
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    async def append(self, appends: Sequence[Append]) -> None:
        if not self._open.is_set():
            self.waits.set()
        await self._open.wait()
        await super().append(appends)


class Full(MemoryJournal):
    """Has no room for messages."""

    async def append(self, appends: Sequence[Append]) -> None:
        if any(entry.kind.name == "SAID" for each in appends for entry in each.entries):
            raise JournalError("no space left on device")
        await super().append(appends)


def test_a_fault_is_an_error_of_call_and_append() -> None:
    """With its kind, and without its text."""

    async def scene() -> None:
        async with traced(Full()) as server:
            carrier = GrpcCarrier(server.port)
            stream = carrier.chat()
            await stream.send(pb.ChatMessage(join=join("Ann")))
            session = (await stream.receive()).joined.session
            server.exporter.clear()
            request = pb.SendMessageRequest(session=session, message=pb.Message(message="hi"))
            with pytest.raises(Ended) as ended:
                await carrier.call("SendMessage", request, CONTEXT)
            assert ("UNAVAILABLE", "JOURNAL_UNAVAILABLE") == (ended.value.code, ended.value.reason)
            (call,) = await server.spans_when("rpc.ChatService/SendMessage", 1)
            (append,) = server.spans("journal append")
            assert [call.context.span_id] == [link.context.span_id for link in append.links]
            for span, kind in ((call, "UNAVAILABLE"), (append, "JournalError")):
                assert (StatusCode.ERROR, None) == (
                    span.status.status_code,
                    span.status.description,
                )
                assert kind == dict(span.attributes or {})["error.type"]
                assert () == tuple(span.events)
            await stream.cancel()
            await carrier.close()

    run(scene())


def test_refused_before_it_begins_a_stream_has_its_span() -> None:
    """With the status; and what is no method of the contract has none."""

    async def scene() -> None:
        async with traced(connection_streams=1) as server:
            carrier = GrpcCarrier(server.port, alone=True)
            first = carrier.chat()
            await first.send(pb.ChatMessage(join=join("Ann")))
            await first.receive()
            second = carrier.chat(CONTEXT)
            with pytest.raises(Ended):
                await second.rest()
            (span,) = await server.spans_when("rpc.ChatService/Chat", 1)
            assert TRACE == span.context.trace_id
            assert "RESOURCE_EXHAUSTED" == dict(span.attributes or {})["rpc.response.status_code"]
            await first.cancel()
            await carrier.close()

    run(scene())


def test_a_trace_that_is_not_sampled_has_no_spans_and_no_links() -> None:
    async def scene() -> None:
        provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
        async with traced(provider=provider) as server:
            carrier = GrpcCarrier(server.port)
            stream = carrier.chat(CONTEXT)
            await stream.send(pb.ChatMessage(join=join("Ann")))
            await stream.send(said("hi"))
            while (await stream.receive()).message != "hi":
                pass
            await stream.cancel()
            await carrier.close()
            assert () == server.exporter.get_finished_spans()

    run(scene())


@pytest.mark.parametrize(
    "wrong", ["", "00-zz-01", f"00-{0:032x}-{PARENT:016x}-01", "ff-" + "1" * 400]
)
def test_a_wrong_traceparent_begins_a_trace(wrong: str) -> None:
    """As W3C Trace Context says; the call is answered as any other."""

    async def scene() -> None:
        async with traced() as server:
            carrier = GrpcCarrier(server.port)
            await carrier.call("ListChatRooms", pb.ListChatRoomsRequest(), {"traceparent": wrong})
            (span,) = await server.spans_when("rpc.ChatService/ListChatRooms", 1)
            assert span.parent is None
            await carrier.close()

    run(scene())


def test_links_are_bounded() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    traces = OtelTraces(provider)
    tracer = provider.get_tracer("test")
    calls = [tracer.start_span("call").get_span_context() for _ in range(MOST_LINKS + 10)]
    with traces.storing(calls, rooms=1, entries=len(calls)):
        pass
    (span,) = exporter.get_finished_spans()
    assert (MOST_LINKS, 0) == (len(span.links), span.dropped_links)


def test_the_library_continues_the_trace_of_the_program() -> None:
    """Calls, and the streams of a room; each call that is begun under another span is its child."""

    async def scene() -> None:
        async with traced() as server:
            tracer = server.provider.get_tracer("program")
            async with connect(Address("127.0.0.1", server.port)) as chat:
                with tracer.start_as_current_span("visit") as visit:
                    async with chat.join("lobby", name="Ann") as room:
                        await room.send("hi")
                with (
                    tracer.start_as_current_span("look") as look,
                    pytest.raises(RoomNotFound),
                ):
                    await chat.members("nowhere")
                await chat.rooms()
            (stream,) = await server.spans_when("rpc.ChatService/Chat", 1)
            (members,) = server.spans("rpc.ChatService/ListMembers")
            (rooms,) = server.spans("rpc.ChatService/ListChatRooms")
            for span, above in ((stream, visit), (members, look)):
                assert span.parent is not None
                assert above.get_span_context().span_id == span.parent.span_id
            assert rooms.parent is None

    run(scene())


PLAIN = """
import asyncio, sys
from chatroom.client import connect
from chatroom.server.service import running
from chatroom.server.settings import Settings
from chatroom.wire.addresses import Address

async def main():
    async with running(Settings(bind=(Address("127.0.0.1", 0),), rooms=("lobby",))) as service:
        async with connect(service.addresses[0]) as chat, chat.join("lobby", name="Ann") as room:
            await room.send("hi")

"""
UNTRACED = (
    PLAIN
    + """
asyncio.run(main())
assert not [name for name in sys.modules if name.partition(".")[0] == "opentelemetry"]
assert "chatroom.server.otel" not in sys.modules
"""
)
TRACED = (
    """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
"""
    + PLAIN
    + """
def line(span):
    return f"{span.name}\\n"

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(formatter=line)))
trace.set_tracer_provider(provider)
asyncio.run(main())
"""
)
API_ALONE = "from opentelemetry import trace, propagate\n" + PLAIN + "asyncio.run(main())\n"


def test_who_does_not_trace_imports_nothing_for_it() -> None:
    """Neither server nor library, though it is installed here."""
    subprocess.run([sys.executable, "-c", UNTRACED], check=True, timeout=60)


def test_the_provider_of_the_process_is_used() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", TRACED], check=True, timeout=60, capture_output=True, text=True
    )
    assert {"journal append", "rpc.ChatService/Chat"} == set(ended.stdout.split("\n")) - {""}


def test_the_api_alone_traces_nothing() -> None:
    """Where a program has imported it, and set no provider."""
    script = API_ALONE + "assert 'chatroom.server.rooms.commit' in sys.modules\n"
    script += "from chatroom.server.traces import traces_of_process\n"
    script += "assert traces_of_process() is None\n"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_span_of_the_test_is_not_left_current() -> None:
    """The tests here attach contexts; none stays."""
    assert not trace.get_current_span().get_span_context().is_valid
