"""The metrics' own parts: histograms, and how late the event loop is."""

import asyncio

from gate.histogram import Histogram
from gate.metrics.lag import Lag
from gate.metrics.series import COUNTER, SERIES


def test_a_histogram_counts_by_upper_bounds() -> None:
    """Each bucket holds what is not above its bound, and the last one everything."""
    histogram = Histogram(1, 2.5)
    for value in (0.5, 1, 2, 100):
        histogram.observe(value)

    assert list(histogram.buckets()) == [("1", 2), ("2.5", 3), ("+Inf", 4)]
    assert (histogram.count, histogram.total) == (4, 103.5)


def test_names_follow_the_conventions() -> None:
    """Counters end with _total and nothing else does; a name stands once; each has a help text."""
    assert len({each.name for each in SERIES}) == len(SERIES)
    for each in SERIES:
        assert each.name.endswith("_total") == (each.kind == COUNTER)
        assert each.about.endswith(".")


async def test_a_loop_that_is_held_up_is_late() -> None:
    """What holds the loop up for a while is measured as its lag."""
    lag = Lag()
    watching = asyncio.create_task(lag.watch())
    loop = asyncio.get_running_loop()
    await asyncio.sleep(0)
    until = loop.time() + 0.35
    while loop.time() < until:
        pass

    async with asyncio.timeout(5):
        while not lag.seconds.count:  # noqa: ASYNC110  what it waits for is told to nobody
            await asyncio.sleep(0)
    watching.cancel()

    assert 0.09 < lag.last < 5
    assert lag.seconds.total == lag.last
