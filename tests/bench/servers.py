"""Servers in processes of their own, each on a loopback port and pinned to a core."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.bench.results import GATE

GRPC_AIO: Final = "grpc.aio no-op"
GRPC_THREADS: Final = "grpc.server no-op"
GRPC_GO: Final = "grpc-go no-op"
REDIS: Final = "Redis GET"

TRANSPORT: Final = "SENDGATE_DATA_TRANSPORT"
"""The one setting that is taken over from the environment, to measure one transport beside the other."""

_START_S: Final = 600.0
_STOP_S: Final = 20.0
_PAUSE_S: Final = 0.05
_SCHEDULER_CLOCK: Final = 2
_GO: Final = Path(__file__).parent / "go"
_GO_PROGRAM: Final = "grpc-go-noop"


class Running(NamedTuple):
    """A server that answers."""

    name: str
    process: int
    port: int
    start_s: float

    def cpu_seconds(self) -> float:
        """Read the processor time that all of the process's threads have used, to the nanosecond.

        The clock's number is what clock_getcpuclockid(3) makes of a process id on Linux.
        """
        return time.clock_gettime((~self.process << 3) | _SCHEDULER_CLOCK)

    def resident_mib(self) -> float:
        """Read how much memory the process holds now."""
        pages = int(Path(f"/proc/{self.process}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


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
def gate(
    database: Path, cores: set[int], cache_size: int | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Run `sendgate serve` on a database, with the default cache where no size is given."""
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        own = {
            "DATABASE": str(database.resolve()),
            "LISTEN": f"127.0.0.1:{port}",
            "CONTROL_LISTEN": f"unix:{directory}/control",
            "DRAIN_DELAY": "0",
            "DRAIN_GRACE": "1",
            "LOG_LEVEL": "warning",
            **(settings or {}),
        }
        if cache_size:
            own["CACHE_SIZE"] = str(cache_size)
        environment = {
            name: text for name, text in os.environ.items() if not name.startswith("SENDGATE_") or name == TRANSPORT
        }
        environment |= {f"SENDGATE_{name}": text for name, text in own.items()}
        command = [sys.executable, "-m", "gate", "serve"]
        with _running(GATE, command, port, cores, environment, _serving) as running:
            yield running


@contextmanager
def noop(kind: str, cores: set[int]) -> Iterator[Running]:
    """Run a server of a Python library: `GRPC_AIO` or `GRPC_THREADS`."""
    port = _free_port()
    command = [sys.executable, "-m", "tests.bench.noop", "aio" if kind == GRPC_AIO else "threads", str(port)]
    with _running(kind, command, port, cores, dict(os.environ), _accepting) as running:
        yield running


@contextmanager
def grpc_go(build: Path, cores: set[int]) -> Iterator[Running]:
    """Run the server of the Go library, which `missing` built."""
    port, program = _free_port(), build / _GO_PROGRAM
    environment = dict(os.environ) | {"GOMAXPROCS": str(len(cores))}
    with _running(GRPC_GO, [str(program), f"127.0.0.1:{port}"], port, cores, environment, _accepting) as running:
        yield running


@contextmanager
def redis(cores: set[int]) -> Iterator[Running]:
    """Run Redis without persistence."""
    port = _free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    command += ["--loglevel", "warning", "--logfile", "/dev/null"]
    with _running(REDIS, command, port, cores, dict(os.environ), _accepting) as running:
        yield running


def missing(build: Path) -> dict[str, str]:
    """Name the servers that cannot be run here, and why. Builds that of the Go library, which may need a network."""
    needed = {GRPC_GO: ("go",), REDIS: ("redis-server", "redis-benchmark")}
    absent = {
        name: f"no `{lacking[0]}` on the path"
        for name, programs in needed.items()
        if (lacking := [program for program in programs if not shutil.which(program)])
    }
    if GRPC_GO not in absent:
        command = ["go", "build", "-o", str(build.resolve() / _GO_PROGRAM), "."]
        if subprocess.run(command, cwd=_GO, check=False).returncode:
            absent[GRPC_GO] = "`go build` failed; see what it wrote"
    return absent


@contextmanager
def _running(
    name: str,
    command: Sequence[str],
    port: int,
    cores: set[int],
    environment: dict[str, str],
    answers: Callable[[int], bool],
) -> Iterator[Running]:
    began = time.monotonic()
    with pinned(cores):
        process = subprocess.Popen(command, env=environment)
    try:
        while not answers(port):
            if process.poll() is not None or time.monotonic() - began > _START_S:
                raise RuntimeError(f"{name} does not answer; see what it wrote above")
            time.sleep(_PAUSE_S)
        yield Running(name, process.pid, port, time.monotonic() - began)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _serving(port: int) -> bool:
    """Ask a gate's health."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=1)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def _accepting(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
