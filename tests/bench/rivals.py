"""Load generators that others wrote: h2load for one request again and again, and Redis's own benchmark."""

import re
import resource
import shutil
import subprocess
import tempfile
import time
from array import array
from pathlib import Path
from typing import Final

from tests.bench.bodies import Bodies
from tests.bench.results import Sample
from tests.bench.servers import Running

H2LOAD: Final = "h2load"
REDIS_BENCHMARK: Final = "redis-benchmark"

_SHARES: Final = (0, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 100)
_TIMEOUT_S: Final = 120.0
_VALUE_BYTES: Final = 16


def h2load_installed() -> bool:
    """Tell whether h2load is on the path."""
    return shutil.which("h2load") is not None


def h2load(server: Running, bodies: Bodies, shape: str, seconds: float) -> Sample:
    """Send the first body again and again. Raises RuntimeError where a call was not answered in full."""
    connections, _, streams = shape.partition("x")
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        request, log = Path(directory, "request"), Path(directory, "log")
        body = bodies.single
        request.write_bytes(b"\0" + len(body).to_bytes(4) + body)
        command = [
            "h2load",
            "--duration",
            f"{seconds * 1e3:.0f}ms",
            "--clients",
            connections,
            "--max-concurrent-streams",
            streams,
        ]
        command += ["--data", str(request), "--log-file", str(log)]
        command += ["--header", "content-type: application/grpc", "--header", "te: trailers"]
        before, own = server.cpu_seconds(), _children_cpu()
        text = _run([*command, f"http://127.0.0.1:{server.port}{bodies.method}"])
        used, load = server.cpu_seconds() - before, _children_cpu() - own
        taken = array("d", (int(line.rpartition(b"\t")[2]) for line in log.read_bytes().splitlines()))
    done = _number(r"(\d+) done", text)
    if done == 0 or _number(r"(\d+) succeeded", text) != done or _number(r"(\d+) failed", text):
        raise RuntimeError(f"{server.name}: h2load reports failed calls:\n{text}")
    return Sample(
        done / seconds, used / done * 1e6, min(used / seconds, 1.0), load / seconds, _percentiles(sorted(taken))
    )


def redis_get(server: Running, shape: str, seconds: float) -> Sample:
    """Get one value again and again; streams become a pipeline, of which every answer counts as a call."""
    connections, _, streams = shape.partition("x")
    base = ["redis-benchmark", "-p", str(server.port), "-d", str(_VALUE_BYTES), "-c", connections, "-P", streams]
    _run([*base, "-t", "set", "-n", streams])
    began = time.perf_counter()
    _run([*base, "-t", "get", "-n", "20000"])
    count = max(20_000, int(20_000 / (time.perf_counter() - began) * seconds))
    before, own = server.cpu_seconds(), _children_cpu()
    text = _run([*base, "-t", "get", "-n", str(count), "--precision", "3"])
    used, load = server.cpu_seconds() - before, _children_cpu() - own
    took = _number(r"completed in ([\d.]+) seconds", text)
    known = [(float(ms) * 1e3, float(share)) for share, ms in re.findall(r"([\d.]+)% <= ([\d.]+) milliseconds", text)]
    percentiles = {
        f"{share:g}": next((us for us, reached in known if reached >= share), known[-1][0]) for share in _SHARES
    }
    summary = re.search(r"latency summary.*\n\s*avg.*\n\s*([\d. ]+)", text)
    if summary is None:
        raise RuntimeError(f"redis-benchmark said what was not understood:\n{text}")
    _, least, *shares, _ = (float(ms) * 1e3 for ms in summary.group(1).split())
    percentiles |= {"0": least} | dict(zip(("50", "95", "99"), shares, strict=True))
    return Sample(count / took, used / count * 1e6, used / took, load / took, percentiles)


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=_TIMEOUT_S).stdout


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    return float(found.group(1)) if found else 0.0


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _percentiles(taken: list[float]) -> dict[str, float]:
    return {f"{share:g}": taken[min(int(len(taken) * share / 100), len(taken) - 1)] for share in _SHARES}
