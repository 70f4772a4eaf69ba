"""Servers in processes of their own, each on a Unix socket and pinned to a core."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import grpc
from sendgate.v1 import send_gate_pb2 as pb
from sendgate.v1 import send_gate_pb2_grpc as rpc

_START_S: Final = 120.0
_STOP_S: Final = 20.0
_PAUSE_S: Final = 0.05
_SCHEDULER_CLOCK: Final = 2
_PROBE: Final = pb.CheckSendRequest(contact_id="nobody", channel=pb.CHANNEL_SMS)


class Running(NamedTuple):
    """A server that answers checks."""

    process: int
    socket: Path

    @property
    def target(self) -> str:
        """Name the server as a gRPC client does."""
        return f"unix:{self.socket}"

    def cpu_seconds(self) -> float:
        """Read the processor time that all of the process's threads have used, to the nanosecond.

        The clock's number is what clock_getcpuclockid(3) makes of a process id on Linux.
        """
        return time.clock_gettime((~self.process << 3) | _SCHEDULER_CLOCK)


@contextmanager
def pinned(cores: set[int]) -> Iterator[None]:
    """Keep this thread, and what it starts meanwhile, to some cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def gate(database: Path, cores: set[int], cache_size: int) -> Iterator[Running]:
    """Run `sendgate serve` on a database."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        socket = Path(directory, "data")
        settings = {
            "DATABASE": str(database.resolve()),
            "LISTEN": f"unix:{socket}",
            "CONTROL_LISTEN": f"unix:{directory}/control",
            "CACHE_SIZE": str(cache_size),
            "DRAIN_DELAY": "0",
            "DRAIN_GRACE": "1",
            "LOG_LEVEL": "warning",
        }
        own = {name: text for name, text in os.environ.items() if not name.startswith("SENDGATE_")}
        environment = own | {f"SENDGATE_{name}": text for name, text in settings.items()}
        with _running(("gate", "serve"), socket, cores, environment) as running:
            yield running


@contextmanager
def noop(cores: set[int]) -> Iterator[Running]:
    """Run the no-op server."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        socket = Path(directory, "data")
        with _running(("tests.bench.noop", f"unix:{socket}"), socket, cores, dict(os.environ)) as running:
            yield running


@contextmanager
def _running(module: Sequence[str], socket: Path, cores: set[int], environment: dict[str, str]) -> Iterator[Running]:
    with pinned(cores):
        process = subprocess.Popen([sys.executable, "-m", *module], env=environment)
    try:
        running = Running(process.pid, socket)
        _wait_until_answering(running, process)
        yield running
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_answering(running: Running, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < end:
        with grpc.insecure_channel(running.target) as channel:
            try:
                rpc.SendGateServiceStub(channel).CheckSend(_PROBE, timeout=_PAUSE_S * 10)
            except grpc.RpcError:
                time.sleep(_PAUSE_S)
            else:
                return
    raise RuntimeError("the server does not answer; see what it wrote above")
