"""The line that is typed, of clusters: the cursor is never inside of one, and none is halved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.formatted_text.utils import fragment_list_to_text
from prompt_toolkit.layout.processors import Processor, Transformation

from chatroom.chatter.terminal.clusters import cluster_starts, clusters, end_at, start_at

if TYPE_CHECKING:
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.layout.processors import TransformationInput

    from chatroom.chatter.terminal.stand_ins import StandIns


class TypedLine(Buffer):
    """A buffer whose moves and deletions end at the boundaries of clusters."""

    def _set_cursor_position(self, value: int) -> bool:
        """All that sets the cursor comes here; inside of a cluster it goes on as it came."""
        forward = value > self.cursor_position
        place = (end_at if forward else start_at)(self.text, value)
        return super()._set_cursor_position(place)

    def delete_before_cursor(self, count: int = 1) -> str:
        start = start_at(self.text, self.cursor_position - count)
        return super().delete_before_cursor(self.cursor_position - start)

    def delete(self, count: int = 1) -> str:
        end = end_at(self.text, self.cursor_position + count)
        deleted = super().delete(end - self.cursor_position)
        self.cursor_position += 0  # what stood apart may be one cluster now
        return deleted

    def swap_characters_before_cursor(self) -> None:
        before = clusters(self.document.text_before_cursor)
        if len(before) < 2:
            return
        first, second = before[-2:]
        at = self.cursor_position
        start = at - len(first) - len(second)
        self.text = self.text[:start] + second + first + self.text[at:]


class Clusters(Processor):
    """Has the line drawn in stand-ins, and the cursor at the one it is before."""

    def __init__(self, stand_ins: StandIns) -> None:
        self.stand_ins = stand_ins

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        fragments = transformation_input.fragments
        text = fragment_list_to_text(fragments)
        if text.isascii():
            return Transformation(fragments)
        styles = [style for style, part, *_ in fragments for _ in part]
        starts = list(cluster_starts(text))
        drawn: StyleAndTextTuples = [
            (styles[start], shown)
            for start, shown in zip(starts, self.stand_ins.each(text), strict=True)
        ]
        places = [place for place, part in enumerate(clusters(text)) for _ in part]

        def to_display(position: int) -> int:
            beyond = position - len(text)
            return places[position] if beyond < 0 else len(starts) + beyond

        def to_source(position: int) -> int:
            beyond = position - len(starts)
            return starts[position] if beyond < 0 else len(text) + beyond

        return Transformation(drawn, to_display, to_source)
