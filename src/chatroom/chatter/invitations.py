"""Invitations from the command line, and the links that they are."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote

from chatroom.chatter import json_lines
from chatroom.chatter.failures import remark
from chatroom.chatter.moderation import shown_time
from chatroom.chatter.safe_text import one_line
from chatroom.chatter.screen import drained, is_terminal, show
from chatroom.chatter.settings import TOKEN_VARIABLE
from chatroom.chatter.tables import print_rows

if TYPE_CHECKING:
    from datetime import datetime

    from chatroom.client import Chat, Invitation

USUAL_PORTS = {"https": 443, "http": 80}


def page_link(chat: Chat, invitation: Invitation) -> str:
    """The page of the room, which takes the secret out of its address. Safe to print.

    What stands behind the # is not sent to any server (RFC 9110, 4.2.4), and so in no log.
    """
    scheme = "https" if chat.security.tls else "http"
    host = str(chat.address).removesuffix(f":{USUAL_PORTS[scheme]}")
    room = quote(invitation.room_id, safe="")
    return f"{scheme}://{host}/r/{room}#token={quote(invitation.secret, safe='')}"


def command_line(chat: Chat, invitation: Invitation) -> str:
    """What to type for the same. The secret is in the environment, not among the arguments."""
    words = ["chatter", "--host", str(chat.address), "--room", one_line(invitation.room_id)]
    if not (chat.security.tls or chat.address.loopback):
        words.append("--insecure")
    return f"{TOKEN_VARIABLE}={shlex.quote(one_line(invitation.secret))} {shlex.join(words)}"


async def invite(
    chat: Chat,
    room_id: str,
    *,
    uses: int | None,
    until: datetime | None,
    name: str,
    as_json: bool,
) -> None:
    """Make an invitation and print what to send to somebody: a link, and a command line."""
    made = await chat.invite(room_id, uses=uses, until=until, name=name)
    link, typed = page_link(chat, made), command_line(chat, made)
    if as_json:
        secret = {"secret": made.secret, "link": link, "command": typed}
        show(json_lines.line(json_lines.invitation_object(made) | secret))
    else:
        show(link)
        show(typed)
    if is_terminal() and not as_json:
        await drained()  # the link comes first
        remark(f"whoever has one of them may come in; chatter uninvite {made.invitation_id}")
    if chat.address.loopback:
        remark("this is for people on this machine: --host with the address that others use makes"
               " it for all")  # fmt: skip


async def print_invitations(chat: Chat, room_id: str, *, with_ended: bool, as_json: bool) -> None:
    """Print the invitations of a room, without their secrets.

    Those by which nobody new comes any more only `with_ended`, and why that is.
    """
    rows, left_out = [], 0
    async for each in chat.invitations(room_id):
        over = json_lines.ended(each)
        if over and not with_ended:
            left_out += 1
        elif as_json:
            show(json_lines.line(json_lines.invitation_object(each)))
        else:
            left = "any" if each.uses_left is None else str(each.uses_left)
            row = [each.invitation_id, left, shown_time(each.until), each.name, each.by]
            rows.append(tuple(map(one_line, [*row, over] if with_ended else row)))
    if as_json:
        return
    if not rows and is_terminal():
        show(f"There are no invitations to room {one_line(room_id)}")
    else:
        headings = ("ID", "USES LEFT", "UNTIL", "NAME", "MADE BY", "ENDED")
        print_rows(headings[: 6 if with_ended else 5], rows, numbers="USES LEFT")
    if left_out and is_terminal():
        await drained()
        remark(f"{left_out} more let nobody else in: expired or used up; --all lists them")


async def revoke(chat: Chat, invitation_id: str, *, as_json: bool) -> None:
    """Let nobody come by an invitation any more, and say so."""
    revoked = await chat.revoke_invitation(invitation_id)
    if as_json:
        show(json_lines.line(json_lines.invitation_object(revoked)))
    else:
        show(f"Revoked invitation {one_line(invitation_id)} to room {one_line(revoked.room_id)}")
