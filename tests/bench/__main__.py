"""`python -m tests.bench`: measure the gate beside what it stands on, print tables, assert nothing."""

import tempfile
from pathlib import Path
from typing import Final

import rich_click as click
from rich.console import Console

from tests.bench import checks, events, report

_PARTS: Final = {"checks": checks.measure, "events": events.measure}
_REPOSITORY: Final = Path(__file__).parents[2]
_OUTPUT: Final = _REPOSITORY / "docs" / "benchmarks" / "grpc-aio.md"


@click.command()
@click.option("--only", type=click.Choice(tuple(_PARTS)), help="Measure one part.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Rounds; more are less noisy.")
@click.option(
    "--suppressions", type=click.IntRange(1_000), default=1_000_000, show_default=True, help="In the database."
)
@click.option("--seconds", type=float, default=2.0, show_default=True, help="Length of each measurement.")
@click.option("--output", type=Path, default=_OUTPUT, help="The Markdown file.  [default: docs/benchmarks/grpc-aio.md]")
def main(only: str | None, rounds: int, suppressions: int, seconds: float, output: Path) -> None:
    """Measure checks beside grpc.aio's no-op and recording beside raw sqlite3, on Linux."""
    console = Console(width=None if Console().is_terminal else 200)
    tables = []
    # Not in the system's temporary directory, which may be in memory: a commit must reach a disk.
    scratch = _REPOSITORY / "build"
    scratch.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=scratch) as directory:
        for name, measure in _PARTS.items():
            if only in {None, name}:
                table = measure(Path(directory), suppressions, rounds, seconds, console.print)
                table.show(console)
                tables.append(table)
    report.write(output, tables)
    console.print(f"written to {output}")


if __name__ == "__main__":
    main()
