"""What each command does that was typed on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from chatroom.chatter.advice import advised
from chatroom.chatter.terminal import commands
from chatroom.chatter.terminal.answering import addressed
from chatroom.chatter.terminal.commands import NotACommand
from chatroom.chatter.terminal.lines import Tone
from chatroom.chatter.terminal.links import MOST_LINKS
from chatroom.chatter.terminal.rows import COLUMNS_FROM
from chatroom.chatter.terminal.visit import MOST_EARLIER
from chatroom.client import ChatError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from chatroom.chatter.settings import Settings
    from chatroom.chatter.terminal.answers import Answers
    from chatroom.chatter.terminal.finding import Finding
    from chatroom.chatter.terminal.ignored import Ignored
    from chatroom.chatter.terminal.journey import Journey
    from chatroom.chatter.terminal.mouse import Mouse
    from chatroom.chatter.terminal.screen import Screen
    from chatroom.chatter.terminal.visit import Visit
    from chatroom.client import Chat

EARLIER = 100
"""Entries that /history and Page Up ask for."""
KEEPING_PLACE = frozenset({"find", "history", "join", "turn", "leave", "quit"})
"""Commands whose answer is not a line below all others."""
SHOWN_LINKS = 10
"""Links that /urls shows."""


class Person(Protocol):
    """What somebody at the screen can do: by a key too, and so not known here."""

    screen: Screen
    journey: Journey
    finding: Finding
    mouse: Mouse

    def say(self, text: str, *, action: bool = False, answers: int = 0) -> None:
        """Say a text. Raises NotACommand."""

    def look_at_newest(self) -> None:
        """Look at the newest line, and for nothing else."""

    async def look_back(self, count: int, rows: int = 0) -> None:
        """Ask for so many earlier entries, and look so many rows, or a page, up to them."""

    def quit(self) -> None:
        """Leave when all is stored; asked again, at once."""

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """Do it beside what is typed."""


class Commands:
    """Does them in the room on the screen, where the answer is told."""

    def __init__(self, chat: Chat, person: Person, settings: Settings, ignored: Ignored) -> None:
        self._chat = chat
        self._person = person
        self._settings = settings
        self._ignored = ignored

    @property
    def _visit(self) -> Visit:
        return self._person.journey.here

    def do(self, typed: commands.Typed) -> None:
        """Do it, or begin to. Raises NotACommand for what cannot be meant."""
        person, visit = self._person, self._visit
        word, words = typed.command.word, typed.words
        if word not in KEEPING_PLACE:
            person.look_at_newest()  # what is answered comes below
        if word == "help":
            aligned = person.screen.painter.width >= COLUMNS_FROM
            visit.tell("\n".join(commands.help_lines(words, aligned=aligned)))
        elif word == "me":
            person.say(" ".join(words), action=True)
        elif word == "reply":
            answers, text = addressed(words, visit)
            person.say(text, answers=answers)
        elif word == "nick":
            person.spawn(self._tell_failure(visit.rename(" ".join(words)), visit))
        elif word == "who":
            self._ask(visit.who())
        elif word == "rooms":
            self._ask(self._answers.rooms())
        elif word == "history":
            count = commands.number(words, EARLIER, MOST_EARLIER)
            person.spawn(person.look_back(count))
        elif word == "search":
            self._search(" ".join(words))
        elif word == "join":
            if not words:
                raise NotACommand("which room? /join ROOM [NAME]; /rooms lists them")
            person.journey.go_to(words[0], " ".join(words[1:]))
        elif word == "turn":
            person.journey.turn_to_named(words[0])
        elif word == "leave":
            person.journey.leave_here()
        elif word == "find":
            person.finding.find(" ".join(words))
        elif word == "clear":
            visit.scrollback.clear()
        elif word == "ignore":
            visit.tell(self._answers.ignore(" ".join(words)))
        elif word == "unignore":
            visit.tell(self._answers.hear(" ".join(words)))
        elif word == "urls":
            count = commands.number(words, SHOWN_LINKS, MOST_LINKS)
            visit.tell(self._answers.links(visit, count))
        elif word == "mouse":
            visit.tell(self._answers.mouse(person.mouse, words))
        elif word == "settings":
            visit.tell(self._answers.settings(self._settings, person.mouse))
        elif word == "open" and words:
            self._ask(self._answers.open(visit, commands.number(words, 0, 10**9 - 1)))
        elif typed.command in commands.FOR_MODERATORS:
            from chatroom.chatter.terminal.orders import carried_out

            self._ask(carried_out(typed, self._chat, visit))
        else:
            person.quit()

    def _search(self, query: str) -> None:
        visit = self._visit
        if "search" not in visit.supported:
            raise NotACommand("this server cannot search; /find looks in what is here")
        from chatroom.chatter.searching import lines_found

        self._ask(lines_found(self._chat, visit.room.room_id, query, visit.ignores))

    @property
    def _answers(self) -> Answers:
        """Imported, like what else is not wanted at the start, when it is."""
        from chatroom.chatter.terminal.answers import Answers

        return Answers(self._chat, self._person.screen, self._ignored)

    def _ask(self, answer: Coroutine[object, object, str]) -> None:
        self._person.spawn(self._tell(answer, self._visit))

    async def _tell(self, answer: Coroutine[object, object, str], visit: Visit) -> None:
        """Tell it in the room that was asked in, wherever one is by then."""
        try:
            visit.tell(await answer)
        except ChatError as error:
            nobody = error.reason == "MEMBER_NOT_FOUND"
            more = "; /who says who is" if nobody else ""
            visit.tell(advised(error) + more, Tone.TROUBLE)

    async def _tell_failure(self, work: Coroutine[object, object, None], visit: Visit) -> None:
        try:
            await work
        except ChatError as error:
            visit.tell(advised(error), Tone.TROUBLE)
