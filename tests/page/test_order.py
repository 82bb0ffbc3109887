"""How rooms are kept in order in the page: by who may, and what the others see of it."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.interop.programs import running
from tests.launch.program import ran
from tests.server.access.tokens_for import bearer, key_file, token

from .line import Line
from .mortal import Mortal
from .playing import play

ADMIN = token("mo", chat={"admin": True})


@pytest.mark.slow
def test_a_room_is_kept_in_order() -> None:
    """Muted, withdrawn, titled, closed, invited, removed, banned: what everybody is shown.

    What is withdrawn is in no memory of any page afterwards, nor of its worker.
    """
    with running("--room", "lobby") as address:

        def says(text: str) -> str:
            command = ["-m", "chatroom.chatter", "send", "--room", "lobby", "--name", "Cat"]
            run: subprocess.CompletedProcess[str] = ran(
                [*command, "--host", address, text], capture_output=True, text=True, timeout=60
            )
            return run.stderr or "ok"

        play("moderated", address, {"terminal": says})


def ask(address: str, method: str, request: dict[str, object]) -> dict[str, Any]:
    """As somebody who may do everything."""
    headers = {"content-type": "application/json", **bearer(ADMIN)}
    body = json.dumps(request).encode()
    asked = urllib.request.Request(f"http://{address}/rpc.{method}", body, headers)
    with urllib.request.urlopen(asked, timeout=20) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


@pytest.mark.slow
def test_somebody_invited_comes_in_and_keeps_no_order(tmp_path: Path) -> None:
    """By the link alone, into a private room; the menus go with the first refusal."""
    with running("--keys", str(key_file(tmp_path / "keys"))) as address:
        room = ask(address, "ChatService/CreateChatRoom", {"private": True})["room_id"]
        create = "ModerationService/CreateInvitation"
        play(
            "invited", address, ROOM=room,
            INVITATION=ask(address, create, {"room_id": room})["secret"],
            NAMED=ask(address, create, {"room_id": room, "name": "Grace"})["secret"],
            MODERATOR=token("mo", chat={"rooms": [room], "moderate": True}),
            LISTENER=token("li", chat={"rooms": [room], "history": False}),
        )  # fmt: skip


@pytest.mark.slow
def test_what_was_withdrawn_meanwhile_is_gone(tmp_path: Path) -> None:
    """Who comes back sees the mark: also in the place of what they had said, unacknowledged."""
    with (
        Mortal("--data", str(tmp_path / "data"), "--room", "lobby") as mortal,
        Line(mortal.address) as line,
    ):
        play("withdrawn", line.address, line.acts, DIRECT=f"http://{mortal.address}")


@pytest.mark.slow
def test_order_is_for_everyone(tmp_path: Path) -> None:
    """axe-core finds nothing where order is kept. PICTURES: a folder for pictures."""
    with running("--room", "tea") as address:
        play("orderly", address, PICTURES=os.environ.get("PICTURES", str(tmp_path)))
