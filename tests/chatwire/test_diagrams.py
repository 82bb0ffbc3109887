"""Pictures of captures: what they show, how large they are, that nothing in them runs."""

from __future__ import annotations

import base64
import hashlib
import random
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from chatroom.api.rpc import chat_pb2 as pb
from chatroom.chatwire.capture import CaptureWriter
from chatroom.chatwire.decode import Frame
from chatroom.chatwire.decode.records import Altered
from chatroom.chatwire.diagrams import html, mermaid, svg
from chatroom.chatwire.diagrams.forms import Drawer, Form
from chatroom.chatwire.diagrams.picture import COLUMNS, Drawing, Picture
from chatroom.chatwire.passage import Side
from chatroom.chatwire.show.filters import Filter, kind_named
from chatroom.wire.envelopes import envelope
from chatroom.wire.http2 import frames

from .chat_by_hand import chat_by_hand, passages
from .test_reading import chatwire
from .wire import REQUEST, Talk

HOSTILE = (
    "</script><script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "]]><svg onload=alert(1)>",
    "&amp;&#60;&lt;",
    "\u202eevil\x1b[31m\ud800",
    "';--\n  end\n%%{init: {}}%%",
    "A->>B: hi; B->>A: #35; there",
)


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "chat.pcapng"
    with CaptureWriter(path, print) as writer:
        for each in passages(chat_by_hand()):
            writer.write(each)
    return path


def drawn(made: Iterable[Frame], limit: int = 1000, *hidden: str) -> Picture:
    drawing = Drawing(limit)
    shown = Filter(hidden=frozenset(map(kind_named, hidden)))
    for frame in made:
        drawing.take(frame, shown=shown.shows(frame))
    return drawing.picture


def written(form: Form, made: Iterable[Frame], title: str = "chat.pcapng") -> str:
    texts: list[str] = []
    drawer = Drawer(form, title, Filter(), texts.append)
    for frame in made:
        drawer.take(frame)
    drawer.finish()
    return texts[0]


def saying(text: str) -> bytes:
    message = pb.ChatMessage(message=pb.Message(message=text))
    return envelope(message.SerializeToString())


def hostile() -> Talk:
    """Each of the texts as a message and as a header field."""
    talk = Talk().begin()
    for number, text in enumerate(HOSTILE):
        stream = 2 * number + 1
        plain = text.encode("utf-8", "replace").decode()
        fields = [*REQUEST, ("x-note", plain), (":path", f"/{plain}")]
        talk.client(talk.headers(Side.CLIENT, stream, fields))
        talk.client(frames.data(stream, saying(plain)))
        talk.server(frames.goaway(0, 0, plain.encode()))
    return talk


# ---- What is shown ----------------------------------------------------------------------


def test_a_half_close_ends_one_side_and_trailers_the_other() -> None:
    """A lane has a line for each side."""
    talk = Talk().begin()
    talk.call()
    talk.client(frames.data(1, b"", end=True))
    half = len(talk.made) - 1
    talk.server(frames.data(1, saying("still here")))
    talk.server(talk.headers(Side.SERVER, 1, [("grpc-status", "0")], end=True))
    lane = next(lane for lane in drawn(talk.made).lanes if lane.stream == 1)
    assert {Side.CLIENT: half, Side.SERVER: half + 2} == lane.ends
    assert set() == lane.resets
    picture = written(Form.SVG, talk.made)
    assert "DATA</tspan> half-close" in picture
    assert "HEADERS</tspan> trailers half-close OK (0)" in picture


def test_what_a_fault_did_is_marked() -> None:
    """With what was done, and by which rule, as in print."""
    talk = Talk().begin()
    talk.call()
    (made,) = talk.client(frames.data(1, saying("a")))
    held = replace(made, altered=Altered(how="held", rule="delay", note="2 s"))
    picture = written(Form.SVG, [*talk.made[:-1], held])
    assert '<tspan class="k bad"' in picture
    assert "[held, 2 s (delay)]" in " ".join(re.sub("<[^>]*>", " ", picture).split())
    assert "held" in written(Form.MERMAID, [*talk.made[:-1], held])


def test_a_reset_ends_both_sides_with_crosses() -> None:
    """And a side that had ended before keeps its bar."""
    talk = Talk().begin()
    talk.call()
    talk.client(frames.data(1, b"", end=True))
    talk.server(frames.rst_stream(1, 8))
    lane = next(lane for lane in drawn(talk.made).lanes if lane.stream == 1)
    assert {Side.SERVER} == lane.resets
    assert 1 == written(Form.SVG, talk.made).count('class="x"')


def test_a_connection_that_is_reset_ends_its_streams() -> None:
    """As nothing can pass on them any more."""
    talk = Talk().begin()
    talk.call()
    talk.end(Side.SERVER, reset=True)
    lanes = {lane.stream: lane for lane in drawn(talk.made).lanes}
    assert set(Side) == lanes[1].resets
    assert {Side.SERVER} == lanes[0].resets


def test_a_frame_that_is_hidden_ends_its_stream_all_the_same() -> None:
    """The line ends between the rows."""
    talk = Talk().begin()
    talk.call()
    talk.server(frames.rst_stream(1, 8))
    talk.client(frames.ping(b"12345678"))
    picture = drawn(talk.made, 1000, "rst-stream")
    lane = next(lane for lane in picture.lanes if lane.stream == 1)
    assert len(picture.rows) - 1.5 == lane.end


def test_windows_are_what_both_limits_leave() -> None:
    """Of the stream and of the connection, the smaller; and an update of either changes it."""
    talk = Talk().begin((4, 100_000))
    talk.call()
    talk.server(frames.data(1, bytes(60_000)))
    talk.client(frames.window_update(0, 10_000))
    talk.client(frames.window_update(0, 100_000))
    lane = next(lane for lane in drawn(talk.made).lanes if lane.stream == 1)
    left = [size for _, size in lane.windows[Side.SERVER]]
    assert [65_535, 5_535, 15_535, 40_000] == left


def test_a_window_of_nothing_is_a_dot() -> None:
    """It is what most flow-control riddles are about."""
    talk = Talk().begin()
    talk.call()
    talk.client(frames.data(1, bytes(65_535)))
    assert 1 == written(Form.SVG, talk.made).count("<circle")
    assert "the window of the client is 0" in written(Form.MERMAID, talk.made)


def test_streams_one_after_another_share_columns() -> None:
    """And so many at once that columns run out share the last."""
    talk = Talk().begin()
    for stream in range(1, 41, 2):
        talk.call(stream)
        talk.server(talk.headers(Side.SERVER, stream, [("grpc-status", "0")], end=True))
        talk.client(frames.rst_stream(stream, 0))
    assert drawn(talk.made).columns <= 4
    for stream in range(41, 101, 2):
        talk.call(stream)
    picture = drawn(talk.made)
    assert COLUMNS == picture.columns
    assert any(lane.shared for lane in picture.lanes)


def test_frames_beyond_the_limit_are_counted() -> None:
    """In the picture and for whoever asked for it."""
    talk = Talk().begin()
    for _ in range(svg.ROWS):
        talk.client(frames.ping(b"12345678"))
    more = len(talk.made) - svg.ROWS
    assert f"{more} more frames are not drawn" in written(Form.SVG, talk.made)
    assert svg.ROWS == written(Form.SVG, talk.made).count("</tspan>")


# ---- What is written --------------------------------------------------------------------


@pytest.mark.parametrize("text", [*HOSTILE, "plain"])
def test_svg_is_xml_that_asks_for_nothing(text: str) -> None:
    """Whatever is in the capture and in the name of its file."""
    picture = written(Form.SVG, hostile().made, text)
    root = ET.fromstring(picture)
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    drawing = {"rect", "text", "tspan", "line", "path", "polyline", "circle"}
    assert {"svg", "title", "desc", "style"} <= names <= drawing | {"svg", "title", "desc", "style"}
    assert not [key for element in root.iter() for key in element.attrib if key.startswith("on")]
    assert 1 == picture.count("http")  # the namespace
    assert "url(" not in picture
    assert "prefers-color-scheme:dark" in picture


def test_an_empty_picture_is_one_too() -> None:
    """A capture may have no frame that is wanted."""
    ET.fromstring(written(Form.SVG, []))
    assert written(Form.MERMAID, []).startswith("sequenceDiagram\n")
    assert "<!doctype html>" in written(Form.HTML, [])


def test_the_policy_of_the_page_names_its_own_script_and_style() -> None:
    """By hash, so that no other runs; and nothing is fetched."""
    page = written(Form.HTML, hostile().made, HOSTILE[0])
    script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert (1, 1) == (len(script), len(style))
    for text, directive in ((script[0], "script-src"), (style[0], "style-src")):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}';" in page
    assert "default-src 'none'" in page
    assert "alert(1)" not in re.sub(r"<title>.*?</title>", "", page)
    assert page.isascii()
    addresses = re.findall(r"https?://[\w./]*", page)
    assert ["http://www.w3.org/2000/svg"] * len(addresses) == addresses


def many(count: int, seed: int) -> Talk:
    """So many frames with all their headers and messages: incompressible texts, many streams."""
    chance = random.Random(seed)
    talk = Talk().begin()
    for number in range(count):
        stream = 2 * (number // 10) + 1
        if number % 10 == 0:
            note = [("x-request-id", f"{chance.getrandbits(256):x}")]
            talk.client(talk.headers(Side.CLIENT, stream, [*REQUEST, *note]))
        else:
            text = f"{chance.getrandbits(1600):x}"
            talk.say(chance.choice(list(Side)), frames.data(stream, saying(text)))
    return talk


@pytest.mark.slow
def test_ten_thousand_frames_are_a_page_of_two_megabytes() -> None:
    """At most, also where nothing in them compresses; all frames are in it."""
    made = many(10_000, 1).made[: html.ROWS]
    assert 10_000 == len(made)
    page = written(Form.HTML, made)
    assert len(page) <= 2_000_000
    ordinary = written(Form.HTML, [frame for frame in Talk().begin().made for _ in range(2000)])
    assert len(ordinary) <= 500_000


def test_mermaid_gets_no_more_than_it_draws() -> None:
    """50,000 characters, whatever the texts are."""
    text = written(Form.MERMAID, hostile().made * 100)
    assert len(text) < 50_000
    assert "more frames are not drawn" in text
    assert mermaid.coded('a;b#c"d') == "a#59;b#35;c#34;d"


# ---- The command ------------------------------------------------------------------------


def test_read_draws_to_a_file_or_to_standard_output(
    capture: Path,
    tmp_path: Path,
) -> None:
    """In every form, and two runs are the same bytes."""
    for form in Form:
        path = tmp_path / f"chat.{form}"
        done = chatwire("read", capture, "--diagram", form, "-o", path)
        assert (0, b"", b"") == (done.returncode, done.stdout, done.stderr)
        again = chatwire("read", capture, "--diagram", form)
        assert again.stdout == path.read_bytes()
        assert again.stdout


def test_filters_choose_what_is_drawn(capture: Path) -> None:
    """As they choose what is printed."""
    picture = chatwire("read", capture, "--diagram", "mermaid", "--frame", "rst-stream").stdout
    assert b"RST_STREAM" in picture
    assert b"HEADERS" not in picture


def test_what_cannot_be_is_said(capture: Path, tmp_path: Path) -> None:
    """Wrong usage is 2, a file that cannot be written 1."""
    both = chatwire("read", capture, "--diagram", "svg", "--json")
    assert (2, b"") == (both.returncode, both.stdout)
    alone = chatwire("read", capture, "-o", tmp_path / "x.svg")
    assert 2 == alone.returncode
    nowhere = chatwire("read", capture, "--diagram", "svg", "-o", tmp_path / "no" / "x.svg")
    assert 1 == nowhere.returncode
    assert b"cannot write to" in nowhere.stderr


def test_a_picture_of_a_damaged_capture_has_what_is_before(tmp_path: Path) -> None:
    """As printing has it; the exit code says so."""
    path = tmp_path / "chat.pcapng"
    talk = hostile()
    with CaptureWriter(path, print) as writer:
        for each in talk.passages:
            writer.write(each)
    path.write_bytes(path.read_bytes()[:-10])
    done = chatwire("read", path, "--diagram", "svg")
    assert 1 == done.returncode
    ET.fromstring(done.stdout)
