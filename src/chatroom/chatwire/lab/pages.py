"""An experiment as a page of docs/experiments, with the transcript that its run has made."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from chatroom.chatwire.lab.prose import clients, faults, items, paragraphs, split
from chatroom.chatwire.lab.transcript import PASSED, transcript
from chatroom.chatwire.show.line import INDENT, Style, legend

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chatroom.chatwire.lab.experiment import Experiment
    from chatroom.chatwire.lab.references import Reference
    from chatroom.chatwire.lab.running import Outcome
    from chatroom.chatwire.lab.story import Shown

WIDTH = 92
"""Of prose and of transcripts."""
MADE = "<!-- Made by `make experiments`, from src/chatroom/chatwire/lab: change it there. -->"
RUN_IT = """
    Run it: `chatwire lab {}`. With `--all` it prints every frame, also those left out here.
"""
FACTS_COLUMN = 45
"""Where the facts of a frame begin on its line."""
ARROWS = ("→", "←")

VARIABLE = (
    (r"\d+\.\d{3} \+\d+\.\d{3}", "TIME"),
    (r"(127\.0\.0\.1|localhost):\d+", "ADDRESS"),
    (r"\b(session|epoch): \"[^\"]*\"", r"\1"),
    (r"\bseconds: \d+( nanos: \d+)?", "MOMENT"),
    (r"\bMessage {(?:(?!\bMessage {).)*?… \(\+\d+ characters\)", "LONG MESSAGE"),
    (r"\d+ bytes, for names and values of \d+", "BYTES OF FIELDS"),
    (r"\d+ bytes", "BYTES"),
    (r"for names and values of \d+", "FOR FIELDS"),
    (r"\bheld, \d+\.\d{3} s\b", "held"),
    (r"\bflags (0x[0-9a-f]+), length \d+", r"flags \1, LENGTH"),
    (r"… \d+ frames? of this stream not shown ", ""),
    (r"\+\d+ window", "+ window"),
    (r"\bwindow [\d?-]+( / [\d?-]+)?", "WINDOW"),
    (r"\b[0-9a-f]{16}\b", "OPAQUE"),
    (r"round trip [\d.]+ ms", "ROUND TRIP"),
    (r"\b(grpc-timeout:|timeout) \d+m", "TIMEOUT"),
    (r"\bdate: \w+, \d+ \w+ \d+ [\d:]+ GMT", "DATE"),
    (r"\buser-agent: grpc\S+ \S+ \([^)]*\)", "USER AGENT"),
)
"""What differs from one run to the next. Where a text counts on a number that is here, such
as a window, the story has a condition for it."""


def page(outcome: Outcome) -> str:
    """The page, in Markdown."""
    experiment = outcome.experiment
    parts = [
        MADE,
        f"# {experiment.title}",
        paragraphs(experiment.intro, WIDTH),
        *_faults(experiment),
        paragraphs(RUN_IT.format(experiment.name), WIDTH),
        "## What passes",
        f"![The frames of this page as a picture]({experiment.name}.svg)",
        paragraphs(f"{clients(outcome.names)}. The columns: {legend(ARROWS, PASSED)}.", WIDTH),
    ]
    for shown in outcome.shown:
        parts += [
            f"### {shown.number}. {shown.step.title}",
            paragraphs(shown.step.prose, WIDTH),
            *([_block(shown.step.listing.strip("\n"))] if shown.step.listing else []),
            *([_block(_transcript(shown))] if shown.frames else []),
        ]
    parts += [
        "## Why",
        paragraphs(experiment.why, WIDTH),
        "## Try next",
        items(split(experiment.try_next), WIDTH),
        "## Read",
        items(map(_reference, experiment.references), WIDTH),
    ]
    return "\n\n".join(parts) + "\n"


def _faults(experiment: Experiment) -> list[str]:
    """What goes wrong in it, if anything does."""
    if not experiment.faults:
        return []
    said = "What goes wrong is the work of the tap ([how](../faults.md)):"
    return [said, _block("\n".join(faults(experiment.faults)))]


def index(experiments: Iterable[Experiment]) -> str:
    """The list of all, in Markdown."""
    lines = []
    for number, one in enumerate(experiments, 1):
        begin = f"{number}. "
        text = f"[{one.title}]({one.name}.md): {one.summary}"
        lines.append(paragraphs(text, WIDTH, " " * len(begin), begin))
    return "\n".join([
        MADE,
        "",
        "# Experiments with bidirectional streams",
        "",
        paragraphs(
            "Each is a short scene between a chat server and its clients, with the HTTP/2 "
            "frames that show what happens. Every frame here was recorded in a run of the "
            "scene. The tests run all scenes again, and fail if one does not show what its "
            "text says. `chatwire lab NAME` runs one on your machine, `chatwire lab` lists "
            "them. They are best read in this order.",
            WIDTH,
        ),
        "",
        *lines,
        "",
    ])  # fmt: skip


def stable(text: str) -> str:
    """The text without what differs from one run to the next, and without line ends.

    Two pages are of the same state of the program exactly if this is the same of both.
    """
    text = " ".join(text.split())
    for pattern, name in VARIABLE:
        text = re.sub(pattern, name, text)
    return text


def _transcript(shown: Shown) -> str:
    lines = "".join(transcript(shown, Style(arrows=ARROWS))).splitlines()
    return "\n".join(map(_wrapped, lines))


def _wrapped(line: str) -> str:
    """A line of a frame, or one of those with its fields, which are indented."""
    begin = len(INDENT) if line.startswith(INDENT) else FACTS_COLUMN
    more = "\n" + " " * (len(INDENT) + 2)
    filled = textwrap.wrap(
        line[begin:], WIDTH - begin, break_long_words=True, break_on_hyphens=False
    )
    return (line[:begin] + more.join(filled)).rstrip()


def _block(text: str) -> str:
    return f"```text\n{text}\n```"


def _reference(one: Reference) -> str:
    return f"[{one.title}]({one.address}): {one.about}"
