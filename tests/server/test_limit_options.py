"""The limits as an operator writes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from chatroom.core.limits import Limits
from chatroom.core.rate import Pace
from chatroom.server.limit_options import _OPTIONS, PaceType, limit_options
from chatroom.server.networks import NetworkType

PAGE = Path(__file__).resolve().parents[2] / "docs" / "limits.md"


def given(*arguments: str, **environment: str) -> dict[str, object]:
    """What a command with the options is told."""
    told: dict[str, object] = {}

    @click.command()
    @limit_options
    def command(limits: dict[str, object]) -> None:
        told.update(limits)

    done = CliRunner(env=environment).invoke(
        command, arguments, auto_envvar_prefix="CHATSERVER", catch_exceptions=False
    )
    assert 0 == done.exit_code, done.output
    return told


def test_without_options_the_limits_are_what_they_are() -> None:
    """An option's default is that of its field."""
    assert Limits(**given()) == Limits()  # type: ignore[arg-type] # checked by what follows


def test_each_option_is_for_its_field() -> None:
    """By the flag, or by an environment variable of its name."""
    assert 7 == given("--max-members", "7")["server_members"]
    assert 7 == given(CHATSERVER_MAX_MEMBERS="7")["server_members"]
    assert 0.5 == given("--room-message-rate", "0.5")["room_message_rate"]
    assert Pace(9, 120.0) == given("--address-joins", "9/2m")["address_joins"]
    assert Pace(9, 1.0) == given(CHATSERVER_IDENTITY_CREATIONS="9/1s")["identity_creations"]
    assert {field for field, _, _ in _OPTIONS} <= {field.name for field in fields(Limits)}


@pytest.mark.parametrize("written", ["9", "9/m", "9/0m", "9/1d", "-1/1m", "1.5/1m", "", "x"])
def test_how_often_is_a_number_and_a_time(written: str) -> None:
    """Or nothing starts."""
    with pytest.raises(click.BadParameter, match="write 600/1m, 200/1h or 0"):
        PaceType().convert(written, None, None)


def test_zero_turns_a_pace_off() -> None:
    """With or without a time."""
    assert [0, 0] == [PaceType().convert(each, None, None).count for each in ("0", "0/1m")]


@pytest.mark.parametrize(("field", "parameter", "option"), _OPTIONS)
def test_what_zero_is_is_said(field: str, parameter: str, option: Any) -> None:
    """By the help and the page that the limit is off, or by an error that it cannot be."""
    flag = f"--{parameter.replace('_', '-')}"
    done = CliRunner().invoke(option(click.command()(lambda **_: None)), [flag, "0"])
    row = re.search(rf"^\| `{flag}` \| [^|]*\| ([^|]*) \|", PAGE.read_text(), re.MULTILINE)
    assert row is not None
    assert (row[1] == "wrong usage") == (done.exit_code == 2)
    if done.exit_code:
        assert "cannot be turned off" in done.output or "more than 0" in done.output
    else:
        assert row[1] in {"no limit", "what the system allows"}


def test_networks_are_written_as_usual() -> None:
    """One address is a network of its own."""
    convert: Callable[..., object] = NetworkType().convert
    for written in ("10.0.0.0/8", "2001:db8::/32", "192.0.2.7", "::1"):
        assert ip_network(written) == convert(written, None, None)
    for wrong in ("10.0.0.1/8", "localhost", "10.0.0.0/33", ""):
        with pytest.raises(click.BadParameter, match=r"write 10\.0\.0\.0/8"):
            convert(wrong, None, None)


def test_the_page_names_each_option_and_its_default() -> None:
    """docs/limits.md says what the code does."""
    rows = dict(re.findall(r"^\| `(--[a-z-]+)` \| ([^|]*?) \|", PAGE.read_text(), re.MULTILINE))
    expected = {}
    for field, parameter, option in _OPTIONS:
        command = option(click.command()(lambda: None))
        [found] = command.params
        default = found.show_default if isinstance(found.show_default, str) else found.default
        expected[f"--{parameter.replace('_', '-')}"] = f"{default}"
        assert field
    assert expected == rows
