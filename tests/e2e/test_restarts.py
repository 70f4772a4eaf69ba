"""One gate that is stopped and started on its database file, under load, again and again."""

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.clients.drain import free_port, retries
from tests.e2e.conftest import StartServer
from tests.e2e.server import DEADLINE_S, Server, eventually

pytestmark = pytest.mark.executed

TERMS: Final = int(os.environ.get("RESTART_TERMS", "2"))
KILLS: Final = int(os.environ.get("RESTART_KILLS", "1"))
CHECKS: Final = float(os.environ.get("RESTART_CHECKS", "200"))
EVENTS: Final = float(os.environ.get("RESTART_EVENTS", "20"))
"""Calls per second; a machine that runs all tests at once has no time for more. The whole is 50, 20, 2,000 and 100."""

PATIENCE_S: Final = float(os.environ.get("RESTART_DEADLINE", DEADLINE_S))
"""What a call may take; the whole has 3."""

SEED: Final = 20_221_101
SCREENED: Final = 10_000


class Load:
    """Callers in a process of their own, who say now and then how many of their calls are in flight."""

    def __init__(self, target: str, config: str) -> None:
        arguments = [target, config, str(PATIENCE_S), str(CHECKS), str(EVENTS), str(SEED)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.faults.callers", *arguments],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def wait_for_peace(self) -> None:
        """Wait until the calls of an outage are over, and no more are in flight than are made in half a second.

        What was said before the first line that is read from here on may be of before the outage.
        """
        assert self._process.stdout
        os.set_blocking(self._process.stdout.fileno(), False)
        self._process.stdout.read()
        os.set_blocking(self._process.stdout.fileno(), True)
        end = time.monotonic() + DEADLINE_S
        self._process.stdout.readline()
        while int(self._process.stdout.readline()) > (CHECKS + EVENTS) / 2:
            assert time.monotonic() < end, "the calls of an outage do not end"

    def end(self) -> dict[str, Any]:
        """Let the calls in flight end and return what the callers saw."""
        told, _ = self._process.communicate(timeout=4 * DEADLINE_S)
        seen: dict[str, Any] = json.loads(told.splitlines()[-1])
        return seen

    def put_down(self) -> None:
        """End the process in any case."""
        self._process.kill()
        self._process.communicate()


@contextmanager
def load(gate: Server, target: str, transport: str) -> Iterator[Load]:
    """Call a gate, and wait until it is called."""
    calling = Load(target, retries(transport))
    try:
        before = gate.database.with_name("gate.db-wal").stat().st_size
        eventually(lambda: gate.database.with_name("gate.db-wal").stat().st_size > before, "the callers call")
        yield calling
    finally:
        calling.put_down()


def outages(gate: Server, ends: list[str], calling: Load) -> dict[str, list[float]]:
    """Stop and start a gate in these ways, and measure from the last moment of SERVING to the next one."""
    lengths: dict[str, list[float]] = {"SIGTERM": [], "SIGKILL": []}
    for how in ends:
        calling.wait_for_peace()
        gate.hang_up()
        began = time.monotonic()
        if how == "SIGTERM":
            gate.terminate()
            assert gate.wait() == 0, gate.log
        else:
            gate.kill()
        gate.start().wait_until_serving()
        lengths[how].append(time.monotonic() - began)
    return lengths


def table(lengths: dict[str, list[float]], seen: dict[str, Any]) -> str:
    """Write the outages down."""
    lines = [f"{'':8} {'number':>6} {'least':>7} {'median':>7} {'most':>7}  outage in s"]
    for how, each in lengths.items():
        if each:
            lines.append(f"{how:8} {len(each):6} {min(each):7.2f} {statistics.median(each):7.2f} {max(each):7.2f}")
    acknowledged, refused = len(seen["acknowledged"]), sum(seen["events_failed"].values())
    lines.append(f"{seen['checks']:,} checks; {acknowledged:,} events acknowledged, {refused:,} not")
    return "\n".join(lines)


def test_restarts_under_load(
    serve: StartServer, transport: str, record_property: Callable[[str, object], None]
) -> None:
    """No check fails, no answer is ever wrong, no acknowledged event is lost, however often the gate is restarted."""
    target = f"127.0.0.1:{free_port()}"
    gate = serve(listen=f"unix:data.sock,{target}", drain_delay="0.2", drain_grace="10")
    ends = ["SIGTERM"] * TERMS + ["SIGKILL"] * KILLS
    random.Random(SEED).shuffle(ends)  # noqa: S311  no secret

    with load(gate, target, transport) as calling:
        lengths = outages(gate, ends, calling)
        seen = calling.end()

    written = table(lengths, seen)
    sys.stdout.write(f"\n{transport}\n{written}\n")
    record_property("outages", written)
    assert (seen["failed"], seen["wrong"], seen["endless"]) == ({}, [], 0), written
    # Whoever has the patience gets each event acknowledged too; with less, a slow disk may take longer than that.
    assert PATIENCE_S < DEADLINE_S or seen["events_failed"] == {}, written
    assert seen["checks"] > 0
    assert len(lengths["SIGTERM"]) == TERMS
    assert not any(screened(gate, seen["acknowledged"]))


def screened(gate: Server, contacts: list[str]) -> list[bool]:
    """Screen contacts, each of whom must be denied."""
    assert contacts
    answers: list[bool] = []
    for start in range(0, len(contacts), SCREENED):
        request = pb.ScreenContactsRequest(contact_ids=contacts[start : start + SCREENED], channel=pb.CHANNEL_SMS)
        answers += gate.stub().ScreenContacts(request, timeout=DEADLINE_S).allowed
    return answers
