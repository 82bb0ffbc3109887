"""gRPC-Web's text form: what is read and what is refused."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatroom.wire.text_form import TextInvalid, TextReader, as_text


@pytest.mark.parametrize(
    ("characters", "octets"),
    [
        (b"", b""), (b"AAAAAAM=", b"\0\0\0\0\3"), (b"aGVsbG8=", b"hello"),
        (b"aGVsbG8=aGVsbG8=", b"hellohello"), (b"YQ==YmM=ZGVm", b"abcdef"),
        (b"YQ==YQ==YQ==", b"aaa"), (b"+/+/", b"\xfb\xff\xbf"),
    ],
)  # fmt: skip
def test_the_text_form_is_read(characters: bytes, octets: bytes) -> None:
    """PROTOCOL-WEB.md: padded wherever the sender flushed."""
    reader = TextReader()
    assert octets == reader.feed(characters)
    reader.end()


@given(st.lists(st.binary(max_size=40)), st.integers(1, 9))
def test_what_is_written_is_read(parts: list[bytes], size: int) -> None:
    """Each part is padded by itself, and the whole is cut anywhere."""
    body = b"".join(map(as_text, parts))
    assert body == b"".join(map(base64.b64encode, parts))
    reader = TextReader()
    read = [reader.feed(body[at : at + size]) for at in range(0, len(body), size)]
    reader.end()
    assert b"".join(parts) == b"".join(read)


@pytest.mark.parametrize(
    "characters", [b"A===", b"====", b"AA=A", b"=AAA", b"A\n==", b"A-_A", b"AAA\xff", b"AAAA?AAA"]
)
def test_what_is_not_base64_is_refused(characters: bytes) -> None:
    """RFC 4648, section 3.3: nothing is skipped."""
    with pytest.raises(TextInvalid, match="not base64"):
        TextReader().feed(characters)


def test_a_body_that_ends_within_a_group_is_refused() -> None:
    """Whatever is missing: characters, or padding."""
    reader = TextReader()
    assert b"hel" == reader.feed(b"aGVsbG8")
    with pytest.raises(TextInvalid, match="whole"):
        reader.end()
