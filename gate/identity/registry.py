"""The file of credentials: who may call, told by a token or by a name in a certificate. Text in, values out.

TOML, one table for each credential: `[[token]]` with a salted hash, `[[certificate]]` with a name that a client
certificate must have as a subject alternative name. Roles and locations are lists; `["*"]` means every location.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from gate.identity.tokens import NO_TOKEN, Hashed, parts
from gate.service.caller import Caller, Role, caller_with

EVERYWHERE: Final = "*"
FOREVER: Final = float("inf")

_NAME: Final = re.compile(r"[\w.@:/+-]{1,128}", re.ASCII)
_SAN: Final = re.compile(r"(uri|dns):[\x21-\x7e]{1,512}")
_COMMON: Final = frozenset({"name", "roles", "locations", "created", "expires"})
_OWN: Final = {"token": frozenset({"id", "salt", "hash"}), "certificate": frozenset({"id", "san"})}
_LOCATION_BYTES: Final = 256
_HEADER: Final = "# Credentials of sendgate: see docs/operations/identity.md. `sendgate token` writes this file anew.\n"


class RegistryError(Exception):
    """The file says something that it cannot say. The message names the place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """One way to prove who calls: a token's hash or a certificate's name, and what that opens."""

    id: str
    name: str
    roles: frozenset[Role]
    locations: frozenset[str] | None
    created: datetime
    expires: datetime | None = None
    hashed: Hashed | None = None
    san: str = ""

    def expiry(self) -> float:
        """Tell when it ends, in seconds since 1970."""
        return FOREVER if self.expires is None else self.expires.timestamp()


class Known(NamedTuple):
    """A caller, and until when the credential proves it, in seconds since 1970."""

    caller: Caller
    expiry: float
    checks_in: frozenset[str] | None
    """Where the caller may check sends; None means everywhere. Told apart, since it is asked for each check."""


class Registry:
    """Finds callers by what they show."""

    def __init__(self, credentials: Iterable[Credential] = ()) -> None:
        self._tokens: dict[str, tuple[Hashed, Known]] = {}
        self._sans: dict[str, Known] = {}
        self.shown: dict[object, Known] = {}
        """Room for those who find callers: what was shown, as it came, and whom it proved; gone with the registry."""
        for each in credentials:
            caller = caller_with(each.name, each.roles, each.locations)
            known = Known(caller, each.expiry(), caller.locations if Role.SENDER in caller.roles else frozenset())
            if each.hashed is None:
                self._sans[each.san] = known
            else:
                self._tokens[each.id] = (each.hashed, known)

    @property
    def size(self) -> int:
        """How many credentials there are: tokens and names in certificates."""
        return len(self._tokens) + len(self._sans)

    def by_token(self, token: str) -> Known | None:
        """Find who was given a token. It may have expired."""
        token_id, secret = parts(token)
        hashed, known = self._tokens.get(token_id, (NO_TOKEN, None))
        return known if hashed.fits(secret) else None

    def by_names(self, names: Iterable[str]) -> Known | None:
        """Find who has a certificate with these names, each as `uri:...` or `dns:...`; the first that is known."""
        return next((self._sans[name] for name in names if name in self._sans), None)


def parse(text: str) -> tuple[Credential, ...]:
    """Read a file. Raises RegistryError."""
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # beside its own errors: numbers too long, tables too deep
        raise RegistryError(f"not TOML: {error}") from None
    if unknown := tables.keys() - _OWN.keys():
        raise RegistryError(f"{min(unknown)}: unknown; the tables are [[token]] and [[certificate]]")
    credentials = tuple(_read(tables))
    for field in ("id", "san"):
        seen: set[str] = set()
        for each in credentials:
            value = getattr(each, field)
            if value and value in seen:
                raise RegistryError(f"{field} {value}: stands there twice")
            seen.add(value)
    return credentials


def _read(tables: Mapping[str, Any]) -> Iterator[Credential]:
    for kind, own in _OWN.items():
        rows = tables.get(kind, [])
        if not isinstance(rows, list):
            raise RegistryError(f"{kind}: write [[{kind}]]")
        for place, row in enumerate(rows, start=1):
            try:
                yield _credential(kind, row, own)
            except (KeyError, ValueError, TypeError, OverflowError) as error:
                problem = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
                raise RegistryError(f"{kind} {place}: {problem}") from None


def _credential(kind: str, row: Mapping[str, Any], own: frozenset[str]) -> Credential:
    if not isinstance(row, Mapping):
        raise TypeError(f"{row!r} is no table")
    if unknown := row.keys() - own - _COMMON:
        raise ValueError(f"{min(unknown)}: unknown")
    hashed = Hashed(bytes.fromhex(row["salt"]), bytes.fromhex(row["hash"])) if kind == "token" else None
    if hashed is not None and len(hashed.digest) != len(NO_TOKEN.digest):
        raise ValueError("hash: not the 64 digits of a SHA-256")
    if not isinstance(row["id"], str) or not row["id"]:
        raise TypeError(f"id: {row['id']!r} is no text")
    return Credential(
        id=row["id"],
        name=checked_name(row.get("name", row["id"])),
        roles=frozenset(Role(each) for each in row["roles"]),
        locations=checked_locations(row["locations"]),
        created=_time("created", row["created"]),
        expires=_time("expires", row["expires"]) if "expires" in row else None,
        hashed=hashed,
        san=checked_san(row["san"]) if kind == "certificate" else "",
    )


def checked_name(text: str) -> str:
    """Read a caller's name, as the history will show it. Raises ValueError."""
    if not isinstance(text, str) or not _NAME.fullmatch(text) or text == "local":
        raise ValueError(f"name: {text!r} is not 1 to 128 letters, digits and . _ @ : / + -, other than local")
    return text


def checked_san(text: str) -> str:
    """Read a certificate's name. Raises ValueError."""
    if not isinstance(text, str) or not _SAN.fullmatch(text):
        raise ValueError(f"san: {text!r} is neither uri:... nor dns:...")
    return text


def checked_locations(texts: Iterable[str]) -> frozenset[str] | None:
    """Read the locations that a credential is for; None means every one. Raises ValueError."""
    locations = frozenset(texts)
    if locations == {EVERYWHERE}:
        return None
    if isinstance(texts, str) or not locations or EVERYWHERE in locations:
        raise ValueError('locations: name them, or ["*"] alone for every one')
    for each in locations:
        if not isinstance(each, str) or not 0 < len(each.encode()) <= _LOCATION_BYTES:
            raise ValueError(f"locations: {each!r} is not 1 to {_LOCATION_BYTES} bytes")
    return locations


def _time(field: str, time: object) -> datetime:
    if not isinstance(time, datetime) or time.tzinfo is None:
        raise ValueError(f"{field}: not a time with its zone, such as 2026-03-02T12:00:00Z")
    return time.astimezone(UTC)


def written(credentials: Iterable[Credential]) -> str:
    """Write a file that `parse` reads."""
    return _HEADER + "".join(map(_table, credentials))


def _table(each: Credential) -> str:
    kind = "certificate" if each.hashed is None else "token"
    lines = [f"\n[[{kind}]]", f"id = {_text(each.id)}", f"name = {_text(each.name)}"]
    if each.hashed is None:
        lines.append(f"san = {_text(each.san)}")
    lines += [
        f"roles = [{', '.join(map(_text, sorted(each.roles)))}]",
        f"locations = [{', '.join(map(_text, sorted(each.locations or {EVERYWHERE})))}]",
        f"created = {_moment(each.created)}",
    ]
    if each.expires is not None:
        lines.append(f"expires = {_moment(each.expires)}")
    if each.hashed is not None:
        lines += [f'salt = "{each.hashed.salt.hex()}"', f'hash = "{each.hashed.digest.hex()}"']
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    """Write a string: JSON's form is TOML's too, but for one character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _moment(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
