"""Renaming: a member takes another name tag in the middle of its membership.

The new name is taken when it is drafted, and the old one is free when that is stored. Until
then the member is shown under the old one, and what it says is drafted under the new one.
"""

from __future__ import annotations

from collections.abc import Iterable

from .denials import Muted
from .entry import Draft, Entry, Kind, Renamed, Settle
from .events import Echo
from .exhausted import RenameTooOften
from .limits import Limits
from .log import Log, Turn, answer_repeat
from .marks import Marks, mark_key
from .member import Member
from .names import NameTag
from .naming import Naming
from .refusals import NonceInvalid, Refusal
from .roster import Roster
from .typing_board import TypingBoard


class Renaming:
    """The renames of a room that are drafted, until they are stored or could not be."""

    __slots__ = ("_answers", "_drafted", "_limits", "_log", "_marks", "_roster", "_typing")

    def __init__(
        self, log: Log, roster: Roster, marks: Marks, typing: TypingBoard, limits: Limits
    ) -> None:
        self._log = log
        self._roster = roster
        self._marks = marks
        self._typing = typing
        self._limits = limits
        self._drafted: dict[int, tuple[Naming, Draft]] = {}
        """By author."""
        self._answers: dict[int, Entry] = {}
        """What became of the last rename of who is in, by author: it may be sent again."""

    def draft(
        self, member: Member, tag: NameTag, nonce: str, monotonic: float, settle: Settle | None
    ) -> bool:
        """Draft a rename; False if there is nothing to be changed.

        It may have been sent before: then that is its answer. Who asks for the name that it has
        is told that it has it, and nobody else is. `monotonic` is in seconds. Raises
        NonceInvalid, Muted, RenameTooOften, NameTaken.
        """
        if nonce and len(nonce.encode()) > self._limits.nonce_bytes:
            raise NonceInvalid(f"a nonce may have {self._limits.nonce_bytes} bytes", "rename.nonce")
        naming = member.naming
        old = naming.tag
        draft = Draft(
            Kind.RENAMED, member.author, old.text, f"is now known as {tag.text}", nonce, member,
            settle, Renamed(tag.text),
        )  # fmt: skip
        if self._is_repeat(draft):
            return False
        if tag.text == old.text:
            self._tell_as_it_is(member, draft)
            return False
        self._check_marks(member, tag)
        interval = self._limits.rename_interval
        if naming.drafted is not None or monotonic < naming.due:
            wait = naming.due - monotonic
            raise RenameTooOften(interval, wait if wait > 0 else 1.0)
        self._roster.check_free(tag, member)
        naming.begin(tag)
        naming.due = monotonic + interval
        self._drafted[member.author] = naming, draft
        self._roster.reserve(member, tag)
        (self._log.add if member.logged else self._log.add_unlogged)(draft)
        return True

    def _is_repeat(self, draft: Draft) -> bool:
        if not draft.nonce:
            return False
        drafted, answer = self._drafted.get(draft.author), self._answers.get(draft.author)
        if drafted is not None and drafted[1].nonce == draft.nonce:
            self._log.add(draft)  # it waits there for the first
            return True
        if answer is not None and answer.nonce == draft.nonce:
            answer_repeat(draft, answer)
            return True
        return False

    def _tell_as_it_is(self, member: Member, draft: Draft) -> None:
        """Perhaps it was renamed before a restart, has not heard of it, and asks again."""
        settle = draft.settle

        def told(result: Entry | Refusal) -> None:
            if settle is not None:
                settle(result)
            if isinstance(result, Entry):
                member.tell(Echo(result.envelope))
            elif settle is None:
                member.tell_refused(draft.nonce, result)

        draft.settle = told
        self._log.add_unlogged(draft)

    def _check_marks(self, member: Member, tag: NameTag) -> None:
        """Nobody is rid of a mute by another name, nor comes to one.

        While it is being stored that a name is muted, or not any more, it is taken as muted.
        """
        if member.mark.muted:
            raise Muted
        if member.subject:
            return  # the mark is that of the identity
        marks = self._marks
        if mark_key("", member.tag) in marks.changing:
            raise Muted
        if marks.of("", tag).muted or mark_key("", tag) in marks.changing:
            raise Muted(f"whoever is called {tag.text!r} may not speak here; choose another name")

    # ---- What has become of it ----------------------------------------------------------

    def stored(self, turn: Turn, entries: Iterable[Entry], unlogged: Iterable[Entry]) -> None:
        """Renames of this turn are true from here on; their entries are about to be shown."""
        if not self._drafted:
            return
        for drafts, found in ((turn.drafts, entries), (turn.unlogged, unlogged)):
            for draft, entry in zip(drafts, found, strict=True):
                naming, drafted = self._drafted.get(draft.author, (None, None))
                if naming is not None and drafted is draft:
                    del self._drafted[draft.author]
                    self._finish(naming, entry)

    def _finish(self, naming: Naming, entry: Entry) -> None:
        old = naming.tag
        naming.finish()
        member = self._roster.by_author(entry.author)
        if member is None or member.naming is not naming:
            return  # it has departed meanwhile: both names are free
        self._answers[entry.author] = entry
        self._roster.renamed(member, old)
        self._typing.rename(member.author, member.name)
        if not member.subject:
            member.mark = self._marks.of("", member.tag)
        if not entry.sequence:  # the log does not bring it
            member.tell(Echo(entry.envelope))

    def learn(self, member: Member, tag: NameTag) -> None:
        """Another node has stored another name of a member, who is not in the roster just now."""
        naming = member.naming
        naming.begin(tag)
        naming.finish()
        self._typing.rename(member.author, member.name)
        self._log.sign(member.author, naming.pen)

    def undo(self, gone: Iterable[Draft], kept: Iterable[Draft] = ()) -> None:
        """Renames among drafts that the log has dropped will not be stored; `kept` it still has.

        What their members have said since is said under the old names.
        """
        if not self._drafted:
            return
        lost = {id(draft) for draft in gone}
        for author, (naming, draft) in tuple(self._drafted.items()):
            if id(draft) not in lost or naming.drafted is None:
                continue
            del self._drafted[author]
            tag = naming.drafted
            naming.undo()
            self._log.sign(author, naming.tag.text, kept)
            member = self._roster.by_author(author)
            if member is not None and member.naming is naming:
                self._roster.release(member, tag)

    def forget(self, author: int) -> None:
        """Who has left renames no more."""
        self._answers.pop(author, None)
