"""The rule tables of one gate, as values, and how they are read from parsed TOML documents."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gate.rules.keywords import ReplyTable
from gate.rules.model import Cause
from gate.rules.rows import Row, rows, text


@dataclass(frozen=True, slots=True)
class Rulebook:
    """Everything that tells an event's effect, beside the event itself."""

    sms_codes: Mapping[str, Cause]
    """Twilio error codes that suppress SMS; every other code has no effect."""
    sms_progress: frozenset[str]
    """Twilio message statuses that say "on its way" or "arrived", in lower case."""
    email_reasons: Mapping[str, Cause | None]
    """Mailgun reasons of permanent failures, in lower case; None has no effect, unknown ones are generic."""
    replies: ReplyTable
    """What replies mean, in the chosen profile."""
    enforce_possible: bool = False
    """Whether a possible opt-out counts as one."""


def sms_codes(document: Row) -> dict[str, Cause]:
    """Read the error codes. Raises ValueError that names the row."""
    return {code: _cause(row) for code, row in _keyed(document, "code")}


def sms_progress(document: Row) -> frozenset[str]:
    """Read the message statuses that are no failures. Raises ValueError that names the row."""
    return frozenset(status for status, _ in _keyed(document, "status"))


def email_reasons(document: Row) -> dict[str, Cause | None]:
    """Read the failure reasons. Raises ValueError that names the row."""
    return {reason: None if text(row, "cause") == "none" else _cause(row) for reason, row in _keyed(document, "reason")}


def _cause(row: Row) -> Cause:
    name = text(row, "cause")
    if name not in Cause.__members__:
        raise ValueError(f"row {row!r}: {name!r} is no cause")
    return Cause(name)


def _keyed(document: Row, table: str) -> Iterator[tuple[str, Row]]:
    """Yield the rows of a table, each under a key that is written as it is looked up: trimmed, in lower case."""
    seen: set[str] = set()
    for row in rows(document, table):
        key = text(row, table)
        if key != key.strip().lower():
            raise ValueError(f"{table}: {key!r} is not trimmed and in lower case")
        if key in seen:
            raise ValueError(f"{table}: {key!r} stands twice")
        seen.add(key)
        yield key, row
