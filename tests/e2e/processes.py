"""Processes of `sendgate` for the tests.

Most of a process's start is imports, the same ones each time. So processes are forked from one that has imported all
there is to import and done nothing with it; in all else they are processes of their own. Others are executed, as an
operator starts them: where the start, the end or the memory is what is tested, or a library is to be loaded first.
"""

import io
import multiprocessing
import os
import pkgutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import reduction
from pathlib import Path
from typing import Any, Final, Protocol

import gate.cli

os.environ["COLUMNS"] = "200"
# A terminal's width, which the command line looks up as it is imported.

_LOADED_FIRST: Final = "LD_PRELOAD"
_forks: Final = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(
    ["gate.app", *(found.name for found in pkgutil.iter_modules(gate.cli.__path__, "gate.cli."))]
)


class Process(Protocol):
    """What both kinds do as in `subprocess`."""

    @property
    def pid(self) -> int:
        """The system's number of the process."""

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the exit code, which is the negative signal of a process that was killed."""

    def send_signal(self, sig: int, /) -> None:
        """Send a signal, unless the process has ended."""

    def kill(self) -> None:
        """End it at once."""


Start = Callable[[Sequence[str], Mapping[str, str], Sequence[int], Path], Process]
"""Runs `sendgate` with the file descriptors of its stdin, stdout and stderr, in a directory."""


def fork(arguments: Sequence[str], environment: Mapping[str, str], streams: Sequence[int], directory: Path) -> Process:
    """Run it in a copy of the process that has imported all, unless a library is to be loaded first."""
    if _LOADED_FIRST in environment:
        return execute(arguments, environment, streams, directory)
    return _Forked(arguments, environment, streams, directory)


def execute(
    arguments: Sequence[str], environment: Mapping[str, str], streams: Sequence[int], directory: Path
) -> Process:
    """Run it as an operator does."""
    return subprocess.Popen(
        [sys.executable, "-m", "gate", *arguments],
        env=environment,
        stdin=streams[0],
        stdout=streams[1],
        stderr=streams[2],
        cwd=directory,
    )


class _Forked:
    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], streams: Sequence[int], directory: Path
    ) -> None:
        work = (list(arguments), dict(environment), _Streams(streams), directory)
        self._process = _forks.Process(target=_become, args=work, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if (code := self.poll()) is None:
            raise subprocess.TimeoutExpired(["sendgate"], timeout or 0)
        return code

    def send_signal(self, sig: int, /) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class _Streams:
    """File descriptors that another process gets with the message that they are in."""

    def __init__(self, descriptors: Sequence[int]) -> None:
        self.descriptors = descriptors

    def __getstate__(self) -> list[Any]:
        return [reduction.DupFd(descriptor) for descriptor in self.descriptors]

    def __setstate__(self, state: list[Any]) -> None:
        self.descriptors = [descriptor.detach() for descriptor in state]


def _become(arguments: list[str], environment: dict[str, str], streams: _Streams, directory: Path) -> None:
    for place, descriptor in enumerate(streams.descriptors):
        os.dup2(descriptor, place)
        os.close(descriptor)
    sys.stdin = io.TextIOWrapper(os.fdopen(0, "rb", closefd=False), "utf-8")
    sys.stdout = io.TextIOWrapper(os.fdopen(1, "wb", closefd=False), "utf-8")
    sys.stderr = io.TextIOWrapper(os.fdopen(2, "wb", closefd=False), "utf-8", "backslashreplace", line_buffering=True)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["sendgate", *arguments]
    gate.cli.main()
