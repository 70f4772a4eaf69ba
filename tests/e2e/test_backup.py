"""Backup, restore and doctor as an operator uses them, beside real gates."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from sendgate.v1 import send_gate_pb2 as pb

from gate.cli import main
from tests.e2e.conftest import StartServer
from tests.e2e.server import DEADLINE_S, Server, command, environment, eventually
from tests.e2e.stream import Stream, stop

pytestmark = pytest.mark.any_transport


def allowed(gate: Server, contacts: list[str]) -> list[str]:
    """List who of the contacts may be written to."""
    request = pb.ScreenContactsRequest(contact_ids=contacts, channel=pb.CHANNEL_SMS)
    answers = gate.stub().ScreenContacts(request, timeout=DEADLINE_S).allowed
    return [contact for contact, allows in zip(contacts, answers, strict=True) if allows]


def run(gate: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a gate's database."""
    return command(*arguments, database=str(gate.database))


def test_a_backup_while_events_are_recorded(serve: StartServer, tmp_path: Path) -> None:
    """All that was acknowledged before it began is in it; it is restored under a gate that then has all of that."""
    gate = serve()
    stream = Stream(gate, "c")
    stream.start()
    assert stream.enough.wait(DEADLINE_S)
    acknowledged = list(stream.acknowledged)

    backed_up = run(gate, "backup", str(tmp_path / "backup.db"))
    examined = run(gate, "doctor", "--json")

    at_the_end = len(stream.acknowledged)
    stream.stop()
    assert stream.over.wait(DEADLINE_S)
    assert (backed_up.returncode, backed_up.stderr) == (0, "")
    assert at_the_end > len(acknowledged), "the gate stood still meanwhile"
    assert json.loads(examined.stdout)["well"], examined.stdout
    refused = run(gate, "restore", str(tmp_path / "backup.db"))
    assert refused.returncode == 1
    assert "another gate has it open" in refused.stderr
    gate.terminate()
    assert gate.wait() == 0

    restored = run(gate, "restore", str(tmp_path / "backup.db"))

    assert restored.returncode == 0
    assert "not in the backup: the " in restored.stderr
    assert run(gate, "doctor").returncode == 0
    gate.start().wait_until_serving()
    assert allowed(gate, acknowledged) == []
    assert gate.stub().CheckSend(pb.CheckSendRequest(contact_id="other", channel=pb.CHANNEL_SMS)).allowed


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (1, ["backup", "there.db"]),
        (0, ["backup", "--force", "there.db"]),
        (2, ["backup"]),
        (0, ["restore", "gate.db", "--database", "new.db"]),
        (1, ["restore", "missing.db"]),
        (2, ["restore", "--force", "there.db"]),
        (0, ["doctor"]),
        (0, ["doctor", "--json"]),
        (1, ["doctor", "--database", "missing.db"]),
        (2, ["doctor", "all"]),
    ],
)
def test_exit_codes(database: Path, monkeypatch: pytest.MonkeyPatch, code: int, arguments: list[str]) -> None:
    """1 where a command failed or found something, 2 for wrong usage."""
    monkeypatch.chdir(database.parent)
    ended = CliRunner().invoke(main, arguments, env={"SENDGATE_DATABASE": "gate.db", "COLUMNS": "200"})

    assert ended.exit_code == code, ended.output
    assert ended.exception is None or isinstance(ended.exception, SystemExit)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a database in which somebody said STOP, with a gate that has stopped."""
    with Server(tmp_path_factory.mktemp("made")) as gate:
        gate.stub().RecordEvent(stop("c1"))
    return gate.database


@pytest.fixture
def database(made: Path, tmp_path: Path) -> Path:
    """Copy it, beside a file that is there already."""
    (tmp_path / "there.db").touch()
    return Path(shutil.copy2(made, tmp_path / "gate.db"))


def test_a_damaged_database_is_refused(database: Path, tmp_path: Path) -> None:
    """The start fails with the way out, in one line, and the doctor says how far it goes."""
    gate = Server(tmp_path)
    content = database.read_bytes()
    at = content.rindex(b"contactc1")
    page = at - at % 4096
    database.write_bytes(content[:page] + bytes(4096) + content[page + 4096 :])

    gate.start()
    assert gate.process is not None
    assert gate.process.wait(DEADLINE_S) == 1

    (told,) = [line for line in gate.log.splitlines() if line.startswith("sendgate: ")]
    assert f"sendgate doctor --database {gate.database}" in told
    assert "sendgate restore" in told
    assert "Traceback" not in gate.log
    examined = run(gate, "doctor")
    assert examined.returncode == 1
    assert "damaged" in examined.stdout


@pytest.mark.skipif(os.getuid() == 0 and not shutil.which("setpriv"), reason="root may write to any file")
@pytest.mark.parametrize("which", ["gate.db", "."])
def test_a_database_that_cannot_be_written_is_refused(database: Path, which: str) -> None:
    """A file or directory that the gate's user may only read: one line that says so."""
    (database.parent / which).chmod(0o500 if which == "." else 0o400)
    as_others = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.getuid() == 0 else []

    refused = subprocess.run(
        [*as_others, sys.executable, "-m", "gate", "serve"],
        env=environment({"database": str(database), "listen": "127.0.0.1:0", "control_listen": "127.0.0.1:0"}),
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_S,
        check=False,
    )

    database.parent.chmod(0o700)
    (told,) = [line for line in refused.stderr.splitlines() if line.startswith("sendgate: ")]
    assert refused.returncode == 1
    assert "mount the volume writable, and give the gate's user the file and its directory" in told


def test_old_events_are_deleted_beside_the_gate_s_work(serve: StartServer) -> None:
    """A gate that is told a period deletes what is older than that, and what it did is in force."""
    gate = aged(serve, "contact_id <> 'c3'")

    gate.start().wait_until_serving()
    eventually(lambda: entries(gate) == ["c3"], "the old events are gone")

    assert allowed(gate, ["c1", "c2", "c3"]) == []
    assert json.loads(run(gate, "doctor", "--json").stdout)["well"]


def test_a_clock_that_may_be_far_ahead_deletes_nothing(serve: StartServer) -> None:
    """A gate whose newest event is more than a day old by its clock says so, and keeps all events."""
    gate = aged(serve, "TRUE")

    gate.start().wait_until_serving()
    eventually(lambda: "nothing is deleted for a day" in gate.log, "a warning")

    assert entries(gate) == ["c1", "c2", "c3"]


def aged(serve: StartServer, which: str) -> Server:
    """Record three events under a period of a day, and stop; those that fulfil a condition are 25 hours old then."""
    gate = serve(event_retention="24h")
    for contact in ("c1", "c2", "c3"):
        gate.stub().RecordEvent(stop(contact))
    gate.hang_up()
    gate.terminate()
    assert gate.wait() == 0
    with closing(sqlite3.connect(gate.database)) as connection:
        connection.execute(f"UPDATE event SET record_time = record_time - 90000000000000 WHERE {which}")  # noqa: S608
        connection.commit()
    return gate


def entries(gate: Server) -> list[str]:
    """Read whom the log's entries are about."""
    with closing(sqlite3.connect(f"file:{gate.database}?mode=ro", uri=True)) as connection:
        return [contact for (contact,) in connection.execute("SELECT contact_id FROM event ORDER BY seq")]
