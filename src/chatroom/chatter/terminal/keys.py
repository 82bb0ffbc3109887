"""Which key does what, in addition to those that edit a line (as in Emacs and readline)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from prompt_toolkit.filters import Condition
from prompt_toolkit.key_binding import KeyBindings
from prompt_toolkit.keys import Keys

from chatroom.chatter.terminal.focus import FOCUS_IN, FOCUS_OUT
from chatroom.chatter.terminal.paste import UNBRACKETED_PASTE

if TYPE_CHECKING:
    from collections.abc import Callable

    from prompt_toolkit.filters import Filter
    from prompt_toolkit.key_binding import KeyPressEvent

    from chatroom.chatter.terminal.actions import Actions


def bindings(actions: Actions) -> KeyBindings:
    """The keys of the screen."""
    screen = actions.screen
    asked = Condition(lambda: screen.paste is not None)
    answers = Condition(lambda: screen.answers)
    away = Condition(lambda: not actions.following or actions.finding.going_on) | answers
    empty = Condition(lambda: not screen.input.text)
    keys = KeyBindings()

    bind(keys, actions.enter, "enter", when=~asked)
    bind(keys, actions.new_line, ("escape", "enter"), when=~asked)
    bind(keys, actions.complete, "tab", when=~asked)
    bind(keys, actions.complete_backward, "s-tab", when=~asked)
    bind(keys, actions.look_up, "pageup")
    bind(keys, actions.look_down, "pagedown")
    bind(keys, actions.follow, "escape", when=away & ~asked)
    bind(keys, actions.answering.older, ("escape", "r"), when=~asked)
    bind(keys, actions.answering.older, "up", when=answers & ~asked)
    bind(keys, actions.answering.newer, "down", when=answers & ~asked)
    bind(keys, actions.finding.older, "c-r", when=~asked)
    bind(keys, actions.finding.newer, "c-s", when=~asked)
    bind(keys, actions.redraw, "c-l")
    bind(keys, actions.suspend, "c-z")
    bind(keys, actions.interrupt, "c-c")
    bind(keys, actions.quit, "c-d", when=empty)
    several = Condition(lambda: len(screen.visits) > 1) & ~asked
    for digit in "1234567890":
        turn = partial(actions.journey.turn_to, int(digit) or 10)
        bind(keys, turn, ("escape", digit), when=several)
    bind(keys, partial(actions.journey.turn_by, -1), ("escape", "left"), when=several)
    bind(keys, partial(actions.journey.turn_by, 1), ("escape", "right"), when=several)
    bind(keys, actions.journey.turn_to_news, ("escape", "a"), when=several)
    bind(keys, actions.look_here, FOCUS_IN)
    bind(keys, actions.look_away, FOCUS_OUT)

    # While pasted lines are asked about, what is no answer does nothing.
    bind(keys, actions.ignore, "<any>", when=asked)
    bind(keys, actions.pasting.say, "enter", when=asked)
    bind(keys, actions.pasting.say_by_line, "l", "L", when=asked)
    bind(keys, actions.pasting.edit, "e", "E", when=asked)
    bind(keys, actions.pasting.drop, "escape", "n", "N", "c-d", when=asked, eager=True)

    @keys.add(Keys.BracketedPaste, filter=~asked)
    def _(event: KeyPressEvent) -> None:
        actions.pasting.take(event.data)

    @keys.add(Keys.Vt100MouseEvent)
    def _(event: KeyPressEvent) -> None:
        actions.wheel(event.data)

    @keys.add(UNBRACKETED_PASTE)
    def _(event: KeyPressEvent) -> None:
        actions.pasting.take_without_brackets(event.data)

    return keys


def bind(
    keys: KeyBindings,
    action: Callable[[], None],
    *names: str | tuple[str, ...],
    when: Filter | bool = True,
    eager: bool = False,
) -> None:
    """Have an action done at each of these keys; a tuple is keys one after the other."""
    for name in names:
        sequence = (name,) if isinstance(name, str) else name
        keys.add(*sequence, filter=when, eager=eager)(lambda _: action())
