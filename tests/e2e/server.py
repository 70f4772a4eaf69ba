"""A gate in a process of its own, on sockets of its own, as an operator would start it."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final, Self

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sendgate.v1 import send_gate_pb2_grpc as rpc

from tests.e2e import processes

DEADLINE_S: Final = 20.0
"""How long anything may take before the test is given up; everything is far quicker."""

TRANSPORTS: Final[dict[str, dict[str, str]]] = {name: {"data_transport": name} for name in ("native", "grpcio")}
"""What may carry the data plane, and the settings that choose it."""

SERVING: Final = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING
_IMPATIENT: Final = [(f"grpc.{which}_reconnect_backoff_ms", 20) for which in ("initial", "min", "max")]
"""Connects to a server within milliseconds of its start; a client's default is to try once a second."""
_LISTENS: Final = re.compile(r"(data|control) plane listens on (127\.0\.0\.1:\d+)$", re.MULTILINE)


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Make the environment of a command: nothing of the tests' own settings, only the given ones."""
    own = {name: text for name, text in os.environ.items() if not name.startswith("SENDGATE_")}
    return own | {f"SENDGATE_{name.upper()}": text for name, text in settings.items()}


def command(*arguments: str, given: str | bytes = b"", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `sendgate` to its end."""
    return _run(processes.fork, arguments, given, settings)


def executed(*arguments: str, given: str | bytes = b"", **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `sendgate` to its end, as an operator does."""
    return _run(processes.execute, arguments, given, settings)


def _run(
    start: processes.Start, arguments: Sequence[str], given: str | bytes, settings: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    with ExitStack() as files:
        streams = [files.enter_context(TemporaryFile()) for _ in range(3)]
        streams[0].write(given.encode() if isinstance(given, str) else given)
        streams[0].seek(0)
        descriptors = [stream.fileno() for stream in streams]
        process = start(arguments, environment(settings), descriptors, Path.cwd())
        try:
            code = process.wait(DEADLINE_S)
        finally:
            process.kill()
        told = []
        for stream in streams[1:]:
            stream.seek(0)
            told.append(stream.read().decode())
    return subprocess.CompletedProcess(arguments, code, *told)


def memory_mb(gate: "Server") -> float:
    """Tell how much memory a gate's process has."""
    assert gate.process is not None
    status = Path(f"/proc/{gate.process.pid}/status").read_text("ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) / 1024


def eventually(condition: Callable[[], object], what: str) -> None:
    """Wait until a condition holds."""
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, f"not in time: {what}"
        time.sleep(0.005)


class Server:
    """One `sendgate serve`. Leaving the context stops it and expects exit code 0, unless it has ended already."""

    begin = staticmethod(processes.fork)

    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory
        self.database = directory / "gate.db"
        self.data = f"unix:{directory}/data.sock"
        self.control = f"unix:{directory}/control.sock"
        defaults = {
            "database": str(self.database),
            "listen": f"{self.data},127.0.0.1:0",
            "control_listen": f"{self.control},127.0.0.1:0",
            "drain_delay": "0",
            "drain_grace": "0.5",
        }
        self._settings = defaults | settings
        self._log = directory / "log"
        self._channels: dict[str, grpc.Channel] = {}
        self.process: processes.Process | None = None

    def start(self) -> Self:
        """Start the process; it need not serve yet."""
        with self._log.open("ab") as log, Path(os.devnull).open("r+b") as nothing:
            self.process = self.begin(
                ["serve"],
                environment(self._settings),
                [nothing.fileno(), nothing.fileno(), log.fileno()],
                self.directory,
            )
        return self

    def wait_until_serving(self) -> Self:
        """Wait for the health service's word that checks are answered."""
        self.watch_until(SERVING)
        return self

    def watch_until(self, status: int, service: str = "") -> None:
        """Follow the health of a service until it has a status."""
        request = health_pb2.HealthCheckRequest(service=service)
        stream = self.health().Watch(request, timeout=DEADLINE_S, wait_for_ready=True)
        try:
            assert any(response.status == status for response in stream)
        except grpc.RpcError as error:
            raise AssertionError(f"no status {status} of {service!r} in time: {error}\n{self.log}") from error
        stream.cancel()

    def channel(self, target: str = "") -> grpc.Channel:
        """Connect to an address of the server, by default the data plane's Unix socket; once each."""
        target = target or self.data
        if target not in self._channels:
            self._channels[target] = grpc.insecure_channel(target, options=_IMPATIENT)
        return self._channels[target]

    def stub(self, target: str = "") -> rpc.SendGateServiceStub:
        """Call the service."""
        return rpc.SendGateServiceStub(self.channel(target))

    def health(self, target: str = "") -> Any:
        """Call the health service; its type stub has no methods."""
        return health_pb2_grpc.HealthStub(self.channel(target))

    def tcp(self, plane: str) -> str:
        """Tell the address that a plane chose for its port 0."""
        addresses: dict[str, str] = dict(_LISTENS.findall(self.log))
        return addresses[plane]

    @property
    def log(self) -> str:
        """All that the server wrote to stderr."""
        return self._log.read_text("utf-8")

    def terminate(self) -> None:
        """Ask the server to stop, as an orchestrator does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Wait for the process to end and return its exit code."""
        assert self.process is not None
        code = self.process.wait(DEADLINE_S)
        self.process = None
        self.hang_up()
        return code

    def kill(self) -> None:
        """End the server without any warning."""
        assert self.process is not None
        self.process.kill()
        self.wait()

    def hang_up(self) -> None:
        """Close the tests' own connections."""
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()

    def restart(self) -> Self:
        """Stop the server in good order and start it again on the same database."""
        self.hang_up()
        self.terminate()
        assert self.wait() == 0, self.log
        return self.start().wait_until_serving()

    def __enter__(self) -> Self:
        """Start and wait, unless it was started already."""
        if self.process is not None:
            return self
        try:
            return self.start().wait_until_serving()
        except BaseException:
            self._put_down()
            raise

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Stop, and see that it ended well."""
        self.hang_up()
        if self.process is None:
            return
        try:
            self.terminate()
            code = self.wait()
            assert kind is not None or code == 0, self.log
        finally:
            self._put_down()

    def _put_down(self) -> None:
        self.hang_up()
        if self.process is not None:
            self.process.kill()
            self.process.wait(DEADLINE_S)
            self.process = None


class ExecutedServer(Server):
    """One that is started as an operator does."""

    begin = staticmethod(processes.execute)


def refusals(stderr: str | Iterable[str]) -> list[str]:
    """Pick what was told to the operator out of stderr: all lines but those of the log."""
    lines = stderr.splitlines() if isinstance(stderr, str) else list(stderr)
    return [line for line in lines if not re.match(r"\d{4}-\d\d-\d\d [\d:,]+ (INFO|WARNING) ", line)]
