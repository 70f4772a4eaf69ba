"""Every setting of the gate, each with its variable, default, unit and bounds."""

import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from gate.errors import SettingsError
from gate.rules.keywords import Profile

PREFIX: Final = "SENDGATE_"
UNIX: Final = "unix:"
TARGET: Final = f"{PREFIX}TARGET"
CONTROL_TARGET: Final = f"{PREFIX}CONTROL_TARGET"
LOCATION: Final = f"{PREFIX}LOCATION"

# Orchestrators set these for a service named `sendgate`; they are not ours.
_SERVICE_LINK: Final = re.compile(r"SENDGATE_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?)")


def _addresses(text: str) -> tuple[str, ...]:
    addresses = tuple(part.strip() for part in text.split(",") if part.strip())
    if not addresses:
        raise ValueError("name at least one host:port or unix:PATH")
    for address in addresses:
        if address.startswith(UNIX):
            if not address.removeprefix(UNIX):
                raise ValueError(f"{address!r} names no path; write unix:PATH")
        else:
            split_host_port(address)
    return addresses


def split_host_port(address: str) -> tuple[str, int]:
    """Split `host:port` or `[IPv6]:port`. Raises ValueError."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:  # noqa: PLR2004  ports are 16 bits
        raise ValueError(f"{address!r} is neither host:port nor unix:PATH")
    return host, int(port)


def _number(kind: Callable[[str], Any], low: float, high: float) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            number = kind(text)
        except ValueError:
            number = None
        if number is None or not low <= number <= high:
            raise ValueError(f"{text!r} is not a number from {low:,} to {high:,}")
        return number

    return parse


def _choice(*values: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in values:
            raise ValueError(f"{text!r} is none of {', '.join(values)}")
        return text

    return parse


def _region(text: str) -> str:
    if not re.fullmatch("[A-Z]{2}", text):
        raise ValueError(f"{text!r} is no country code of two capital letters, such as US")
    return text


def _yes(text: str) -> bool:
    return _choice("true", "false")(text) == "true"


def _setting(default: str, parse: Callable[[str], Any], about: str) -> Any:
    """Declare a setting; its default is written as an operator would write it."""
    return field(default=parse(default), metadata={"default": default, "parse": parse, "about": about})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the gate is told when it starts. Each has a variable SENDGATE_NAME and an option --name."""

    listen: tuple[str, ...] = _setting(
        "127.0.0.1:50051", _addresses, "Data plane: host:port or unix:PATH, comma-separated."
    )
    control_listen: tuple[str, ...] = _setting(
        "127.0.0.1:50052",
        _addresses,
        "Control plane, with reflection: host:port or unix:PATH, comma-separated.",
    )
    database: Path = _setting("sendgate.db", Path, "The database file. Its directory is created if missing.")
    keyword_profile: Profile = _setting(
        "article",
        lambda text: Profile(_choice(*Profile)(text)),
        "Meaning of UNSTOP and YES: 'article' (UNSTOP opts out) or 'twilio' (both opt in).",
    )
    possible_opt_outs: str = _setting(
        "review",
        _choice("review", "enforce"),
        "Phrases like 'please stop': 'review' leaves them to a person, 'enforce' makes them opt-outs.",
    )
    default_region: str = _setting(
        "US", _region, "Country of phone numbers without a country code: two capital letters."
    )
    cache_size: int = _setting(
        "200000", _number(int, 1, 10**8), "Contacts and addresses kept in memory, about 1 KB each."
    )
    drain_delay: float = _setting(
        "2", _number(float, 0, 3600), "Seconds to keep serving after SIGTERM, while probes see NOT_SERVING."
    )
    drain_grace: float = _setting(
        "10", _number(float, 0, 3600), "Seconds that calls in flight get to finish after that."
    )
    log_level: str = _setting(
        "info",
        _choice("debug", "info", "warning", "error"),
        "Least level that is logged to stderr: debug, info, warning, error.",
    )
    insecure: bool = _setting("false", _yes, "Listen beyond loopback without TLS and credentials: true or false.")


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def load(environment: Mapping[str, str], given: Mapping[str, str]) -> Settings:
    """Read the settings; `given` ones, by field name, beat the environment's. Raises SettingsError."""
    _refuse_unknown(environment)
    values = {}
    for each in fields(Settings):
        name = variable(each.name)
        text = given.get(each.name, environment.get(name, "")) or each.metadata["default"]
        try:
            values[each.name] = each.metadata["parse"](text)
        except ValueError as error:
            raise SettingsError(f"{name}: {error}") from None
    settings = Settings(**values)
    _refuse_exposure(settings)
    return settings


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = {variable(each.name) for each in fields(Settings)} | {TARGET, CONTROL_TARGET, LOCATION}
    for name in environment:
        if name.startswith(PREFIX) and name not in known and not _SERVICE_LINK.fullmatch(name):
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else "see sendgate serve --help"
            raise SettingsError(f"{name}: unknown setting; {hint}")


def _refuse_exposure(settings: Settings) -> None:
    if settings.insecure:
        return
    for address in (*settings.listen, *settings.control_listen):
        if not address.startswith(UNIX) and not _loopback(split_host_port(address)[0].strip("[]")):
            raise SettingsError(
                f"{address}: not a loopback address, and there is neither TLS nor a credential; "
                "listen on 127.0.0.1 or a Unix socket, or accept the risk with --insecure"
            )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
