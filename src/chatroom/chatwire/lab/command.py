"""`chatwire lab`: lists the experiments, or runs one."""

from __future__ import annotations

import contextlib
import signal
import sys
from typing import TYPE_CHECKING, Any

import click

from chatroom import interrupts
from chatroom.chatwire.show.options import show_options

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Sequence

    from chatroom.chatwire.decode import Frame
    from chatroom.chatwire.lab.experiment import Experiment
    from chatroom.chatwire.lab.running import Outcome
    from chatroom.chatwire.show.printer import Show


@click.command("lab", short_help="Run an experiment with bidirectional streams.")
@click.argument("name", required=False)
@click.option("--all", "everything", is_flag=True, help="Every frame that passed, in order.")
@show_options
def lab(name: str | None, everything: bool, show: Show) -> int:
    """Run an experiment and show the frames that explain it; without NAME, list all.

    Each starts a chat server and clients of its own, on free ports, lets them talk
    through the tap, and explains what passed. --stream, --frame and --hide choose among
    all frames. --json prints one object for each frame, then the story.
    """
    from chatroom.chatwire.lab.catalogue import experiments

    known = experiments()
    if name is None:
        for line in listing(list(known.values())):
            click.echo(line)
        return 0
    if name not in known:
        raise click.UsageError(f"there is no experiment {name!r}; there are {', '.join(known)}")
    return play(known[name], show, everything=everything)


def listing(known: Sequence[Experiment]) -> list[str]:
    """The experiments, a line each."""
    width = max(len(experiment.name) for experiment in known)
    return [
        "Experiments, in the order in which they are best read; chatwire lab NAME runs one.",
        "",
        *(f"  {one.name:<{width}}  {one.title}: {one.summary}" for one in known),
    ]


def play(experiment: Experiment, show: Show, *, everything: bool) -> int:
    """Run it and print what it shows; the exit code.

    Raises `Failure` where it does not show what it says, `click.Abort` on SIGINT or SIGTERM.
    """
    import asyncio
    import os

    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # a scene's errors are on purpose
    from chatroom.chatwire.lab.running import run
    from chatroom.chatwire.lab.story import NotShown
    from chatroom.chatwire.lab.terminal import as_json, as_text
    from chatroom.chatwire.live import Failure, loop_factory, say
    from chatroom.chatwire.show.filters import Filter
    from chatroom.chatwire.show.line import Style
    from chatroom.chatwire.show.printer import arrows_for

    style = Style(colour=show.colour, verbose=show.verbose, arrows=arrows_for(sys.stdout.encoding))
    everything = everything or show.shown != Filter()
    seen: list[Frame] = []
    say(f"playing the scene of {experiment.name}")
    try:
        scene = _stoppable(run(experiment, passed=seen.extend))
        outcome = interrupts.run(scene, loop_factory())
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise click.Abort from None
    except NotShown as error:
        if everything and not show.json:
            _write(style.lines(frame) for frame in seen)
        raise Failure(f"{experiment.name} did not show what it says: {error}") from None
    if show.json:
        _write(as_json(outcome, show))
    else:
        _write(as_text(outcome, show, style, everything=everything))
    return 0


async def _stoppable(scene: Coroutine[Any, Any, Outcome]) -> Outcome:
    """The same, cancelled by SIGTERM and SIGHUP as by an interrupt.

    The server must end too. What `nohup` has told to ignore SIGHUP goes on.
    """
    import asyncio

    task = asyncio.current_task()
    assert task is not None
    with contextlib.suppress(NotImplementedError):  # Windows
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, task.cancel)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            loop.add_signal_handler(signal.SIGHUP, task.cancel)
    return await scene


def _write(lines: Iterable[str]) -> None:
    """Print to standard output, as far as somebody reads it and in what it can encode."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.stdout.writelines(lines)
        sys.stdout.flush()
    except BrokenPipeError:
        # The rest cannot be written; it must not be tried once more at exit.
        sys.stdout = None
