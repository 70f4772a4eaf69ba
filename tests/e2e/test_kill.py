"""What was acknowledged survives `kill -9`."""

import os
import sqlite3
from typing import Final

import pytest
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.conftest import StartServer
from tests.e2e.server import DEADLINE_S
from tests.e2e.stream import ACKNOWLEDGED, Stream

pytestmark = pytest.mark.executed

ROUNDS: Final = int(os.environ.get("KILL_ROUNDS", "3"))


@pytest.mark.parametrize("cache_size", ["1000"])
def test_every_acknowledged_event_survives_a_kill(serve: StartServer, cache_size: str) -> None:
    """Killed in full flow, again and again: all that was acknowledged is in effect, and the file is whole."""
    gate = serve(cache_size=cache_size)
    acknowledged: list[str] = []
    for number in range(ROUNDS):
        stream = Stream(gate, f"round{number}")
        stream.start()
        assert stream.enough.wait(DEADLINE_S), gate.log
        assert gate.process is not None
        gate.process.kill()
        assert stream.over.wait(DEADLINE_S)
        acknowledged += stream.acknowledged
        assert gate.wait() == -9
        connection = sqlite3.connect(gate.database)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()

        gate.start().wait_until_serving()

        request = pb.ScreenContactsRequest(contact_ids=acknowledged, channel=pb.CHANNEL_SMS)
        still_allowed = [
            contact
            for contact, allowed in zip(acknowledged, gate.stub().ScreenContacts(request).allowed, strict=True)
            if allowed
        ]
        assert still_allowed == []
    assert len(acknowledged) >= ROUNDS * ACKNOWLEDGED
