"""A member whose token ends goes on with the next one."""

from __future__ import annotations

from pathlib import Path

import pytest

from chatroom.client import Kind, Patience, TokenRefused, connect
from tests.carriers import run
from tests.server.access.tokens_for import key_file, token
from tests.server.services import running


def test_a_function_that_gives_tokens_keeps_a_member_in_the_room(tmp_path: Path) -> None:
    """Silently: the others see nobody come or go, and nothing is missed or said twice."""
    shown: list[str] = []

    def short() -> str:
        shown.append(token("ann", valid_for=2))
        return shown[-1]

    async def scene() -> None:
        async with running(keys=key_file(tmp_path / "keys"), rooms=("lobby",)) as server:
            address = f"127.0.0.1:{server.port}"
            async with (
                connect(address, token=short) as anns,
                connect(address, token=token("bob")) as bobs,
                bobs.join("lobby", "Bob") as bob,
                anns.join("lobby", "Ann") as ann,
            ):
                kinds: list[Kind] = []
                async for message in ann:
                    kinds.append(message.kind)
                    if message.kind is Kind.EXPIRING:
                        await bob.send("before")
                    if message.kind is Kind.CONNECTED:
                        break
                await bob.send("after")
                async for message in ann:
                    kinds.append(message.kind)
                    if message.text == "after":
                        break
                assert 1 == kinds.count(Kind.CONNECTION_LOST)
                assert 2 <= len(shown)
                history = await bobs.history("lobby")
                told = [(message.name, message.text) for message in history.messages]
                assert [("Ann", "Has entered the chat"), ("Bob", "before"), ("Bob", "after")] == [
                    each for each in told if each != ("Bob", "Has entered the chat")
                ]

    run(scene())


def test_without_one_the_membership_ends(tmp_path: Path) -> None:
    """With an error that says why."""

    async def scene() -> None:
        async with running(keys=key_file(tmp_path / "keys"), rooms=("lobby",)) as server:
            address = f"127.0.0.1:{server.port}"
            async with connect(address, token=token("ann", valid_for=1)) as chat:
                with pytest.raises(TokenRefused, match="expired"):  # noqa: PT012 # to its end
                    async with chat.join("lobby", "Ann") as ann:
                        async for _ in ann:
                            pass

    run(scene())


@pytest.mark.slow
def test_a_function_whose_tokens_never_count_gives_up(tmp_path: Path) -> None:
    """After some time: it may be a clock that is wrong, or a source that is stuck."""
    stuck = token("ann", valid_for=1)

    async def scene() -> None:
        async with running(keys=key_file(tmp_path / "keys"), rooms=("lobby",)) as server:
            patience = Patience(name=0.5)
            address = f"127.0.0.1:{server.port}"
            async with connect(address, token=lambda: stuck, patience=patience) as chat:
                with pytest.raises(TokenRefused, match="expired"):  # noqa: PT012 # to its end
                    async with chat.join("lobby", "Ann") as ann:
                        async for _ in ann:
                            pass

    run(scene())
