"""What Tab offers: commands, rooms, and the names of who is here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.completion import Completer, Completion

from chatroom.chatter.safe_text import one_line
from chatroom.chatter.terminal.clusters import begins_with
from chatroom.chatter.terminal.commands import EVERY, named
from chatroom.chatter.terminal.other_words import ALIASES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document

LONGEST_NAME = 32


class Words(Completer):
    """Completes the word before the cursor; a name may be of several words."""

    def __init__(
        self,
        names: Callable[[], Iterable[str]],
        rooms: Callable[[], Iterable[str]],
        drawn: Callable[[str], str] = str,
    ) -> None:
        """`drawn` makes of a text what prompt_toolkit is to draw."""
        self._names = names
        self._rooms = rooms
        self._drawn = drawn
        self.refused = ""
        """A line that was entered in vain: for it nothing is offered unasked, so that the
        reason can be read. What is offered while one types may come only after Enter."""

    def get_completions(
        self,
        document: Document,
        complete_event: CompleteEvent,
    ) -> Iterable[Completion]:
        if document.text == self.refused and not complete_event.completion_requested:
            return
        before = document.text_before_cursor
        if before.startswith("/") and not before.startswith("//"):
            word, space, rest = before[1:].partition(" ")
            if not space:
                yield from _completed_commands(word.casefold())
                return
            command = named(word)
            takes = command.takes if command else ""
            if takes in ("room", "open") and " " not in rest:
                for room in self._rooms():
                    if begins_with(room, rest):
                        shown = one_line(room)
                        yield Completion(shown, -len(rest), display=self._drawn(shown))
            elif takes == "name":
                for name in sorted(map(one_line, self._names()), key=str.casefold):
                    if begins_with(name.casefold(), rest.casefold()):
                        yield Completion(name, -len(rest), display=self._drawn(name))
            return
        yield from self._completed_names(before)

    def _completed_names(self, before: str) -> Iterable[Completion]:
        found: dict[str, int] = {}
        for start in _word_starts(before):
            beginning = before[start:].casefold()
            for name in self._names():
                if name not in found and begins_with(name.casefold(), beginning):
                    found[name] = start
        for name, start in sorted(found.items(), key=lambda item: item[0].casefold()):
            ending = ": " if start == 0 else " "
            shown = one_line(name)
            yield Completion(
                shown + ending, start_position=start - len(before), display=self._drawn(shown)
            )


def _completed_commands(begun: str) -> Iterable[Completion]:
    """The commands that begin so; only if none does, words of other chats."""
    words = [command.word for command in EVERY]
    for among in (words, sorted(ALIASES)):
        found = [word for word in among if word.startswith(begun)]
        for word in found:
            command = named(word)
            assert command is not None, "an alias is of a command"
            yield Completion(
                f"{word} " if command.most else word,
                start_position=-len(begun),
                display=f"/{word}",
                display_meta=command.does,
            )
        if found:
            return


def _word_starts(before: str) -> Iterable[int]:
    """Where a name that the cursor stands in may begin, the longest beginning first."""
    for start in range(max(len(before) - LONGEST_NAME, 0), len(before)):
        if not before[start].isspace() and (start == 0 or before[start - 1].isspace()):
            yield start
