"""An fsync that fails while what is in the WAL is copied into the database, behind everybody's back."""

import errno
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import grpc
import pytest
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.conftest import StartServer
from tests.e2e.faults.calls import WRITES, allowed, health, record, record_each, record_in_vain, reply
from tests.e2e.faults.shim import Shim
from tests.e2e.server import NOT_SERVING, SERVING, Server, eventually

BATCH: Final = 400
"""Events of a commit; a few such commits are copied together."""


def record_batch(gate: Server, name: str) -> list[str]:
    """Record opt-outs in one commit and return who is opted out."""
    contacts = [f"{name}-{number:03}" for number in range(BATCH)]
    assert record_each(gate, map(reply, contacts)) == [pb.OUTCOME_APPLIED] * BATCH
    return contacts


def taken_after_copying(gate: Server) -> bool:
    """Tell whether writes are taken once what the last commit left to be copied was: the next event waits for that."""
    try:
        return bool(record(gate, reply("a-000")) == pb.OUTCOME_DUPLICATE)
    except grpc.RpcError:
        return False


@contextmanager
def reading(database: Path) -> Iterator[None]:
    """Look at the database as it is now, as Litestream and backups do: what is written later is not copied yet."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM event").fetchone()
        yield


@pytest.mark.parametrize("transport", ["native"])
def test_an_fsync_that_fails_after_half_a_checkpoint(shim: Shim, serve: StartServer, tmp_path: Path) -> None:
    """What was copied before and is now forgotten is copied again, before anything else is written; nothing is lost.

    The operating system tells of pages that it lost once. SQLite takes what it copied without a synchronisation, while
    somebody read, for copied; and its own checkpoints fail silently.
    """
    gate = serve(cache_size="1")
    contacts = record_batch(gate, "a")
    with reading(gate.database):
        shim.set(volatile=1)
        contacts += record_batch(gate, "b")
        assert taken_after_copying(gate)
    shim.set(main_errno=errno.EIO)
    for number in count():
        contacts += record_batch(gate, f"c{number}")
        if not taken_after_copying(gate):
            break
        assert number < 10, "nothing is copied"

    assert (health(gate), health(gate, WRITES)) == (SERVING, NOT_SERVING)
    assert record_in_vain(gate, reply("in vain")).reason == "STORE_UNAVAILABLE"
    shim.set(main_errno=0)
    gate.watch_until(SERVING, WRITES)
    assert not any(allowed(gate, contacts))

    gate.hang_up()
    gate.terminate()
    assert gate.wait() == 0
    shim.set(volatile=0)
    alone = shutil.copy(gate.database, tmp_path / "alone.db")
    assert not gate.database.with_name("gate.db-wal").exists()
    with closing(sqlite3.connect(alone)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT count(*) FROM suppression").fetchone() == (len(contacts),)
    gate.start().wait_until_serving()
    assert not any(allowed(gate, contacts))


@pytest.mark.parametrize("transport", ["native"])
def test_a_file_that_others_have_open_is_not_trusted(shim: Shim, serve: StartServer) -> None:
    """While another program has the database open it cannot be put in order: writes wait, checks do not."""
    gate = serve(cache_size="1")
    contacts = record_batch(gate, "a")
    with closing(sqlite3.connect(gate.database)) as other:
        other.execute("SELECT count(*) FROM event").fetchone()
        with shim.pulled(sync_errno=errno.EIO):
            record_in_vain(gate, reply("in vain"))
        eventually(lambda: "another program has it open" in record_in_vain(gate, reply("in vain")).message, "told so")
        assert (health(gate), health(gate, WRITES)) == (SERVING, NOT_SERVING)
        assert not any(allowed(gate, contacts))
    gate.watch_until(SERVING, WRITES)
    assert not any(allowed(gate, contacts))
