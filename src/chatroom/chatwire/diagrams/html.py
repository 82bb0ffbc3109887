"""A picture as one HTML file that can be searched: no network, no files beside it.

What was captured stands in it as base64 of compressed JSON, which is no markup whatever it says;
`viewer.js` writes it into the page as text only. The policy in the page's head forbids every
other script and style and all that would be fetched.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

from chatroom.chatwire.decode.records import Kind
from chatroom.chatwire.diagrams.labels import Mark
from chatroom.chatwire.passage import Side
from chatroom.chatwire.show.harmless import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chatroom.chatwire.diagrams.picture import Lane, Picture, Row

ROWS = 10_000
BYTES = 2_000_000
"""Of the file. With more than that, long texts are cut shorter."""
DETAILS = (4000, 1000, 300, 100, 0)
"""Characters of a frame's details that are tried, one after another."""
KINDS, MARKS = tuple(Kind), tuple(Mark)


def as_html(picture: Picture, title: str) -> str:
    """The whole file, at most `BYTES` bytes of ASCII. `title` may be any text."""
    for limit in DETAILS:
        written = _page(title, _packed(_content(picture, title, limit)))
        if len(written) <= BYTES:
            break
    return written


def _page(title: str, content: str) -> str:
    style, script = _file("viewer.css"), _file("viewer.js")
    policy = (
        f"default-src 'none'; script-src 'sha256-{_hash(script)}'; "
        f"style-src 'sha256-{_hash(style)}'; base-uri 'none'; form-action 'none'"
    )
    body = _file("viewer.html")
    head = "\n".join([
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{escape(title)}</title>",
        f"<style>{style}</style>",
        "</head>",
        "<body>",
    ])  # fmt: skip
    page = (
        f'{head}\n{body}<script type="application/octet-stream" id="content">{content}</script>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )
    return page.encode("ascii", "xmlcharrefreplace").decode("ascii")


def _file(name: str) -> str:
    return resources.files("chatroom.chatwire.diagrams").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _packed(content: dict[str, Any]) -> str:
    written = json.dumps(content, separators=(",", ":")).encode()
    return base64.b64encode(zlib.compress(written, 9)).decode()


def _content(picture: Picture, title: str, limit: int) -> dict[str, Any]:
    """What `viewer.js` reads; the names are those it uses."""
    number_of = {id(lane): number for number, lane in enumerate(picture.lanes)}
    return {
        "title": title,
        "kinds": KINDS,
        "marks": MARKS,
        "columns": picture.columns,
        "left_out": picture.left_out,
        "cut": limit,
        "lanes": [_lane(lane) for lane in picture.lanes],
        "rows": [_row(row, number_of[id(row.lane)], limit) for row in picture.rows],
    }


def _lane(lane: Lane) -> dict[str, Any]:
    ends = [lane.ends.get(side, -1) for side in Side]
    most = [max((left for _, left in lane.windows[side]), default=0) for side in Side]
    return {
        "connection": lane.connection,
        "stream": lane.stream,
        "call": lane.call,
        "column": lane.column,
        "shared": lane.shared,
        "begin": lane.begin,
        "ends": ends,
        "resets": [side in lane.resets for side in Side],
        "most": most,
        "windows": list(_windows(lane)),
    }


def _windows(lane: Lane) -> Iterator[list[float]]:
    """A place, and what each side may send on the stream from there on; -1 where not known."""
    left = dict.fromkeys(Side, -1)
    changes = [(place, side, size) for side in Side for place, size in lane.windows[side]]
    for place, side, size in sorted(changes, key=lambda change: change[0]):
        left[side] = size
        yield [place, *(left[each] for each in Side)]


def _row(row: Row, lane: int, limit: int) -> list[Any]:
    frame = row.frame
    more = shortened(row.more, limit) if limit else ""
    return [
        frame.number,
        frame.since_start // 1000,
        lane,
        int(frame.sender is Side.SERVER),
        KINDS.index(frame.kind),
        frame.length,
        sum(1 << MARKS.index(mark) for mark in row.marks),
        shortened(row.text, limit) if limit else shortened(row.text, DETAILS[-2]),
        more,
    ]
