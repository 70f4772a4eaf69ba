"""Every setting of the gate, each with its variable, default, unit and bounds."""

import difflib
import ipaddress
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from gate.errors import SettingsError
from gate.rules.keywords import Profile

PREFIX: Final = "SENDGATE_"
UNIX: Final = "unix:"
NATIVE: Final = "native"
"""The data plane's transport of our own."""
TARGET: Final = f"{PREFIX}TARGET"
CONTROL_TARGET: Final = f"{PREFIX}CONTROL_TARGET"
LOCATION: Final = f"{PREFIX}LOCATION"
TOKEN: Final = f"{PREFIX}TOKEN"
TOKEN_FILE: Final = f"{PREFIX}TOKEN_FILE"
CA: Final = f"{PREFIX}CA"
CLIENT_CERT: Final = f"{PREFIX}CLIENT_CERT"
CLIENT_KEY: Final = f"{PREFIX}CLIENT_KEY"
CLIENTS: Final = frozenset({TARGET, CONTROL_TARGET, LOCATION, TOKEN, TOKEN_FILE, CA, CLIENT_CERT, CLIENT_KEY})
"""What the client commands read; the gate itself does not."""
NONE: Final = "none"

# Orchestrators set these for a service named `sendgate`; they are not ours.
_SERVICE_LINK: Final = re.compile(r"SENDGATE_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?)")

LOG_FORMATS: Final = ("console", "json")

_PERIODS: Final = {"h": 3_600 * 10**9, "d": 86_400 * 10**9}


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


def _period(text: str) -> int:
    """Read a number of days or hours into nanoseconds; 0 for none."""
    written = re.fullmatch("([0-9]{1,5})([dh])", text)
    period = int(written[1]) * _PERIODS[written[2]] if written else 0
    if text != "0" and period < _PERIODS["d"]:
        raise ValueError(f"{text!r} is neither 0 nor a period of 24 hours or more, such as 400d or 36h")
    return period


def _metrics_address(text: str) -> str | None:
    if text == NONE:
        return None
    try:
        split_host_port(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither host:port nor none") from None
    return text


def _file(text: str) -> Path | None:
    return None if text == NONE else Path(text)


def _mode(text: str) -> int:
    if not re.fullmatch("0?[0-7]{3}", text):
        raise ValueError(f"{text!r} is no mode such as 0600 or 0660")
    return int(text, 8)


def _users(text: str) -> frozenset[int] | None:
    """Read user ids; None means whoever the mode lets."""
    if text == "any":
        return None
    ids = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch("[0-9]{1,10}", each) for each in ids):
        raise ValueError(f"{text!r} is neither any nor user ids such as 0,1000")
    if not hasattr(socket, "SO_PEERCRED"):
        raise ValueError("this system does not tell who connects to a Unix socket; leave it at any")
    return frozenset(map(int, ids))


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
    data_transport: str = _setting(
        NATIVE,
        _choice(NATIVE, "grpcio"),
        "What serves the data plane: 'native', the gate's own transport, or 'grpcio', the library's.",
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
        "200000", _number(int, 1, 10**8), "Contacts and addresses kept in memory, about 1.5 KB each."
    )
    queue_events: int = _setting(
        "4000",
        _number(int, 1_000, 10**7),
        "Events and acts of people that may wait for the disk, in a quarter as many calls, about 5 KB each at most; "
        "further ones are refused with RESOURCE_EXHAUSTED. Imported entries count too: they wait for room, and beyond "
        "one request fill half at most.",
    )
    event_retention: int = _setting(
        "0",
        _period,
        "How long events stay in the log, such as 400d or 36h, at least 24h; 0: for ever. What they did to the state "
        "stays. Redelivered later than that, one is recorded anew.",
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
    log_format: str = _setting(
        "console", _choice(*LOG_FORMATS), "How the log looks: 'console', for people, or 'json', an object on each line."
    )
    metrics_listen: str | None = _setting(
        NONE,
        _metrics_address,
        "Prometheus metrics at /metrics: host:port, or none. Beyond loopback a scrape takes a credential for all "
        "locations, where there are any.",
    )
    tls_cert: Path | None = _setting(
        NONE,
        _file,
        "TLS on all TCP addresses, metrics too: the certificate with its chain, in PEM. Read anew when it changes.",
    )
    tls_key: Path | None = _setting(
        NONE, _file, "Its key, in PEM without a password, in a file that is not open to everybody."
    )
    tls_client_ca: Path | None = _setting(
        NONE, _file, "Mutual TLS: who must have signed the certificate that each client over TCP then has to show."
    )
    tokens: Path | None = _setting(
        NONE, _file, "Who may call: the file of credentials that 'sendgate token' writes. Read anew when it changes."
    )
    unix_mode: int = _setting("0600", _mode, "Mode of Unix sockets: who may connect, such as 0600 or 0660.")
    unix_peers: frozenset[int] | None = _setting(
        "any", _users, "Users who may connect to Unix sockets, as the kernel knows them: any, or user ids."
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
    _refuse_halves(settings)
    _refuse_exposure(settings)
    return settings


def _refuse_unknown(environment: Mapping[str, str]) -> None:
    known = {variable(each.name) for each in fields(Settings)} | CLIENTS
    for name in environment:
        if name.startswith(PREFIX) and name not in known and not _SERVICE_LINK.fullmatch(name):
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else "see sendgate serve --help"
            raise SettingsError(f"{name}: unknown setting; {hint}")


def _refuse_halves(settings: Settings) -> None:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise SettingsError("SENDGATE_TLS_CERT, SENDGATE_TLS_KEY: one without the other; name both or neither")
    if settings.tls_client_ca is not None and settings.tls_cert is None:
        raise SettingsError("SENDGATE_TLS_CLIENT_CA: needs SENDGATE_TLS_CERT and SENDGATE_TLS_KEY")
    if settings.tls_client_ca is not None and settings.tokens is None:
        raise SettingsError(
            "SENDGATE_TLS_CLIENT_CA: needs SENDGATE_TOKENS, the file that says which certificate may do what"
        )


def _refuse_exposure(settings: Settings) -> None:
    if settings.insecure or (settings.tls_cert is not None and settings.tokens is not None):
        return
    ways_out = dict.fromkeys((*settings.listen, *settings.control_listen), "127.0.0.1 or a Unix socket")
    if settings.metrics_listen is not None:
        ways_out.setdefault(settings.metrics_listen, "127.0.0.1")
    for address, instead in ways_out.items():
        if not address.startswith(UNIX) and not on_loopback(address):
            raise SettingsError(
                f"{address}: not a loopback address, which takes TLS and credentials: SENDGATE_TLS_CERT, "
                f"SENDGATE_TLS_KEY and SENDGATE_TOKENS; listen on {instead}, or accept the risk with --insecure"
            )


def on_loopback(address: str) -> bool:
    """Tell whether only this machine reaches a `host:port`."""
    return loopback(split_host_port(address)[0].strip("[]"))


def loopback(host: str) -> bool:
    """Tell whether a host is this machine and nothing else."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
