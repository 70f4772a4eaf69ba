"""The connectors' configuration file: which accounts there are, whose they are, and how they sign."""

import difflib
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from gate.errors import SettingsError
from gate.wire.fields import ID_BYTES

Table = TypeVar("Table")


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioAccount:
    """A Twilio account and the location whose messages it carries."""

    location: str
    account_sid: str
    auth_token: str = field(repr=False)
    public_url: str
    """Scheme and host that Twilio is told, and so signs; a proxy's path prefix too. Never ends in a slash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailgunDomain:
    """A Mailgun sending domain and the location whose email it carries."""

    location: str
    domain: str
    signing_key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that the connectors take webhooks for."""

    twilio: tuple[TwilioAccount, ...] = ()
    mailgun: tuple[MailgunDomain, ...] = ()


def load(path: Path) -> Config:
    """Read the configuration file and the secrets that it names. Raises SettingsError."""
    try:
        text = path.read_bytes().decode()
        document = tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"{path}: not TOML in UTF-8: {error}") from None
    try:
        return _config(document, path.parent)
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from None


def _config(document: Mapping[str, Any], folder: Path) -> Config:
    _refuse_unknown(document, ("twilio", "mailgun"))
    config = Config(
        twilio=_tables(document, "twilio", lambda table: _twilio(table, folder)),
        mailgun=_tables(document, "mailgun", lambda table: _mailgun(table, folder)),
    )
    if not config.twilio and not config.mailgun:
        raise ValueError("no account; add a [[twilio]] or [[mailgun]] table")
    _one_location("twilio: account_sid", ((each.account_sid, each.location) for each in config.twilio))
    _one_location("mailgun: domain", ((each.domain, each.location) for each in config.mailgun))
    return config


def _tables(document: Mapping[str, Any], name: str, read: Callable[[Mapping[str, Any]], Table]) -> tuple[Table, ...]:
    tables = document.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ValueError(f"{name}: not a list of tables; write [[{name}]]")
    found = []
    for number, table in enumerate(tables, start=1):
        try:
            found.append(read(table))
        except ValueError as error:
            raise ValueError(f"{name} {number}: {error}") from None
    return tuple(found)


def _twilio(table: Mapping[str, Any], folder: Path) -> TwilioAccount:
    _refuse_unknown(table, ("location", "account_sid", "auth_token", "auth_token_file", "public_url"))
    return TwilioAccount(
        location=_location(table),
        account_sid=_text(table, "account_sid"),
        auth_token=_secret(table, "auth_token", folder),
        public_url=_public_url(_text(table, "public_url")),
    )


def _mailgun(table: Mapping[str, Any], folder: Path) -> MailgunDomain:
    _refuse_unknown(table, ("location", "domain", "signing_key", "signing_key_file"))
    return MailgunDomain(
        location=_location(table),
        domain=_text(table, "domain").lower(),
        signing_key=_secret(table, "signing_key", folder),
    )


def _text(table: Mapping[str, Any], name: str) -> str:
    text = table.get(name)
    if text is None:
        raise ValueError(f"{name}: required")
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{name}: not a text, or an empty one")
    return text.strip()


def _location(table: Mapping[str, Any]) -> str:
    location = _text(table, "location")
    if len(location.encode()) > ID_BYTES:
        raise ValueError(f"location: at most {ID_BYTES} bytes are allowed")
    return location


def _secret(table: Mapping[str, Any], name: str, folder: Path) -> str:
    """Read a secret from the table, or from a file beside the configuration. Errors never show it."""
    in_file = f"{name}_file"
    if (name in table) == (in_file in table):
        raise ValueError(f"{name}: give either {name} or {in_file}")
    if name in table:
        return _text(table, name)
    path = folder / _text(table, in_file)
    try:
        secret = path.read_bytes().decode().strip()
    except OSError as error:
        raise ValueError(f"{in_file}: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{in_file}: {path}: not UTF-8") from None
    if not secret:
        raise ValueError(f"{in_file}: {path}: empty")
    return secret


def _public_url(text: str) -> str:
    wanted = "not an http or https URL of a host without query and fragment, such as https://hooks.example.com"
    try:
        url = urlsplit(text)
        usable = url.scheme in {"http", "https"} and url.hostname and url.port != 0
    except ValueError:
        usable = False
    if not usable or "?" in text or "#" in text:
        raise ValueError(f"public_url: {wanted}")
    return text.rstrip("/")


def _refuse_unknown(table: Mapping[str, Any], known: Iterable[str]) -> None:
    for name in table:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
            raise ValueError(f"{name}: unknown key; {hint}")


def _one_location(name: str, owners: Iterable[tuple[str, str]]) -> None:
    """Let an account stand twice, for a secret that is being replaced, but not for two locations."""
    locations: dict[str, str] = {}
    for owner, location in owners:
        if locations.setdefault(owner, location) != location:
            raise ValueError(f"{name}: {owner!r} is given to two locations; webhooks name the account alone")
