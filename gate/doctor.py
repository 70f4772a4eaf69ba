"""Examine a gate's database, beside the gate or without one, and say what to do. Nothing is changed.

Each check yields what it found; one that cannot be made for what an earlier one found says so.
"""

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from gate import filter as suspects
from store import examine, replay
from store.copy import Tell
from store.damage import damaged
from store.store import Store

_LEAST_FREE: Final = 256 * 1024 * 1024
_LONGEST_WAL: Final = 256 * 1024 * 1024
"""A gate copies its WAL into the file every 16 MiB; Litestream lets it grow to more."""

_OTHERS: Final = 0o007
_BATCH: Final = 10_000
_RESTORE: Final = "restore the latest backup with `sendgate restore`, and record again what happened since"

_OF_SUPPRESSIONS: Final = "SELECT DISTINCT location_id, subject_kind, subject_id FROM suppression"
_OF_LINKS: Final = """
    SELECT location_id, 'contact', contact_id FROM link WHERE EXISTS (
        SELECT 1 FROM suppression AS s
        WHERE s.location_id = link.location_id AND s.subject_kind = 'address' AND s.subject_id = link.address
    )
"""
_STILL: Final = """
    SELECT EXISTS (SELECT 1 FROM suppression WHERE location_id = ?1 AND subject_kind = ?2 AND subject_id = ?3)
        OR (?2 = 'contact' AND EXISTS (SELECT 1 FROM link WHERE location_id = ?1 AND contact_id = ?3))
"""


class Finding(NamedTuple):
    """Something that is wrong, and what to do about it."""

    problem: str
    remedy: str


class Check(NamedTuple):
    """What one check came to; `skipped` says why it was not made."""

    name: str
    findings: tuple[Finding, ...] = ()
    skipped: str = ""


Findings = Iterator[Finding]


def examine_database(path: Path, tell: Tell) -> Iterator[Check]:
    """Make every check, in an order in which each relies on those before it."""
    files = Check("files", tuple(_files(path)))
    yield files
    names = [name for name, _ in _CHECKS]
    try:
        connection = examine.open_reader(path) if path.is_file() else None
    except sqlite3.Error as error:
        yield Check("schema", (_unreadable(error),))
        yield from (Check(name, skipped="the file cannot be opened") for name in names)
        return
    if connection is None:
        yield from (Check(name, skipped="there is no file") for name in ("schema", *names))
        return
    with closing(connection):
        schema = _made("schema", lambda: (Finding(*each) for each in examine.schema(connection)))
        yield schema
        for name, check in _CHECKS:
            if schema.findings:
                yield Check(name, skipped="the schema is not this program's")
            else:
                tell(name, 0, 0)
                yield _made(name, lambda check=check: check(path, connection, tell))  # type: ignore[misc]


def _made(name: str, check: Callable[[], Findings]) -> Check:
    try:
        return Check(name, tuple(check()))
    except sqlite3.Error as error:
        return Check(name, (_unreadable(error),))


def _unreadable(error: sqlite3.Error) -> Finding:
    if damaged(error):
        return Finding(f"the file is damaged: {error}", f"keep a copy of it, then {_RESTORE}")
    return Finding(f"the file cannot be read: {error}", "give the user of this command the file and its directory")


def _files(path: Path) -> Findings:
    if not path.is_file():
        yield Finding("there is no such file", "name the gate's file with --database, or SENDGATE_DATABASE")
        return
    for what, allowed in (
        ("the file cannot be read and written", os.access(path, os.R_OK | os.W_OK)),
        ("nothing can be written into its directory", os.access(path.resolve().parent, os.W_OK)),
    ):
        if not allowed:
            yield Finding(what, "give it to the gate's user, and mount the volume writable")
    if path.stat().st_mode & _OTHERS:
        yield Finding("every user of the machine can read the file", f"chmod 600 {path}")
    free = shutil.disk_usage(path.resolve().parent).free
    if free < max(_LEAST_FREE, path.stat().st_size // 10):
        yield Finding(
            f"only {free // 2**20:,} MiB of the disk are free", "make room: with a full disk every event is refused"
        )
    wal = Path(f"{path.resolve()}-wal")
    if wal.exists() and wal.stat().st_size > _LONGEST_WAL:
        yield Finding(
            f"the write-ahead log has {wal.stat().st_size // 2**20:,} MiB",
            "end what reads the database for long, such as a forgotten sqlite3 or a Litestream that is stuck; "
            "it then shrinks by itself",
        )
    for part in sorted(path.resolve().parent.glob(f".{path.resolve().name}.*.part")):
        yield Finding(f"{part.name} is left of a restore that was ended", f"rm {part}, unless one is running")


def _structure(path: Path, connection: sqlite3.Connection, tell: Tell) -> Findings:
    del path, tell
    problems = examine.structure(connection)
    if problems:
        more = "" if len(problems) == 1 else f", and {len(problems) - 1} more like it"
        yield Finding(f"the file is damaged: {problems[0]}{more}", f"keep a copy of it, then {_RESTORE}")


def _values(path: Path, connection: sqlite3.Connection, tell: Tell) -> Findings:
    del path, tell
    for problem in examine.values(connection):
        yield Finding(problem, f"the disk changed them, or another program: {_RESTORE}")


def _replay(path: Path, connection: sqlite3.Connection, tell: Tell) -> Findings:
    del path
    try:
        for difference in replay.compare(connection, tell):
            if difference.less:
                yield Finding(
                    f"{difference.table}: {difference.rows:,} rows have less than the log's events come to, so that "
                    "sends may be allowed that were to be denied",
                    f"stop the gate and {_RESTORE}",
                )
            else:
                yield Finding(
                    f"{difference.table}: {difference.rows:,} rows have more than the log's events come to",
                    f"another program wrote to the file, or the disk changed it: {_RESTORE}",
                )
    except ValueError as error:
        yield Finding(str(error), f"the disk changed it, or another program: {_RESTORE}")


def _filter(path: Path, connection: sqlite3.Connection, tell: Tell) -> Findings:
    """Build the filter as a gate does at its start and ask it for everyone whom it must know.

    Whom it must know is read from a state that is not newer than the filter. Who was erased in between is excused.
    """
    store = Store(path)
    connection.execute("BEGIN")
    missing: list[tuple[str, str, str]] = []
    try:
        store.salts = tuple(salt for (salt,) in connection.execute("SELECT salt FROM salt"))
        built = suspects.build(store, threading.Event())
        done = 0
        for query in (_OF_SUPPRESSIONS, _OF_LINKS):
            cursor = connection.execute(query)
            while batch := cursor.fetchmany(_BATCH):
                missing += [subject for subject in batch if not built.has(subject)]
                done += len(batch)
                tell("asking the filter", done, 0)
    finally:
        connection.execute("ROLLBACK")
    lost = sum(connection.execute(_STILL, subject).fetchone()[0] for subject in missing)
    if lost:
        yield Finding(
            f"the filter does not know {lost:,} subjects that may be suppressed, so that sends to them are allowed",
            "stop the gate, and report this as a defect of sendgate",
        )


_CHECKS: Final = (("structure", _structure), ("values", _values), ("filter", _filter), ("replay", _replay))
