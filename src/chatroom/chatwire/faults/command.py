"""`chatwire fault`: the tap that does something to what passes."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chatroom.chatwire.endpoints import READABLE
from chatroom.chatwire.faults.plan import Plan
from chatroom.chatwire.faults.plan_file import LARGEST_SEED, PlanInvalid, plan_of
from chatroom.chatwire.faults.scanner import RuleInvalid
from chatroom.chatwire.faults.what import BARE, KINDS
from chatroom.chatwire.tapping import Tapping, tap_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from chatroom.chatwire.decode.schema import Schema
    from chatroom.chatwire.faults.meaning import Meanings
    from chatroom.chatwire.faults.taps import FaultyTap
    from chatroom.chatwire.tap import Tap


def rule_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each kind of fault; the command gets all as one argument, `rules`."""

    @functools.wraps(command)
    def with_rules(*arguments: Any, **options: Any) -> Any:
        rules: list[str] = []
        for name in KINDS:
            for text in options.pop(name.replace("-", "_")):
                colon = "" if not text or text[0] in ": " else " "
                rules.append(f"{name}{colon}{text}")
        return command(*arguments, rules=rules, **options)

    for name, kind in reversed(KINDS.items()):
        metavar = "WHERE" if name in BARE else "RULE"
        with_rules = click.option(
            f"--{name}", multiple=True, metavar=metavar, allow_from_autoenv=False,
            help=f"{kind.about} As in: '{kind.example}'",
        )(with_rules)  # fmt: skip
    return with_rules


@click.command("fault", short_help="Tap, and have things go wrong by a plan.")
@rule_options
@click.option(
    "--plan",
    "plans",
    type=READABLE,
    multiple=True,
    metavar="FILE",
    help="A plan of several: TOML with rules = ['drop down message 2', …] and perhaps seed = 7.",
)
@click.option(
    "--check-plan", is_flag=True, help="Read the rules and say what they are; tap nothing."
)
@click.option(
    "--seed",
    type=click.IntRange(0, LARGEST_SEED),
    metavar="N",
    help="What is left to chance is the same for the same seed. Default: the plan's, or 0.",
)
@tap_options
def fault(
    tapping: Tapping, rules: list[str], plans: tuple[Path, ...], check_plan: bool, seed: int | None
) -> int:
    """Tap as chatwire does, and have things go wrong between a client and its server.

    \b
        chatwire fault --delay 'up message 3: 2s'
        chatwire fault --drop 'down method /pkg.Service/Watch text "beta" chance 10%' --seed 7
        chatwire fault --cut 'idle 60s: rst' --throttle 'down: 10KiB/s'
        chatwire fault --plan bad-network.toml --write bad-network.pcapng

    \b
    A rule is WHERE, and for most faults a colon and what. WHERE is any of
        up, down                 what clients send; what the server sends
        connection N             counted from 1
        stream N
        method /pkg.Service/*    * and ? as in names of files
        call N                   of a connection, counted from 1: 3, 3-5, 3-, every 3
        message N                of one side on a stream; likewise
        field path=value         join.name=Ann, or by number: 1.2=Ann
        text "words"             is in the message
        chance P%
        after TIME, idle TIME    for what happens to a connection; 200ms, 2s, 1m
    in any order. What is not said fits everything. Where several rules fit a message each does
    its part: delays add up. A dropped one is only that. Of answers, trailers and withheld windows
    the first rule counts.

    \b
    What follows the colon; what is in [] may be left out:
        delay 2s, 80ms ± 40ms              throttle 10KiB/s (B, kB, MB, KiB, MiB)
        hold key a [at most 60s]           stop-reading [5s], withhold [5s]
        double [3 times]                   reorder [behind 2]
        cut rst, fin                       answer UNAVAILABLE ["words"], 503
        trailers missing, status INTERNAL ["words"], without NAME, with NAME=VALUE
        inject rst_stream CANCEL, goaway NO_ERROR [last 1] ["words"], ping,
               settings INITIAL_WINDOW_SIZE=0

    Whatever a fault does is said with the frame that it does it to: held, altered, invented, or
    FAULT where nothing passes. At the end the rules are named that nothing has fitted. Both sides
    stay legal: windows, stream states and header compression.

    \b
    In a test with pytest:
        pytest_plugins = ["chatroom.chatwire.faults.fixture"]     # in conftest.py
        def test_a_lost_answer(faulty_tap):
            tap = faulty_tap("127.0.0.1:50051", "drop down message 1")
            ...  # a client of tap.address; then:
            assert not tap.unfitted
    """  # noqa: D301 - click wants the character
    if len(plans) > 1:
        raise click.UsageError("one --plan is enough: put all rules into one file")
    made = the_plan(rules, plans[0] if plans else None, seed)
    if not made.rules:
        raise click.UsageError("nothing is to go wrong: name a fault, or a --plan")
    if check_plan:
        for rule in made.rules:
            click.echo(rule.text)
        click.echo(f"{len(made.rules)} rule{'s' * (len(made.rules) != 1)}, seed {made.seed}")
        return 0
    tapping.check()

    from chatroom.chatwire.faults.meaning import Meanings
    from chatroom.chatwire.faults.taps import FaultyTap
    from chatroom.chatwire.live import run_tap

    meaning = Meanings(the_schema(made, tapping))
    tap = functools.partial(FaultyTap, plan=made, meaning=meaning)
    return run_tap(tapping, tap, functools.partial(beside, made, meaning))


def the_schema(plan: Plan, tapping: Tapping) -> Schema:
    """What rules know of messages; the server is asked, now, where they name fields."""
    from chatroom.chatwire.decode.schema import own_schema
    from chatroom.chatwire.live import Failure, reflected
    from chatroom.chatwire.schema import FirstThatKnows, SchemaUnusable, open_schema
    from chatroom.chatwire.schema.reflection import Reflection

    try:
        schema = open_schema(tapping.proto)
    except SchemaUnusable as error:
        raise Failure(str(error)) from None
    names = any(not name.isdigit() for rule in plan.rules for one in rule.where.fields
                for name in one.path)  # fmt: skip
    server = reflected(tapping.to, tapping.encryption) if tapping.reflection else None
    if not names or server is None or tapping.proto is not None:
        return schema
    # It must not hold up what passes later, so it is waited for here. What it says is said by the
    # process that decodes, which asks too.
    told = Reflection(server, patient=False)
    told.wait()
    return FirstThatKnows(own_schema(), told)


def the_plan(rules: list[str], path: Path | None, seed: int | None) -> Plan:
    """The rules of a file, then those of the command line. Raises click.UsageError."""
    try:
        of_file = Plan() if path is None else plan_of(path)
        own = Plan.of(*rules)
    except PlanInvalid as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.UsageError(f"cannot read {path}: {error.strerror}") from None
    except RuleInvalid as error:
        raise click.UsageError(f"this is no rule:\n{error.drawn}") from None
    return Plan((*of_file.rules, *own.rules), of_file.seed if seed is None else seed)


def beside(
    plan: Plan, meaning: Meanings, tap: Tap, say: Callable[[str], object]
) -> Callable[[], None]:
    """Say what is to go wrong, and let go by the keys that are typed.

    What is returned says which rules nothing has fitted.
    """
    from chatroom.chatwire.faults.taps import FaultyTap

    assert isinstance(tap, FaultyTap)
    meaning.say = say
    for rule in plan.rules:
        say(f"fault: {rule.text}")
    if plan.keys and (sys.stdin is None or sys.stdin.closed):
        say(f"there is no standard input for the keys: {', '.join(plan.keys)}")
    elif plan.keys:
        say(f"a key and Enter let go what it holds: {', '.join(plan.keys)}")
        loop = asyncio.get_running_loop()

        def typed() -> None:
            """To the end of standard input, or of the program."""
            with contextlib.suppress(RuntimeError):  # the loop is closed
                for line in sys.stdin:
                    loop.call_soon_threadsafe(release, tap, line.strip(), say)
                loop.call_soon_threadsafe(say, "standard input has ended: no key can come any more")

        threading.Thread(target=typed, daemon=True, name="chatwire keys").start()

    def afterwards() -> None:
        for rule in plan.rules:
            if rule.text not in tap.happened:
                say(f"fault: nothing has fitted this: {rule.text}")

    return afterwards


def release(tap: FaultyTap, key: str, say: Callable[[str], object]) -> None:
    """Let go what a key holds, and say how many messages that were."""
    if key not in tap.plan.keys:
        say(f'"{key}" is no key of this plan: {", ".join(tap.plan.keys)}')
        return
    count = tap.release(key)
    say(f'key "{key}": {count} message{"s" * (count != 1)} let go')
