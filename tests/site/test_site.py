"""The site as `make site` has built it: what is in it, and what a browser does with it."""

from __future__ import annotations

import re
import tomllib
from html import unescape
from pathlib import Path

import pytest

import chatroom.client
from chatroom.api.rpc import chat_pb2, moderation_pb2
from tests.interop.programs import ROOT, missing, output, tool
from tests.page.playing import browser, packages
from tools.site.check import Page, faults
from tools.site.contents import documents

SITE = ROOT / "build" / "site"
SECTIONS = {
    "Chat", "Host it", "Run it", "Build on it", "Look at the wire", "Reference", "How it is made",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    if not (SITE / "index.html").is_file():
        missing("the site (make site)")


def page(name: str) -> str:
    return (SITE / f"{name}.html").read_text()


def test_every_link_leads_somewhere_and_no_page_asks_another_host() -> None:
    assert [] == list(faults(SITE))


def test_every_document_is_in_it_and_in_the_navigation() -> None:
    front = Page(page("index"))
    for name, source in documents().items():
        made = SITE / Path(source).with_suffix(".html")
        assert made.is_file(), name
    reached = {address.partition("#")[0] for address in front.leads}
    missed = {
        source
        for source in documents().values()
        if "/" not in source and source != "index.md" and f"{source[:-3]}.html" not in reached
    }
    assert set() == missed
    assert {unescape(each) for each in re.findall(r'caption-text">([^<]+)', page("index"))} >= (
        SECTIONS
    )


def test_the_contract_is_all_there() -> None:
    """Every method, message, field and value that the generated code knows."""
    text = page("reference/contract")
    names = Page(text).names
    for contract in (chat_pb2.DESCRIPTOR, moderation_pb2.DESCRIPTOR):
        for service in contract.services_by_name.values():
            for method in service.methods:
                assert f"POST /{service.full_name}/{method.name}\n" in _words(text)
        for message in contract.message_types_by_name.values():
            assert _name(message.full_name) in names
            section = _section(text, message.full_name)
            for field in message.fields:
                assert f"\n{field.name}\n" in section, field.full_name
        for enum in contract.enum_types_by_name.values():
            assert _name(enum.full_name) in names
            for value in enum.values:
                assert f"\n{value.name}\n" in _section(text, enum.full_name)
    assert "Half-closing means" in text, "the comments are there"


def _name(full: str) -> str:
    return full.lower().replace(".", "-")


def _section(text: str, full: str) -> str:
    """From the heading of a message or an enum to the next one."""
    return _words(text.partition(f'id="{_name(full)}"')[2].partition("<section")[0])


def _words(text: str) -> str:
    """Without tags; what is in one element of its own is on a line of its own."""
    inline = re.sub(r"</?(?:span|code|strong|em)\b[^>]*>", "", text)
    return re.sub(r"\s*<[^>]*>\s*", "\n", inline)


def test_the_library_is_all_there() -> None:
    names = Page(page("reference/library")).names
    assert set() == {f"chatroom.client.{name}" for name in chatroom.client.__all__} - names
    assert {"chatroom.client.Chat.ban", "chatroom.client.Room.send"} <= names


def test_options_of_programs_are_there() -> None:
    assert "--message-rate" in page("reference/chatserver")
    assert "withdraw" in page("reference/chatter")
    assert "--listen" in page("reference/chatwire")


def test_it_says_its_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"Chatroom {version}" in page("index")


def test_a_browser_shows_it_alone() -> None:
    """It asks for files of the site alone, its policy refuses none, and search finds."""
    packages()
    story = Path(__file__).with_name("browse.mjs")
    said = output(tool("node"), str(story), browser(), str(SITE), "index", "reference/contract",
                  "experiments/resume", "library")  # fmt: skip
    assert ["found retrying.html", "ok"] == said.split("\n")[:2], said
