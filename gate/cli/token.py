"""`sendgate token`: who may call, in the file that the gate is given with SENDGATE_TOKENS."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import rich_click as click

from gate.cli.client import Group, console, errors, fail, json_option, print_json
from gate.cli.tables import add, table
from gate.errors import SettingsError
from gate.identity.files import locked, read_secret, replace
from gate.identity.registry import (
    EVERYWHERE,
    Credential,
    RegistryError,
    checked_locations,
    checked_name,
    checked_san,
    parse,
    written,
)
from gate.identity.tokens import mint
from gate.service.caller import Role

Command = TypeVar("Command", bound=Callable[..., Any])

_PERIOD: Final = re.compile("([1-9][0-9]{0,3})([dh])")

_file_option: Final = click.option(
    "--file",
    "file",
    envvar="SENDGATE_TOKENS",
    show_envvar=True,
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file of credentials.",
)


def _grant_options(command: Command) -> Command:
    for option in reversed(
        (
            click.option(
                "--role",
                "roles",
                required=True,
                multiple=True,
                type=click.Choice([role.value for role in Role]),
                help="What it opens; may be repeated.",
            ),
            click.option("--location", "locations", multiple=True, metavar="ID", help="Where; may be repeated."),
            click.option("--all-locations", is_flag=True, help="In every location, those to come too."),
            click.option("--name", default="", help="How the history names who used it; the id if not given."),
            click.option(
                "--expires",
                default="",
                metavar="PERIOD",
                help="After how long it ends, such as 90d or 12h; else never.",
            ),
            _file_option,
            json_option,
        )
    ):
        command = option(command)
    return command


@click.group(cls=Group)
def token() -> None:
    """Say who may call the gate: make tokens, trust certificates, list both, take them back.

    A running gate takes the file anew within seconds. Roles: sender (checks), connector (events), user (the contact
    record, channels, import and export), support (reviews), admin (all of it).
    """


@token.command()
@_grant_options
def create(
    roles: tuple[str, ...],
    locations: tuple[str, ...],
    name: str,
    expires: str,
    file: Path,
    *,
    all_locations: bool,
    as_json: bool,
) -> None:
    """Make a token, and print it: this once, since the file keeps no more than a salted hash of it.

    For instance: `sendgate token create --role connector --location acme-dental --file tokens.toml`

    Exit code 0: made. 1: failed.
    """
    token_id, secret, hashed = mint()
    made = _credential(token_id, name, roles, locations, expires, all_locations=all_locations, hashed=hashed)
    with _changing(file) as credentials:
        credentials.append(made)
    if as_json:
        print_json({"id": made.id, "name": made.name, "token": secret})
        return
    errors.print(f"token {made.id}, named {made.name}; it is not kept and cannot be shown again:", markup=False)
    click.echo(secret)


@token.command()
@click.option(
    "--san", required=True, metavar="KIND:NAME", help="The certificate's name: uri:... or dns:..., exactly as it is."
)
@_grant_options
def trust(
    san: str,
    roles: tuple[str, ...],
    locations: tuple[str, ...],
    name: str,
    expires: str,
    file: Path,
    *,
    all_locations: bool,
    as_json: bool,
) -> None:
    """Trust client certificates that have a subject alternative name, signed by SENDGATE_TLS_CLIENT_CA.

    For instance: `sendgate token trust --san uri:spiffe://example.com/sender --role sender --all-locations`

    Exit code 0: trusted. 1: failed, or the name stands there already.
    """
    certificate_id, _, _ = mint()
    try:
        checked_san(san)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    made = _credential(certificate_id, name, roles, locations, expires, all_locations=all_locations, san=san)
    with _changing(file) as credentials:
        if any(each.san == san for each in credentials):
            fail(f"{file}: {san} stands there already; revoke it first")
        credentials.append(made)
    if as_json:
        print_json({"id": made.id, "name": made.name, "san": san})
        return
    console.print(f"certificate {made.id}, named {made.name}", markup=False)


@token.command("list")
@_file_option
@json_option
def list_(file: Path, *, as_json: bool) -> None:
    """List tokens, without the tokens themselves, and trusted certificates; with --json one a line.

    For instance: `sendgate token list --file tokens.toml`

    Exit code 0: listed. 1: failed.
    """
    listing = table("id", "name", "kind", "roles", "locations", "created (UTC)", "expires (UTC)")
    listing.columns[0].no_wrap = True  # it is copied from here, to be revoked
    for each in _read(file):
        row = {
            "id": each.id,
            "name": each.name,
            "kind": each.san or "token",
            "roles": ", ".join(sorted(each.roles)),
            "locations": ", ".join(sorted(each.locations or {EVERYWHERE})),
            "created": _moment(each.created),
            "expires": _moment(each.expires),
        }
        if as_json:
            print_json(row)
        else:
            add(listing, *row.values())
    if not as_json:
        console.print(listing)


@token.command()
@click.argument("id")
@_file_option
def revoke(id: str, file: Path) -> None:  # noqa: A002  it is what the listing calls it
    """Take a token or a trusted certificate back: a running gate refuses it within seconds.

    For instance: `sendgate token revoke 0198c0de5f12 --file tokens.toml`, with an id from `list`.

    Exit code 0: revoked. 1: failed, or there is none of this id.
    """
    with _changing(file) as credentials:
        left = [each for each in credentials if each.id != id]
        if len(left) == len(credentials):
            fail(f"{file}: no credential has the id {id}; see sendgate token list")
        credentials[:] = left
    console.print(f"revoked {id}", markup=False)


def _credential(
    credential_id: str,
    name: str,
    roles: tuple[str, ...],
    locations: tuple[str, ...],
    expires: str,
    *,
    all_locations: bool,
    **more: Any,
) -> Credential:
    if all_locations == bool(locations):
        raise click.UsageError("name either one --location or more, or --all-locations")
    if EVERYWHERE in locations:
        raise click.UsageError(f"--location {EVERYWHERE}: no location; for every one there is --all-locations")
    now = datetime.now(UTC).replace(microsecond=0)
    try:
        return Credential(
            id=credential_id,
            name=checked_name(name or credential_id),
            roles=frozenset(map(Role, roles)),
            locations=checked_locations(locations) if locations else None,
            created=now,
            expires=now + _period(expires) if expires else None,
            **more,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _period(text: str) -> timedelta:
    form = _PERIOD.fullmatch(text)
    if not form:
        raise ValueError(f"--expires: {text!r} is no period such as 90d or 12h")
    return timedelta(days=int(form[1])) if form[2] == "d" else timedelta(hours=int(form[1]))


@contextmanager
def _changing(file: Path) -> Iterator[list[Credential]]:
    """Read the file, let it be changed, write it; no two commands at once."""
    try:
        with locked(file):
            credentials = list(_read(file)) if file.exists() else []
            yield credentials
            replace(file, written(credentials))
    except OSError as error:
        fail(f"{file}: {error.strerror}")


def _read(file: Path) -> tuple[Credential, ...]:
    try:
        return parse(read_secret(file).decode())
    except SettingsError as error:
        fail(str(error))
    except (RegistryError, UnicodeDecodeError) as error:
        fail(f"{file}: {error}")


def _moment(time: datetime | None) -> str:
    return "" if time is None else f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
