"""What checks cost the gate: hot contacts, denials, contacts never seen before, and campaign lists."""

from contextlib import ExitStack
from typing import Final

from sendgate.v1 import send_gate_pb2 as pb

from tests.bench import bodies, servers
from tests.bench.bench import CACHE_SIZE, WARM_UP_S, Bench
from tests.bench.bodies import Bodies
from tests.bench.load import NAME
from tests.bench.results import GATE, SHAPES, Part, Sample, Series
from tests.bench.servers import Running

HOT: Final = "hot contact"
MANY_HOT: Final = "100,000 hot contacts"
DENIED: Final = "denied, with reasons"
NEVER_SEEN: Final = "never seen, 3 % suppressed"
SCREEN: Final = "ScreenContacts of 10,000"
SCREEN_SHAPES: Final = ("1x1", "4x1")

_DENIED_CONTACTS: Final = 10_000
_SCREENS: Final = 100
_SHARES: Final = {"1x1": 0.1, "1x16": 0.2, "4x16": 0.5, "64x1": 0.2}
"""How much of a round's stretch of the campaign each shape gets: the faster ones need more for as long."""


def measure(bench: Bench) -> Part:
    """Measure each workload at each shape by turns with the one hot contact."""
    part = Part(
        "checks",
        "Checks, by what is asked about",
        f"By the bundled load loop on a database of {bench.suppressions:,} suppressions. Each contact of the campaign "
        f"of {bench.campaign:,} is asked about once in the whole run, a stretch of it in each cell; one in 33 is "
        "suppressed. Ratios are to the hot contact at the same shape in the same round.",
    )
    requests = {
        HOT: bodies.hot(bench.requests, bench.suppressions, 1),
        MANY_HOT: bodies.hot(bench.requests, bench.suppressions, bodies.HOT),
        DENIED: bodies.denied(bench.requests, bench.suppressions, _DENIED_CONTACTS),
    }
    campaign = Campaign(bench, bench.suppressions)
    screens = bodies.screens(bench.requests, bench.suppressions, _SCREENS)
    part.series = [Series(name, GATE, shape, NAME) for shape in SHAPES for name in (*requests, NEVER_SEEN)]
    part.series += [Series(SCREEN, GATE, shape, NAME, bodies.SCREENED) for shape in SCREEN_SHAPES]
    with ExitStack() as stack:
        gate = stack.enter_context(servers.gate(bench.database(), set(bench.server_core), CACHE_SIZE))
        stack.enter_context(servers.pinned(set(bench.load_core)))
        for name in (MANY_HOT, DENIED):
            bench.loop.run(gate, requests[name], "4x16", 120, count=requests[name].count)
        _verify(bench, gate, requests[DENIED], screens)
        for number in range(1, bench.rounds + 1):
            bench.say(f"checks: round {number} of {bench.rounds}")
            for series in part.series:
                if series.workload == NEVER_SEEN:
                    series.samples.append(campaign.sample(gate, series.shape))
                elif series.workload == SCREEN:
                    run = bench.loop.run(gate, screens, series.shape, bench.seconds, warm_up=WARM_UP_S)
                    series.samples.append(run.sample)
                else:
                    series.samples.append(_sample(bench, gate, series, requests[series.workload]))
    return part


class Campaign:
    """A campaign that is asked about in stretches, each contact once."""

    def __init__(self, bench: Bench, suppressions: int) -> None:
        self._bench = bench
        self._bodies = bodies.campaign(bench.requests, suppressions, bench.campaign)
        self._place = 0

    def sample(self, gate: Running, shape: str, share: float | None = None) -> Sample:
        """Ask about the next stretch. Raises RuntimeError where the wrong number is allowed."""
        count = int(self._bodies.count / self._bench.rounds * (share or _SHARES[shape]))
        run = self._bench.loop.run(gate, self._bodies, shape, 120, first=self._place, count=count)
        expected = bodies.campaign_allowed(self._place, count)
        if (run.completed, run.yes) != (count, expected):
            raise RuntimeError(f"{run.yes:,} of {run.completed:,} contacts were allowed, not {expected:,} of {count:,}")
        self._place += count
        return run.sample


def _sample(bench: Bench, gate: Running, series: Series, requests: Bodies) -> Sample:
    run = bench.loop.run(gate, requests, series.shape, bench.seconds, warm_up=WARM_UP_S)
    expected = 0 if series.workload == DENIED else run.completed
    if run.yes != expected:
        raise RuntimeError(f"{series.workload}: {run.yes:,} of {run.completed:,} calls were allowed")
    return run.sample


def _verify(bench: Bench, gate: Running, denied: Bodies, screens: Bodies) -> None:
    """See that denials say why, and that the right contacts of a list are allowed."""
    for _, answer in bench.loop.sampled(gate, denied, "1x16", 1_000):
        if not pb.CheckSendResponse.FromString(answer).suppressions:
            raise RuntimeError("a denial names no suppression")
    expected = [bodies.allowed_at(place) for place in range(bodies.SCREENED)]
    for _, answer in bench.loop.sampled(gate, screens, "1x1", 1):
        if list(pb.ScreenContactsResponse.FromString(answer).allowed) != expected:
            raise RuntimeError("a campaign list was answered wrongly")
