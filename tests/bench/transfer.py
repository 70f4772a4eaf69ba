"""Imports and exports by the command line, beside plain `sqlite3` with the same rows in the same groups."""

import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

from gate.rules.acts import ImportContact
from store import event_log
from tests.bench import database, raw, servers
from tests.bench.bench import Bench
from tests.bench.results import Part

IMPORTED: Final = "import, contacts/s"
RAW: Final = "plain sqlite3 with the same rows, contacts/s"
RATIO: Final = "import beside plain sqlite3"
MEMORY: Final = "server's peak memory above idle, MiB"
EXPORTED: Final = "export, rows/s"

_HEADER: Final = "contact_id,dnd,dnd_time,addresses\n"
_RECORD_TIME: Final = 7
_CONTACT: Final = 4
_IMPORTED_CONTACT: Final = event_log.KINDS[ImportContact]
_OF_CONTACT: Final = (
    "SELECT * FROM suppression WHERE location_id = ? AND subject_kind = 'contact' AND subject_id = ?",
    "SELECT * FROM link WHERE location_id = ? AND contact_id = ?",
)
_STATE: Final = ("suppression", "link")


class _Run(NamedTuple):
    import_s: float
    export_s: float
    idle_mib: float
    peak_mib: float


def measure(bench: Bench) -> Part:
    """Import contacts into an empty gate, export them, and write the rows that came of it without a gate."""
    contacts = bench.campaign
    part = Part(
        "transfer",
        f"{contacts:,} contacts in and out",
        "`sendgate import` of a CSV file, two contacts in three with DND on and each with a number, into an empty "
        "gate; then `sendgate export`. Both with their own start; the command on one core, the gate on the other. "
        "Plain `sqlite3` then runs the gate's statements on the gate's core, row by row, with the rows that are in the "
        "file, in the groups in which the gate committed them, on the same disk, with WAL, synchronous=FULL and the "
        "gate's cache; reading the rows is not counted. Both begin with a file that is not there. Measured once: it "
        "takes minutes.",
    )
    bench.say(f"transfer: {contacts:,} contacts")
    path, beside = bench.build / "transfer.db", bench.build / "transfer-raw.db"
    with tempfile.TemporaryDirectory(dir=bench.build) as directory:
        file = Path(directory, "contacts.csv")
        _write_contacts(file, contacts)
        for each in (path, beside):
            database.discard(each)
        try:
            run = _through_the_gate(bench, path, file)
            with servers.pinned(set(bench.server_core)):
                raw_s = _raw_seconds(path, beside, contacts)
            with closing(sqlite3.connect(path)) as connection:
                rows = sum(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in _STATE)  # noqa: S608
        finally:
            for each in (path, beside):
                database.discard(each)
    part.figures = {
        IMPORTED: [contacts / run.import_s],
        RAW: [contacts / raw_s],
        RATIO: [raw_s / run.import_s],
        MEMORY: [run.peak_mib - run.idle_mib],
        EXPORTED: [rows / run.export_s],
    }
    return part


def _write_contacts(file: Path, contacts: int) -> None:
    with file.open("w", encoding="ascii") as lines:
        lines.write(_HEADER)
        for number in range(contacts):
            _, contact_id, phone, _ = database.person(number)
            lines.write(f"{contact_id},{'on' if number % 3 else 'off'},2022-11-01T09:30:{number % 60:02d}Z,{phone}\n")


def _through_the_gate(bench: Bench, path: Path, file: Path) -> _Run:
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        control = f"unix:{directory}/control"
        with (
            servers.gate(path, set(bench.server_core), settings={"CONTROL_LISTEN": control}) as gate,
            servers.pinned(set(bench.load_core)),
        ):
            idle = _peak_mib(gate.process)
            import_s = _seconds("import", str(file), "--target", control)
            export_s = _seconds("export", "--file", f"{directory}/state.jsonl", "--target", control)
            return _Run(import_s, export_s, idle, _peak_mib(gate.process))


def _seconds(*arguments: str) -> float:
    own = {name: text for name, text in os.environ.items() if not name.startswith("SENDGATE_")}
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "gate", *arguments], env=own, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _peak_mib(process: int) -> float:
    """Read the most memory that a process ever held."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text("ascii"), re.MULTILINE)
    if found is None:
        raise RuntimeError("the kernel does not tell a process's peak memory")
    return int(found[1]) / 1024


def _raw_seconds(source: Path, target: Path, contacts: int) -> float:
    """Write what is in one file to another, and return what the writing took."""
    with closing(sqlite3.connect(source)) as reader:
        schema = [statement for (statement,) in reader.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")]
        spent = raw.seconds(target, schema, _groups(reader))
        (written,) = reader.execute("SELECT count(*) FROM event WHERE kind = ?", (_IMPORTED_CONTACT,)).fetchone()
    if written != contacts:
        raise RuntimeError(f"{written:,} contacts are in the log; {contacts:,} were imported")
    return spent


def _groups(reader: sqlite3.Connection) -> Iterator[raw.Group]:
    """Read the rows of each commit: those of one share the time at which they were recorded."""
    log = reader.execute("SELECT * FROM event ORDER BY seq")
    for _, each in groupby(log, key=itemgetter(_RECORD_TIME)):
        events = list(each)
        yield (
            events,
            *(
                [row for event in events for row in reader.execute(sql, (event[1], event[_CONTACT]))]
                for sql in _OF_CONTACT
            ),
        )
