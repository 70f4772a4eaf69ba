"""A disk that fails under a running gate: what still can be right is answered, and nothing acknowledged is lost."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest
from sendgate.v1 import contact_pb2
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.conftest import StartServer
from tests.e2e.control import contacts, refused
from tests.e2e.faults.calls import UNAVAILABLE, WRITES, allowed, health, record, record_in_vain, reply
from tests.e2e.faults.shim import Shim
from tests.e2e.server import DEADLINE_S, NOT_SERVING, SERVING, Server, environment, refusals

BEFORE: Final = [f"before-{number}" for number in range(20)]
ATTEMPTS: Final = 10
LEFT: Final = 8_192
FAULTS: Final[dict[str, dict[str, int]]] = {
    "no room": {"write_errno": errno.ENOSPC},
    "turned read-only": {"write_errno": errno.EROFS},
    "fsync fails": {"sync_errno": errno.EIO},
    "fsync fails and forgets": {"sync_errno": errno.EIO, "volatile": 1},
}
"""Levers by what they mean. A kernel whose fsync fails may forget what was written; so does the fourth."""


def refuses_writes_alone(gate: Server, broken: AbstractContextManager[None]) -> None:
    """See what a gate answers before, while and after its disk is broken."""
    for contact in BEFORE:
        assert record(gate, reply(contact)) == pb.OUTCOME_APPLIED
    asked = [*BEFORE, "during", "never"]
    right = [*(False for _ in BEFORE), True, True]
    act = contact_pb2.SetDndRequest(contact_id="never", all_channels=True, setting=contact_pb2.DND_SETTING_ON)
    with broken:
        failures = []
        for _ in range(ATTEMPTS):
            failures.append(record_in_vain(gate, reply("during")))
            assert (health(gate), health(gate, WRITES)) == (SERVING, NOT_SERVING)
            assert allowed(gate, asked) == right
        failures.append(refused(contacts(gate).SetDnd, act, timeout=DEADLINE_S))
        assert {(each.code, each.reason) for each in failures} == {UNAVAILABLE}
    gate.watch_until(SERVING, WRITES)
    assert record(gate, reply("during")) in {pb.OUTCOME_APPLIED, pb.OUTCOME_DUPLICATE}
    assert allowed(gate, asked) == [*(False for _ in BEFORE), False, True]


def survives_a_kill(gate: Server, database: Path) -> None:
    """End the gate without warning: all that was acknowledged is there afterwards, in a file that is whole."""
    gate.kill()
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    gate.start().wait_until_serving()
    assert not any(allowed(gate, [*BEFORE, "during"]))


@pytest.mark.parametrize(
    ("fault", "transport"),
    [
        ("no room", "grpcio"),
        ("turned read-only", "native"),
        ("fsync fails", "native"),
        ("fsync fails and forgets", "grpcio"),
    ],
)
def test_a_disk_that_fails(shim: Shim, serve: StartServer, fault: str) -> None:
    """Checks go on, writes are UNAVAILABLE and alone NOT_SERVING; it recovers, and nothing acknowledged is lost."""
    gate = serve(cache_size="1")

    refuses_writes_alone(gate, shim.pulled(**FAULTS[fault]))

    survives_a_kill(gate, gate.database)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 8 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    try:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], capture_output=True, timeout=10, check=False
        )
    except OSError as error:
        pytest.skip(f"nothing can be mounted here: {error}")
    if mounted.returncode:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.decode()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], timeout=10, check=True)


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Leave so little of a file system free, for a while, that there is room for the least commit, but for no event."""
    filling = disk / "filling"
    with filling.open("wb", buffering=0) as file:
        with suppress(OSError):
            while file.write(bytes(4096)):
                pass
        file.truncate(file.tell() - LEFT)
    stat = os.statvfs(disk)
    assert stat.f_bavail * stat.f_frsize == LEFT
    yield
    filling.unlink()


@pytest.mark.parametrize("transport", ["native"])
def test_a_disk_that_is_full(small_disk: Path, serve: StartServer) -> None:
    """On a file system without room the same holds, and it recovers as soon as there is room."""
    database = small_disk / "gate.db"
    gate = serve(cache_size="1", database=str(database))

    refuses_writes_alone(gate, filled(small_disk))

    survives_a_kill(gate, database)


@pytest.mark.parametrize("transport", ["native"])
def test_told_to_stop_while_fsync_fails(shim: Shim, serve: StartServer) -> None:
    """The gate exits in good order without settling its file by an fsync it cannot trust; nothing is lost."""
    gate = serve()
    for contact in BEFORE:
        record(gate, reply(contact))

    with shim.pulled(**FAULTS["fsync fails and forgets"]):
        record_in_vain(gate, reply("during"))
        gate.hang_up()
        gate.terminate()
        assert gate.wait() == 0, gate.log

    gate.start().wait_until_serving()
    assert not any(allowed(gate, BEFORE))
    assert record(gate, reply("during")) in {pb.OUTCOME_APPLIED, pb.OUTCOME_DUPLICATE}


@pytest.mark.parametrize("transport", ["native"])
def test_a_file_that_may_only_be_read(gate: Server) -> None:
    """A gate does not start on it, says why in a line, and leaves the file as it is."""
    record(gate, reply("before"))
    gate.hang_up()
    gate.terminate()
    assert gate.wait() == 0
    octets = gate.database.read_bytes()
    gate.database.chmod(0o444)
    # Root may write whatever the mode says; without this capability it may not.
    plain = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    if plain and shutil.which(plain[0]) is None:
        pytest.skip("started by root, and there is no setpriv to start a gate with less")

    done = subprocess.run(
        [*plain, sys.executable, "-m", "gate", "serve"],
        env=environment({"database": str(gate.database), "listen": gate.data, "control_listen": gate.control}),
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE_S,
        check=False,
    )

    (line,) = refusals(done.stderr)
    assert line.startswith(f"sendgate: database {gate.database}: ")
    assert "writable" in line
    assert done.returncode == 1
    assert gate.database.read_bytes() == octets
