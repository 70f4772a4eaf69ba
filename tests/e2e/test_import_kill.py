"""An import that `kill -9` broke off is simply repeated: everything is there once, and answers as it should."""

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

import pytest
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.conftest import StartServer
from tests.e2e.server import DEADLINE_S, Server, command, environment, eventually

pytestmark = pytest.mark.any_transport

CONTACTS: Final = 20_000
SEEN: Final = 5_000
"""The place of the contact that is seen imported before the server is killed."""

MOVED: Final = 4_000
"""Contacts that are exported: several parts of rows."""

SCREENED: Final = 10_000


def contact_id(number: int) -> str:
    """Name a contact."""
    return f"contact-{number:05d}"


def on(number: int) -> bool:
    """Two in three had DND on."""
    return number % 3 > 0


def number_of(number: int) -> str:
    """Give every fourth contact a number."""
    return f"+1202{5_550_000 + number}" if number % 4 == 0 else ""


LINES: Final = [
    "contact_id,dnd,dnd_time,addresses",
    *(
        f"{contact_id(number)},{'on' if on(number) else 'off'},2022-11-01T09:30:00Z,{number_of(number)}"
        for number in range(CONTACTS)
    ),
]


def allowed(gate: Server, contacts: int) -> list[bool]:
    """Screen the first contacts."""
    names = list(map(contact_id, range(contacts)))
    requests = [
        pb.ScreenContactsRequest(contact_ids=names[start : start + SCREENED], channel=pb.CHANNEL_SMS)
        for start in range(0, contacts, SCREENED)
    ]
    return [each for request in requests for each in gate.stub().ScreenContacts(request, timeout=DEADLINE_S).allowed]


def checked(gate: Server) -> list[pb.BatchCheckSendResult]:
    """Ask about all contacts that have a number, on another channel than was screened."""
    requests = [
        pb.CheckSendRequest(contact_id=contact_id(number), address=number_of(number), channel=pb.CHANNEL_CALL)
        for number in range(0, MOVED, 4)
    ]
    return list(gate.stub().BatchCheckSend(pb.BatchCheckSendRequest(checks=requests), timeout=DEADLINE_S).results)


def take(gate: Server, file: Path) -> dict[str, Any]:
    """Import a file, all of which must be taken, and return the counts."""
    ended = command("import", str(file), "--json", "--target", gate.control)
    assert (ended.returncode, ended.stderr) == (0, "")
    counts: dict[str, Any] = json.loads(ended.stdout)
    return counts


def logged(database: Path) -> list[str]:
    """List whose imports stand in the log of a sound file, in its order."""
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = connection.execute("SELECT contact_id FROM event WHERE kind = 'import_contact' ORDER BY seq")
        return [name for (name,) in rows]


@contextmanager
def importing(gate: Server, lines: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Import lines from a pipe that stays open after the last one, so that the import cannot come to its end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "gate", "import", "-", "--target", gate.control],
        env=environment({}),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdin
    writing = threading.Thread(target=_write, args=(process.stdin, lines))
    writing.start()
    try:
        yield process
    finally:
        process.kill()
        process.wait(DEADLINE_S)
        writing.join(DEADLINE_S)
        assert process.stderr
        process.stderr.close()
        with suppress(BrokenPipeError):  # what was never read is still in the buffer
            process.stdin.close()


def _write(pipe: IO[str], lines: Sequence[str]) -> None:
    with suppress(BrokenPipeError):
        for line in lines:
            pipe.write(f"{line}\n")
        pipe.flush()


def test_an_import_that_was_killed_is_repeated(serve: StartServer, tmp_path: Path) -> None:
    """After kill -9 in full flow the same file makes it whole: each contact once, in DND exactly if it was before."""
    gate = serve()
    file = tmp_path / "contacts.csv"
    file.write_text("\n".join(LINES), "utf-8")
    seen = pb.CheckSendRequest(contact_id=contact_id(SEEN), channel=pb.CHANNEL_SMS)
    assert on(SEEN)

    with importing(gate, LINES[:-1]) as process:
        eventually(lambda: not gate.stub().CheckSend(seen, timeout=DEADLINE_S).allowed, "the contact is imported")
        gate.kill()
        assert process.stderr
        told = process.stderr.read()
        assert process.wait(DEADLINE_S) == 1
    assert "import it again" in told
    half = logged(gate.database)
    assert SEEN < len(half) < CONTACTS
    assert half == list(map(contact_id, range(len(half))))

    gate.start().wait_until_serving()
    counts = {"received": CONTACTS, "imported": CONTACTS - len(half), "refused": 0, "bad_lines": 0}
    assert take(gate, file) == counts
    assert allowed(gate, CONTACTS) == [not on(number) for number in range(CONTACTS)]
    assert logged(gate.database) == list(map(contact_id, range(CONTACTS)))


def test_a_location_moves_as_it_is(gate: Server, tmp_path: Path) -> None:
    """An export taken into an empty gate answers every question alike; taken again it changes nothing."""
    file, state = tmp_path / "contacts.csv", tmp_path / "state.jsonl"
    file.write_text("\n".join(LINES[: MOVED + 1]), "utf-8")
    assert take(gate, file)["imported"] == MOVED
    ended = command("export", "--file", str(state), "--target", gate.control)
    assert (ended.returncode, ended.stderr) == (0, "")
    entries = len(state.read_text("utf-8").splitlines())
    (tmp_path / "other").mkdir()

    with Server(tmp_path / "other") as other:
        assert take(other, state) == {"received": entries, "imported": entries, "refused": 0, "bad_lines": 0}
        assert take(other, state)["imported"] == 0
        assert allowed(other, MOVED) == allowed(gate, MOVED) == [not on(number) for number in range(MOVED)]
        assert checked(other) == checked(gate)
