"""`kill -9`, or the power failing, at every step that a commit and a stop take on the disk."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from typing import Final

import grpc
import pytest
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.conftest import StartServer
from tests.e2e.faults.calls import allowed, record, record_each, reply
from tests.e2e.faults.shim import Shim
from tests.e2e.server import DEADLINE_S, Server

EVERY: Final = os.environ.get("KILL_STEPS") == "all"
BATCH: Final = 3
pytestmark = pytest.mark.parametrize("transport", ["native"])


class Rounds:
    """Events of ever new contacts: one that is acknowledged, then several in the commit that is broken off."""

    def __init__(self, gate: Server, shim: Shim) -> None:
        self._gate = gate
        self._shim = shim
        self._acknowledged: list[str] = []
        self._number = 0
        shim.set(volatile=1)

    def steps_of_a_commit(self) -> int:
        """Count the steps of a commit in the state that a gate is in after its start and one event."""
        self._shim.set(steps=0)
        assert self._commit() == [pb.OUTCOME_APPLIED] * BATCH
        return self._shim.get("steps")

    def steps_of_a_stop(self) -> int:
        """Count the steps of a stop in that state."""
        self._gate.restart()
        self._settle()
        self._shim.set(steps=0)
        self._gate.hang_up()
        self._gate.terminate()
        assert self._gate.wait() == 0
        steps = self._shim.get("steps")
        self._gate.start().wait_until_serving()
        self._settle()
        return steps

    def end_in_a_commit(self, step: int, *, power: bool) -> bool:
        """End the gate at a step of a commit, and see that it is there in whole or not at all.

        Return False if the commit had no such step.
        """
        with self._ending(step, power=power):
            if self._acknowledges_a_commit():
                return False
            self._ended()
        batch = self._batch()
        assert len(set(allowed(self._gate, batch))) == 1
        there = {pb.OUTCOME_DUPLICATE} if not allowed(self._gate, batch)[0] else {pb.OUTCOME_APPLIED}
        assert set(record_each(self._gate, map(reply, batch))) == there
        self._acknowledged += batch
        self._settle()
        return True

    def end_in_a_stop(self, step: int, *, power: bool) -> bool:
        """End the gate at a step of its stop. Return False if the stop had no such step."""
        with self._ending(step, power=power):
            self._gate.hang_up()
            self._gate.terminate()
            assert self._gate.process is not None
            ended = self._gate.process.wait(DEADLINE_S) != 0
            if ended:
                self._ended()
            else:
                self._gate.start().wait_until_serving()
        self._settle()
        return ended

    def _commit(self) -> list[int]:
        self._number += 1
        outcomes = record_each(self._gate, map(reply, self._batch()))
        self._acknowledged += self._batch()
        return outcomes

    @contextmanager
    def _ending(self, step: int, *, power: bool) -> Iterator[None]:
        """Let the gate end at a step. If the power fails, all goes that was never synchronised, however old it is."""
        self._shim.set(kill_at=step, steps=0, volatile=power)
        try:
            yield
        finally:
            self._shim.set(kill_at=0, volatile=1)

    def _acknowledges_a_commit(self) -> bool:
        try:
            self._commit()
        except grpc.RpcError as failure:
            if isinstance(failure, grpc.Call) and failure.code() is grpc.StatusCode.UNAVAILABLE:
                return False
            raise
        return True

    def _settle(self) -> None:
        contact = f"alone-{self._number}"
        self._number += 1
        assert record(self._gate, reply(contact)) == pb.OUTCOME_APPLIED
        self._acknowledged.append(contact)

    def _batch(self) -> list[str]:
        return [f"together-{self._number}-{each}" for each in range(BATCH)]

    def _ended(self) -> None:
        """Wait for the end, look at the file, start again, and ask for all that was acknowledged."""
        assert self._gate.process is not None
        assert self._gate.process.wait(DEADLINE_S) == -9
        self._gate.wait()
        with closing(sqlite3.connect(f"file:{self._gate.database}?mode=ro", uri=True)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        self._shim.set(kill_at=0, volatile=1)
        self._gate.start().wait_until_serving()
        assert not any(allowed(self._gate, self._acknowledged))


def at_each(end: Callable[..., bool], steps: int) -> None:
    """End a gate at all steps, killed and with the power failing; or at the first, the middle and the last one."""
    if EVERY:
        for power in (False, True):
            ended = next(step for step in count(1) if not end(step, power=power))
            assert ended > steps // 2
    else:
        for step, power in ((1, False), (steps // 2, True), (steps, True)):
            assert end(step, power=power)


def test_ended_at_a_step_of_a_commit(shim: Shim, serve: StartServer) -> None:
    """What was acknowledged is there, what was not is there in whole or not at all, and can be delivered again."""
    rounds = Rounds(serve(), shim)
    at_each(rounds.end_in_a_commit, rounds.steps_of_a_commit())


def test_ended_at_a_step_of_a_stop(shim: Shim, serve: StartServer) -> None:
    """What was acknowledged is there when the gate is ended while it puts its file in order."""
    rounds = Rounds(serve(), shim)
    at_each(rounds.end_in_a_stop, rounds.steps_of_a_stop())
