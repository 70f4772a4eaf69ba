"""The bundled load loop: builds it from C, runs it, and takes its word only where every call succeeded."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.bench.bodies import Bodies
from tests.bench.results import Sample
from tests.bench.servers import Running

NAME: Final = "load loop"

_SOURCE: Final = Path(__file__).parent / "native"
_SLACK_S: Final = 120.0
_PREFIX: Final = 5


class Outcome(NamedTuple):
    """What a run came to. `yes` are answers whose first field is 1: allowed, or applied."""

    sample: Sample
    completed: int
    yes: int


class Loop:
    """The compiled loop."""

    def __init__(self, build: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            raise RuntimeError("no C compiler on the path; install gcc or clang to build the load loop")
        build.mkdir(parents=True, exist_ok=True)
        self._program = build / "load"
        sources = [*_SOURCE.iterdir()]
        if not self._program.exists() or self._program.stat().st_mtime < max(path.stat().st_mtime for path in sources):
            command = [
                compiler,
                "-O2",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-o",
                str(self._program),
                str(_SOURCE / "load.c"),
            ]
            subprocess.run(command, check=True)

    def run(
        self, server: Running, bodies: Bodies, shape: str, seconds: float, *, warm_up: float = 0, **more: float
    ) -> Outcome:
        """Drive a server. `more` are options of the loop: rate, first, count."""
        return self.finish(self.start(server, bodies, shape, seconds, warm_up=warm_up, **more))

    def start(
        self, server: Running, bodies: Bodies, shape: str, seconds: float, **more: float | str
    ) -> subprocess.Popen[str]:
        """Begin to drive a server; the loop runs on the cores of this thread."""
        connections, _, streams = shape.partition("x")
        options: dict[str, object] = {
            "port": server.port,
            "path": bodies.method,
            "bodies": bodies.path,
            "connections": connections,
            "streams": streams,
            "seconds": seconds,
            "server": server.process,
        } | more
        pairs = [text for name, value in options.items() for text in (f"--{name.replace('_', '-')}", str(value))]
        return subprocess.Popen([str(self._program), *pairs], stdout=subprocess.PIPE, text=True)

    @staticmethod
    def finish(process: subprocess.Popen[str]) -> Outcome:
        """Wait for the end. Raises RuntimeError where a call failed: the figures would be void."""
        try:
            out, _ = process.communicate(timeout=_SLACK_S + 60)
        finally:
            process.kill()
        if process.returncode:
            raise RuntimeError("the load loop gave up; see what it wrote above")
        told: dict[str, Any] = json.loads(out)
        if told["failed"] or not told["calls"]:
            raise RuntimeError(f"{told['failed']:,} of {told['completed']:,} calls failed")
        calls, seconds = told["calls"], told["seconds"]
        sample = Sample(
            calls / seconds,
            told["server_cpu"] / calls * 1e6,
            told["server_cpu"] / seconds,
            told["load_cpu"] / seconds,
            told["percentiles_us"],
        )
        return Outcome(sample, told["completed"], told["yes"])

    def sampled(self, server: Running, bodies: Bodies, shape: str, count: int) -> Iterator[tuple[int, bytes]]:
        """Ask about the first `count` bodies and yield each one's place and the answer."""
        with tempfile.NamedTemporaryFile() as file:
            self.finish(
                self.start(server, bodies, shape, _SLACK_S, count=count, samples=2 * count, sample_file=file.name)
            )
            answers: dict[tuple[bytes, int], bytes] = {}
            while head := file.read(16):
                place, length = int.from_bytes(head[8:12]), int.from_bytes(head[12:16])
                answers[head[:8], place] = answers.get((head[:8], place), b"") + file.read(length)
        for (_, place), answer in answers.items():
            yield place, answer[_PREFIX:]
