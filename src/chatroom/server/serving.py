"""Serving: one process from its first signal handler to its last status, or several of them."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

import click

from chatroom import interrupts
from chatroom.core import names
from chatroom.core.refusals import Refusal
from chatroom.interrupts import INTERRUPTED
from chatroom.journal import JournalUnusable
from chatroom.wire.addresses import PORTS, Address

from .access.admin import AdminTokenUnusable
from .access.key_file import KeysUnusable
from .log_lines import LogStyle
from .loops import LoopMissing, LoopName, loop_factory
from .port import sockets
from .port.sockets import BindError
from .scheduling import ask_for_short_slices
from .service import JOURNAL_FILE, Service
from .settings import Settings, TlsUnusable
from .systemd import Manager
from .workers import Supervisor, Worker

log = logging.getLogger("chatserver")

GC_THRESHOLD = 100_000
"""Objects that may be made before the garbage collector looks at the young ones."""
GC_THRESHOLD_CYCLES = 20_000
"""The same on asyncio's own loop, whose connections are cycles: 10,000 that ended were 15 MiB."""

UNUSABLE = (
    JournalUnusable, BindError, TlsUnusable, AdminTokenUnusable, KeysUnusable, LoopMissing, Refusal,
)  # fmt: skip
"""What a start may raise whose sentence is all that an operator needs."""


def check_workers(count: int, *, database: str, platform: str = sys.platform) -> None:
    """Raise UsageError where several workers cannot serve."""
    if count == 1:
        return
    if not database:
        raise click.UsageError(
            "--workers needs --journal: processes share rooms by a PostgreSQL database. Neither "
            "memory nor a directory can be shared: its file has one writer, which is quicker alone"
        )
    if platform != "linux":
        raise click.UsageError(
            "--workers needs Linux: here the system gives all connections of a port to one "
            "process. Start several servers, each with a port, behind a balancer"
        )


def of_worker(address: Address, number: int) -> Address:
    """Where a worker is watched: what is counted is each worker's own. Port 0: any free one."""
    return Address(address.host, address.port + number) if address.port else address


def check_ops(addresses: Iterable[Address], workers: int) -> None:
    """Raise UsageError where a worker would be watched on a port that there is not."""
    for address in addresses if workers > 1 else ():
        if of_worker(address, workers).port not in PORTS:
            raise click.UsageError(
                f"--ops-bind {address}: worker {workers} would be watched on port "
                f"{address.port + workers}, and the largest is {PORTS[-1]}"
            )


def run(settings: Settings, loop: LoopName, style: LogStyle) -> int:
    """Serve, with as many processes as there are to be; the exit code."""
    manager = Manager.of(os.environ)
    if settings.workers > 1:
        return _supervise(settings, loop, style, manager)
    return _run(settings, loop, style, None, manager)


def _run(
    settings: Settings, loop: LoopName, style: LogStyle, worker: Worker | None, manager: Manager
) -> int:
    try:
        interrupts.run(_serve(settings, style, worker, manager), loop_factory(loop))
    except UNUSABLE as error:
        of = f"worker {worker.number}: " if worker is not None else ""
        style.say(f"{of}{error}", level=logging.ERROR)
        return 1
    return 0


# ---- Several processes -----------------------------------------------------------


def _supervise(settings: Settings, loop: LoopName, style: LogStyle, manager: Manager) -> int:
    held: list[socket.socket] = []
    addresses: list[Address] = []
    try:
        for address in settings.bind:
            places = sockets.hold(address)
            held += places
            addresses.append(Address(address.host, sockets.address_of(places[0]).port))
    except BindError as error:
        style.say(str(error), level=logging.ERROR)
        return 1
    names.load()
    shared = replace(settings, bind=tuple(addresses), shared_port=True)

    def work(worker: Worker) -> int:
        for each in held:
            each.close()
        style.begin(worker.number)
        watched = tuple(of_worker(each, worker.number) for each in settings.ops_bind)
        return _run(replace(shared, ops_bind=watched), loop, style, worker, Manager())

    status = f"{settings.workers} workers"

    def on_ready(kept: str) -> None:
        manager.ready(status)
        style.say(kept)
        style.say(f"{settings.workers} workers serve, each of them a node")
        for each in held:
            style.say(f"listening on {sockets.address_of(each)}")

    supervisor = Supervisor(
        settings.workers,
        work,
        on_ready,
        settings.restarts,
        on_stop=manager.stopping,
        on_beat=partial(manager.beats, status) if manager.listens else None,
        beat=manager.beat,
    )
    try:
        return supervisor.run()
    finally:
        for each in held:
            each.close()


# ---- One process -----------------------------------------------------------------


def _kept(settings: Settings, journal: str) -> str:
    """Where rooms and messages are."""
    if settings.database:
        return f"rooms and messages are kept in {journal}"
    if settings.data is None:
        return "rooms and messages are kept in memory alone, until it ends"
    return f"rooms and messages are kept in {settings.data / JOURNAL_FILE}"


async def _serve(
    settings: Settings, style: LogStyle, worker: Worker | None, manager: Manager
) -> None:
    """Serve until SIGTERM or SIGINT; a second one ends the process at once, with 130.

    Not a worker: its supervisor knows best what a second one means. Who has lost that, stops.
    """
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set() and worker is None:
            # What was acknowledged is in the journal already.
            os._exit(INTERRUPTED)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, on_signal)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(on_signal))
    if worker is not None:
        _stop_without_supervisor(worker, loop, stop)
    service = Service(settings)
    if hasattr(signal, "SIGHUP"):  # not on Windows
        # Before the start: whoever sends it early must not end what is about to serve.
        loop.add_signal_handler(signal.SIGHUP, partial(_read_again, service, manager))
    await service.start()
    ask_for_short_slices()
    # What is here now stays; and messages are no cycles, so looking for some after every
    # 700 objects costs 7 % of the CPU and finds nothing.
    gc.collect()
    gc.freeze()
    leaves_cycles = isinstance(loop, asyncio.BaseEventLoop)
    gc.set_threshold(GC_THRESHOLD_CYCLES if leaves_cycles else GC_THRESHOLD, 50, 100)
    kept = _kept(settings, service.journal_name)
    if worker is None:
        style.say(kept)
        if service.hub.nodes is not None:
            style.say(str(service.hub.nodes))
        for address in service.ops_addresses:
            style.say(f"operators look at http://{address}")
        for address in service.addresses:
            style.say(f"listening on {address}")
    else:
        log.info("%s", service.hub.nodes)
        for address in service.ops_addresses:
            log.info("operators look at http://%s", address)
        worker.ready(kept)
    manager.ready(_status(service))
    beating = asyncio.create_task(_beat(service, manager), name="beat") if manager.listens else None
    stopped = asyncio.create_task(stop.wait())
    failed = asyncio.create_task(service.wait())
    done, _ = await asyncio.wait((stopped, failed), return_when=asyncio.FIRST_COMPLETED)
    if failed in done:
        failed.result()
    failed.cancel()
    manager.stopping()
    await service.stop()  # the watchdog waits for no other end
    if beating is not None:
        beating.cancel()


def _status(service: Service) -> str:
    """What it does, in a line for an operator."""
    members = [room.member_count for room in service.hub.rooms.every()]
    return f"serving {sum(members):,} members in {len(members):,} rooms"


async def _beat(service: Service, manager: Manager) -> None:
    """Tell that the loop turns, until cancelled."""
    while True:
        manager.beats(_status(service))
        await asyncio.sleep(manager.beat)


def _read_again(service: Service, manager: Manager) -> None:
    if not service.health.serving:  # it has not told yet that it is ready, or is stopping
        service.read_again()
        return
    manager.reloading()
    service.read_again()
    manager.ready(_status(service))


def _stop_without_supervisor(
    worker: Worker, loop: asyncio.AbstractEventLoop, stop: asyncio.Event
) -> None:
    """Have the worker stop, as if it was told to, when its supervisor has gone."""

    def gone() -> None:
        loop.remove_reader(worker.life)
        log.error("the supervisor has gone: this worker stops")
        stop.set()

    loop.add_reader(worker.life, gone)
