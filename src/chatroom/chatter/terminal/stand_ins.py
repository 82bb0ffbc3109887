"""Clusters as single characters, for prompt_toolkit, which draws one code point after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.utils import _CHAR_SIZES_CACHE as SIZES  # it has no public way to say a width

from chatroom.chatter.terminal.cells import MOST_CELLS, Cells
from chatroom.chatter.terminal.clusters import clusters

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST = 0xF0000
"""Planes 15 and 16 are for private use. What comes with such characters gets stand-ins too."""
OF_A_WIDTH = 0x1F00
"""So many stand-ins there are for each width; a screen shows fewer. The oldest are taken again."""


class StandIns:
    """One private character for each cluster of several code points, as wide as that is."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self._of: dict[str, str] = {}
        self._clusters: dict[str, str] = {}
        self._taken = [0] * (MOST_CELLS + 1)

    def measure(self, cells: Cells) -> None:
        """From now on widths are these; what was drawn is to be drawn anew."""
        self._cells = cells
        self._of.clear()
        self._clusters.clear()

    def text(self, text: str) -> str:
        """The text as prompt_toolkit is to draw it."""
        return text if text.isascii() else "".join(map(self._stand_in, clusters(text)))

    def each(self, text: str) -> Sequence[str]:
        """The same, by the cluster."""
        return text if text.isascii() else list(map(self._stand_in, clusters(text)))

    def cluster(self, stand_in: str) -> str | None:
        """What the character stands for; None: for itself."""
        return self._clusters.get(stand_in)

    def _stand_in(self, cluster: str) -> str:
        if len(cluster) == 1 and ord(cluster) < FIRST and SIZES[cluster] == self._cells.of(cluster):
            return cluster
        return self._of.get(cluster) or self._take(cluster)

    def _take(self, cluster: str) -> str:
        width = min(self._cells.of(cluster), MOST_CELLS)
        number = self._taken[width]
        self._taken[width] = (number + 1) % OF_A_WIDTH
        stand_in = chr(FIRST + width * OF_A_WIDTH + number)
        SIZES[stand_in] = width
        self._of.pop(self._clusters.get(stand_in, ""), None)
        self._of[cluster], self._clusters[stand_in] = stand_in, cluster
        return stand_in
