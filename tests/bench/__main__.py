"""`python -m tests.bench`: measure the gate beside other servers, write tables and a picture, assert nothing."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import rich_click as click
from rich.console import Console

from tests.bench import checks, events, hot, large, plot, report, results, rivals, transfer
from tests.bench.bench import Bench
from tests.bench.facts import facts
from tests.bench.load import Loop
from tests.bench.results import Part

_PARTS: Final[dict[str, Callable[[Bench], Part]]] = {
    "servers": hot.measure,
    "loop": hot.measure_by_loop,
    "checks": checks.measure,
    "events": events.measure,
    "beside": events.measure_beside,
    "large": large.measure,
    "transfer": transfer.measure,
}
_ON_REQUEST: Final = {"transfer"}
_REPOSITORY: Final = Path(__file__).parents[2]
_BUILD: Final = _REPOSITORY / "build" / "bench"
_OUTPUT: Final = _REPOSITORY / "docs" / "benchmarks"
_DATA: Final = "data-plane.json"
_REPORT: Final = "data-plane.md"
_FULL: Final = {
    "rounds": 5,
    "seconds": 2.0,
    "suppressions": 1_000_000,
    "many": 10_000_000,
    "campaign": 1_000_000,
}
_QUICK: Final = {"rounds": 1, "seconds": 0.5, "suppressions": 100_000, "many": 200_000, "campaign": 50_000}
_BYTES: Final = 1_000
"""What a suppression with its links takes on disk at most, while it is sorted."""

_HELP: Final = """
Measure the gate, on Linux with two cores or more. A full run takes about 16 minutes; the first one makes
databases and programs for another 10.

\b
servers  one hot contact: the gate, no-ops of grpc.aio, grpc.server
         and grpc-go, and Redis GET, by turns at 1x1, 1x16, 4x16 and
         64x1 (connections x streams on each)
loop     the same by the bundled load loop, which sends frames as gRPC
         clients do; left out without h2load, since it is the load then
checks   100,000 hot contacts, denials, contacts never seen before,
         and ScreenContacts
events   RecordEvent at 1, 64 and 256 in flight, and in batches
beside   CheckSend at 2,000/s while RecordEvent runs at 3,000/s
large    10,000,000 suppressions: start, memory, a campaign
transfer import and export of 1,000,000 contacts, once; takes
         minutes and runs only where --only names it

h2load, go, redis-server and redis-benchmark are used where they are installed; the report says what was left out.
A part that is measured anew replaces itself in OUTPUT/data-plane.json; the report is written from all that is there.
Databases and programs are kept in build/bench: about 5 GB with the large one. SENDGATE_DATA_TRANSPORT is handed to
the gate; its other settings are the defaults.
"""


@click.command(help=_HELP)
@click.option("--only", type=click.Choice(tuple(_PARTS)), multiple=True, help="Measure this part; may be repeated.")
@click.option("--skip", type=click.Choice(tuple(_PARTS)), multiple=True, help="Leave this part out; may be repeated.")
@click.option("--rounds", type=click.IntRange(1), help="Rounds; more are less noisy.  [default: 5; quick: 1]")
@click.option("--seconds", type=click.FloatRange(0.1), help="Length of a cell.  [default: 2; quick: 0.5]")
@click.option(
    "--suppressions", type=click.IntRange(10_000), help="In the database.  [default: 1,000,000; quick: 100,000]"
)
@click.option(
    "--many", type=click.IntRange(10_000), help="In the large database.  [default: 10,000,000; quick: 200,000]"
)
@click.option(
    "--campaign", type=click.IntRange(10_000), help="Contacts never seen.  [default: 1,000,000; quick: 50,000]"
)
@click.option("--quick", is_flag=True, help="Everything small and once, to see that it runs; the figures say little.")
@click.option(
    "--output",
    type=Path,
    help="Where to write; the README stays then.  [default: docs/benchmarks; quick: build/bench/quick]",
)
@click.option("--write-only", is_flag=True, help="Measure nothing; write the report from what was measured before.")
def main(
    only: tuple[str, ...], skip: tuple[str, ...], quick: bool, output: Path | None, write_only: bool, **given: Any
) -> None:
    """Run the parts one after the other, and write the report after each."""
    console = Console(soft_wrap=True)
    folder = output or (_BUILD / "quick" if quick else _OUTPUT)
    sizes = {name: value or (_QUICK if quick else _FULL)[name] for name, value in given.items()}
    chosen = set(only or _PARTS.keys() - _ON_REQUEST) - set(skip)
    if not rivals.h2load_installed():
        chosen.discard("loop")
    if not write_only:
        bench = _bench(console.print, **sizes)
        for name, measure in _PARTS.items():
            if name in chosen:
                part = measure(bench)
                part.facts = facts(bench.rounds, bench.seconds) | part.facts
                results.save(folder / _DATA, results.load(folder / _DATA) | {name: part})
                _write(folder)
    _write(folder)
    if folder.resolve() == _OUTPUT:
        report.show(_REPOSITORY / "README.md", report.excerpt(results.load(folder / _DATA), "docs/benchmarks"))
    console.print(f"written to {folder / _REPORT}")


def _bench(say: Callable[[str], None], **sizes: Any) -> Bench:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) == 1:
        say("[bold]one core only: servers and load share it, and the figures say little[/]")
    _BUILD.mkdir(parents=True, exist_ok=True)
    free, wanted = shutil.disk_usage(_BUILD).free, _BYTES * (sizes["suppressions"] * 2 + sizes["many"] * 2)
    if free < wanted:
        raise click.ClickException(f"{_BUILD}: {free / 2**30:.0f} GiB free; {wanted / 2**30:.0f} may be needed")
    return Bench(
        build=_BUILD,
        say=say,
        server_core=frozenset(cores[-1:]),
        load_core=frozenset(cores[:1]),
        loop=Loop(_BUILD),
        **sizes,
    )


def _write(folder: Path) -> None:
    """Write the report of all parts that there are."""
    parts = {name: part for name in _PARTS if (part := results.load(folder / _DATA).get(name))}
    if "servers" in parts:
        plot.draw(folder / report.PLOT, parts["servers"])
    report.write(folder / _REPORT, parts)


if __name__ == "__main__":
    main()
