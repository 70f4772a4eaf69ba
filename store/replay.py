"""Replay the log beside the state and compare the two, in SQL: nothing is held in memory."""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from gate.rules.interpret import Effects
from store import addresses, connections, suppressions
from store.copy import Tell
from store.event_log import effects_of
from store.retention import EXPIRED

_BATCH: Final = 2_000


class _Table(NamedTuple):
    name: str
    key: tuple[str, ...]
    times: tuple[str, str]
    details: tuple[str, ...] = ()
    """What belongs to the first of the times."""


_TABLES: Final = (
    _Table(
        "suppression",
        ("location_id", "subject_kind", "subject_id", "channel", "cause"),
        ("set_time", "lift_time"),
        ("event_id", "provider_code"),
    ),
    _Table("link", ("location_id", "contact_id", "address"), ("linked_time", "unlinked_time")),
    _Table("connection", ("location_id", "channel"), ("connected_time", "disconnected_time")),
)


class Difference(NamedTuple):
    """Rows of one table in which state and log differ; `less` where the state has less than the log says."""

    table: str
    rows: int
    less: bool


def compare(connection: sqlite3.Connection, tell: Tell) -> Iterator[Difference]:
    """Compare state and log in one transaction of a connection that can only read. Raises sqlite3.Error, ValueError.

    Each row of the state must be at least what the log's effects come to, for merging takes maxima. Where the log
    is whole, the two must be equal; once retention has deleted events, the state may know more than the log.

    The replay goes to temporary tables, which SQLite keeps in a file of its own, as large as the state.
    """
    connection.execute("BEGIN")
    try:
        total, whole = _log(connection)
        for table in _TABLES:
            _shadow(connection, table)
        effects = effects_of(connection)
        done = 0
        while batch := list(islice(effects, _BATCH)):
            _merge(connection, batch)
            done += len(batch)
            tell("replaying the log", done, total)
        tell("comparing", 0, 0)
        for table in _TABLES:
            if rows := _count(connection, table, of="temp", against="main"):
                yield Difference(table.name, rows, less=True)
            elif whole and (rows := _count(connection, table, of="main", against="temp")):
                yield Difference(table.name, rows, less=False)
    except msgspec.MsgspecError as error:
        raise ValueError(f"the effects of an event cannot be read: {error}") from error
    finally:
        connection.execute("ROLLBACK")


def _log(connection: sqlite3.Connection) -> tuple[int, bool]:
    """Count the log's entries, and tell whether none was ever deleted from it."""
    total, last, expired = connection.execute(
        "SELECT count(*), coalesce(max(seq), 0), coalesce(sum(kind = ?), 0) FROM event", (EXPIRED,)
    ).fetchone()
    return total, total == last and not expired


def _shadow(connection: sqlite3.Connection, table: _Table) -> None:
    """Make a temporary table of the same name: where no schema is named, it is the one that is meant."""
    (sql,) = connection.execute("SELECT sql FROM main.sqlite_schema WHERE name = ?", (table.name,)).fetchone()
    connection.execute(sql.replace("CREATE TABLE", "CREATE TEMP TABLE", 1))


def _merge(connection: sqlite3.Connection, batch: Sequence[Effects]) -> None:
    for sql, rows in (
        suppressions.merge(row for effects in batch for row in effects.suppressions),
        addresses.merge(row for effects in batch for row in effects.links),
        connections.merge(row for effects in batch for row in effects.connections),
    ):
        connection.executemany(sql, rows)


def _count(connection: sqlite3.Connection, table: _Table, of: str, against: str) -> int:
    """Count the rows of one side of which the other has less, or nothing."""
    first, second = table.times
    less = [f"b.{first} IS NULL", f"b.{first} < a.{first}", f"b.{second} < a.{second}"]
    if table.details:
        details = [", ".join(f"{side}.{name}" for name in table.details) for side in "ab"]
        less.append(f"b.{first} = a.{first} AND ({details[1]}) < ({details[0]})")
    sql = f"""
        SELECT count(*) FROM {of}.{table.name} AS a LEFT JOIN {against}.{table.name} AS b USING ({", ".join(table.key)})
        WHERE {" OR ".join(f"({each})" for each in less)}
    """  # noqa: S608  names of this module
    return int(connection.execute(sql).fetchone()[0])
