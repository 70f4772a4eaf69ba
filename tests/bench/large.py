"""The gate on a database of 10,000,000 suppressions: its start, its memory, and a campaign of strangers."""

from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.bench import bodies, servers
from tests.bench.bench import WARM_UP_S, Bench
from tests.bench.checks import HOT, NEVER_SEEN, Campaign
from tests.bench.load import NAME
from tests.bench.results import GATE, Part, Series

START: Final = "start to SERVING, s"
START_CPU: Final = "processor time until then, s"
RESIDENT: Final = "resident memory, MiB"
SIZE: Final = "database, MiB"

_SHAPE: Final = "4x16"
_FILLING: Final = 200_000
_CHUNK: Final = 2**24


def measure(bench: Bench) -> Part:
    """Measure the campaign by turns with the hot contact, after the default cache is full."""
    part = Part(
        "large",
        f"A database of {bench.many:,} suppressions",
        f"The default cache, filled by {_FILLING:,} known contacts before anything is measured. The start is from the "
        "process's creation until health says SERVING, the file in the system's cache; memory is read at the end.",
    )
    path = bench.database(bench.many)
    hot = bodies.hot(bench.requests, bench.many, 1)
    known = bodies.hot(bench.requests, bench.many, _FILLING)
    campaign = Campaign(bench, bench.many)
    part.series = [Series(name, GATE, _SHAPE, NAME) for name in (HOT, NEVER_SEEN)]
    hot_series, campaign_series = part.series
    bench.say("large: starting the gate")
    _warm(path)
    with ExitStack() as stack:
        gate = stack.enter_context(servers.gate(path, set(bench.server_core)))
        start_cpu = gate.cpu_seconds()
        stack.enter_context(servers.pinned(set(bench.load_core)))
        bench.loop.run(gate, known, _SHAPE, 120, count=known.count)
        for number in range(1, bench.rounds + 1):
            bench.say(f"large: round {number} of {bench.rounds}")
            hot_series.samples.append(bench.loop.run(gate, hot, _SHAPE, bench.seconds, warm_up=WARM_UP_S).sample)
            campaign_series.samples.append(campaign.sample(gate, _SHAPE, 1))
        part.figures = {
            START: [gate.start_s],
            START_CPU: [start_cpu],
            RESIDENT: [gate.resident_mib()],
            SIZE: [path.stat().st_size / 2**20],
        }
    return part


def _warm(path: Path) -> None:
    """Read the file once, so that the disk's speed is no part of the start."""
    with path.open("rb", buffering=0) as file:
        while file.read(_CHUNK):
            pass
