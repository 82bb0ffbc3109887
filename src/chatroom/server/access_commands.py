"""`chatserver token` and `chatserver keys`: make tokens, look into them, make keys."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click

from chatroom.core.grants import USUAL, Grant, Right
from chatroom.core.invitations import PREFIX as INVITATION
from chatroom.core.limits import Limits

from .access import Algorithm, KeyFile, Keys, KeysUnusable, Tokens, TokenUnusable
from .access.claims import Claims, chat_claim, claims_of
from .access.keys import KeyWrong
from .access.new_keys import new_key
from .access.parts import TOKEN_BYTES, parts, payload_object
from .access.revoked import REVOKED_FILE, RevokedTokens
from .access.sign import claims_for, signed_token, signing_key
from .durations import Duration
from .journal_commands import data_directory

_KEYS = click.option(
    "--keys",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    default=None,
    show_default="as for the server",
    help="The file with the keys.",
)


@click.group("token")
def token_commands() -> None:
    """Make tokens, and look into them."""


@click.group("keys")
def keys_commands() -> None:
    """Make the keys that sign tokens."""


def _takes(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option against each right that is given unless something else is said."""
    for right in sorted(USUAL, reverse=True):
        command = click.option(f"--no-{right}", is_flag=True, help=f"Do not grant {right}.")(
            command
        )
    return command


@token_commands.command("create")
@_KEYS
@click.option("--key", metavar="ID", help="The key that signs; needless if only one can.")
@click.option(
    "--room",
    multiple=True,
    metavar="ID",
    help="A room that it is for, or a pattern (team-*), which is for no private room; may be "
    "given more than once.",
)
@click.option("--name", default="", help="The one name tag that its bearer may have.")
@click.option("--subject", metavar="ID", help="For whom it is.", show_default="the name")
@click.option("--valid-for", type=Duration(), default="8h", metavar="DURATION", show_default=True)
@click.option(
    "--grant",
    "given",
    multiple=True,
    type=click.Choice(sorted(map(str, set(Right) - USUAL))),
    help=f"Grant this besides {', '.join(sorted(USUAL))}; may be given more than once.",
)
@_takes
@click.pass_context
def create_token(
    ctx: click.Context, /, keys: Path | None, key: str | None, room: tuple[str, ...], name: str,
    subject: str | None, valid_for: int, given: tuple[str, ...], **taken: bool,
) -> None:  # fmt: skip
    """Make a token, and print it on standard output.

    Whoever has it may do what it grants until it ends: hand it over as you would a password.
    """
    rights = [Right(word) for word in given]
    if not room and Right.ADMIN not in rights:
        raise click.UsageError("say for which rooms it is: --room lobby, or --room '*' for all")
    if not (subject or name):
        raise click.UsageError("say for whom it is: --subject, or --name")
    known = _read(ctx, keys)
    try:
        signing = signing_key(known, key)
    except KeyWrong as error:
        _fail(f"cannot sign: {error}")
    chat = chat_claim(
        room or Grant().rooms,
        given=rights,
        taken=[right for right in sorted(USUAL) if taken[f"no_{right}"]],
    )
    now = int(time.time())
    claims = claims_for(
        known, subject=subject or name, name=name, chat=chat, now=now, seconds=valid_for
    )
    token = signed_token(signing, claims)
    try:
        Tokens(known).identity(token, now)
    except TokenUnusable as error:
        raise click.UsageError(f"no server would take it: {error}") from None
    click.echo(token)


@token_commands.command("show")
@_KEYS
@click.argument("token")
@click.pass_context
def show_token(ctx: click.Context, keys: Path | None, token: str) -> None:
    """Say what a token grants, and why it would be refused.

    With - it is read from standard input, and stays out of your shell's history and of the
    list of processes. Exit code 0: a server with these keys takes it now; 1: it does not.
    """
    if token == "-":  # noqa: S105 # no password: it stands for standard input
        token = sys.stdin.read(TOKEN_BYTES + 2).strip()
    if token.startswith(INVITATION):
        _fail(
            "this is the secret of an invitation, and no token: the server knows what it is for,"
            " and `chatter invites ROOM` lists those of a room"
        )
    path = _chosen(ctx, keys)
    tokens = Tokens(_read(ctx, keys) if path is not None else Keys())
    try:
        if path is None:
            _tell(_unsigned(token))
            _fail("nobody has looked at its signature: say --keys FILE")
        signed = tokens.signed(token)
    except TokenUnusable as error:
        _tell_raw(token)
        _fail(f"it would be refused: {error}")
    click.echo(f"key: {signed.key.id} ({signed.key.algorithm}), and its signature is good")
    _tell(signed.claims)
    try:
        tokens.check(signed, time.time())
    except TokenUnusable as error:
        _fail(f"it would be refused: {error}")


@token_commands.command("revoke")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    default=None,
    show_default="as for the server",
    help="Where the server keeps its rooms.",
)
@click.argument("token_id", metavar="JTI")
@click.pass_context
def revoke_token(ctx: click.Context, data: Path | None, token_id: str) -> None:
    """Take the token with this id (jti) back, for good.

    `chatserver token show` tells a token's id. The server need not be asked: it ends the streams
    of the token within seconds.
    """
    if not (token_id.isprintable() and token_id.strip() == token_id and token_id):
        raise click.UsageError("an id (jti) is printable text; `chatserver token show` tells it")
    chosen = data or ctx.find_root().params.get("data")
    directory = data_directory(chosen if isinstance(chosen, Path) else None)
    if not directory.is_dir():
        _fail(f"there is no {directory}: say where the server keeps its rooms, with --data")
    path = directory / REVOKED_FILE
    try:
        new = RevokedTokens(path).add(token_id)
    except OSError as error:
        _fail(f"cannot write {path}: {(error.strerror or str(error)).lower()}")
    click.echo(f"{path}: {token_id} is revoked" if new else f"{token_id} was revoked before")


@keys_commands.command("create")
@_KEYS
@click.option("--id", "key_id", metavar="ID", required=True, help="What it is called (kid).")
@click.option(
    "--algorithm",
    type=click.Choice(list(map(str, Algorithm))),
    default=str(Algorithm.EDDSA),
    show_default=True,
    help="With HS256 whoever checks tokens can make them too.",
)
@click.pass_context
def create_key(ctx: click.Context, keys: Path | None, key_id: str, algorithm: str) -> None:
    """Make a key, and add it to the file, which is made if it is not there."""
    path = _needed(ctx, keys)
    try:
        made = new_key(path, key_id, Algorithm(algorithm))
    except KeysUnusable as error:
        _fail(str(error))
    click.echo(f"{made.file}: key {key_id} ({algorithm})")
    if made.private is not None:
        click.echo(f"{made.private}: its private key, with which tokens are made")
    click.echo(
        "\nA server that runs with this file takes the key by itself. Else start it so:\n\n"
        f"  chatserver --keys {path}\n\n"
        "Make a token:\n\n"
        f"  chatserver token create --keys {path} --key {key_id} --room lobby --name Ann"
    )
    if made.public:
        click.echo(
            "\nA server that makes no tokens needs the public key alone, in its own file:\n\n"
            f'[keys.{key_id}]\nalgorithm = "{algorithm}"\npublic_key = """\n{made.public}"""'
        )


def _unsigned(token: str) -> Claims:
    """What it says, whoever has signed it."""
    said = payload_object(parts(token).payload)
    return claims_of(said, name_characters=Limits().name_characters)


def _tell(claims: Claims) -> None:
    """What it says, in lines. All of it can be printed: `claims_of` has looked."""
    click.echo(f"subject: {claims.subject}")
    if claims.name:
        click.echo(f"name: {claims.name}")
    if claims.token_id:
        click.echo(f"id (jti): {claims.token_id}")
    if claims.audience is not None:
        click.echo(f"audience: {', '.join(map(json.dumps, claims.audience))}")
    if claims.not_before is not None:
        click.echo(f"valid from: {_time(claims.not_before)}")
    click.echo(f"valid until: {_time(claims.expires)}")
    if not claims.grant.rights:
        click.echo("grants: nothing")
        return
    click.echo(f"grants: {', '.join(right for right in Right if claims.grant.gives(right))}")
    everywhere = Right.ADMIN in claims.grant.rights
    click.echo(f"rooms: {'all' if everywhere else ', '.join(claims.grant.rooms) or 'none'}")


def _tell_raw(token: str) -> None:
    """What a token says that is not taken: as JSON in ASCII, since anybody may have made it."""
    try:
        found = parts(token)
        said = payload_object(found.payload)
    except TokenUnusable:
        return
    click.echo(f"header: {json.dumps(found.header)}")
    click.echo(f"claims: {json.dumps(said)}")


def _time(seconds: float) -> str:
    return f"{datetime.fromtimestamp(int(seconds), UTC):%Y-%m-%d %H:%M:%S} UTC"


def _chosen(ctx: click.Context, keys: Path | None) -> Path | None:
    """The file meant by --keys after the command, before it, or in the environment."""
    if keys is None:
        found = ctx.find_root().params.get("keys")
        return found if isinstance(found, Path) else None
    return keys


def _needed(ctx: click.Context, keys: Path | None) -> Path:
    path = _chosen(ctx, keys)
    if path is None:
        raise click.UsageError("say which file has the keys: --keys FILE")
    return path


def _read(ctx: click.Context, keys: Path | None) -> Keys:
    try:
        return KeyFile(_needed(ctx, keys)).read()
    except KeysUnusable as error:
        _fail(str(error))


def _fail(sentence: str) -> NoReturn:
    click.echo(f"chatserver: {sentence}", err=True)
    sys.exit(1)
