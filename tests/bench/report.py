"""Tables for people: on the terminal, and as Markdown with what is needed to repeat the run."""

import os
import platform
import re
import sqlite3
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console
from rich.table import Table as RichTable

_PACKAGES: Final = ("grpcio", "protobuf", "aiosqlite", "msgspec", "rbloom", "cachetools")


@dataclass(frozen=True, slots=True)
class Table:
    """One table: what it shows, its columns, its rows, and what a reader must know beside it."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str

    def show(self, console: Console) -> None:
        """Print it."""
        table = RichTable(title=self.title, caption=self.note, caption_justify="left")
        for place, column in enumerate(self.columns):
            table.add_column(column, justify="right" if place else "left")
        for row in self.rows:
            table.add_row(*row)
        console.print(table)

    def markdown(self) -> str:
        """Write it as Markdown."""
        lines = [self.columns, ["---", *("---:" for _ in self.columns[1:])], *self.rows]
        return "\n".join([f"## {self.title}", "", *(f"| {' | '.join(line)} |" for line in lines), "", self.note])


def spread(ratios: Sequence[float]) -> str:
    """Write the median of the rounds' ratios, and the least and the greatest of them."""
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all values do not exceed, or 0 for none."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else 0.0


def write(path: Path, tables: Sequence[Table]) -> None:
    """Write the file of a run."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    facts = {
        "Command": f"`python -m tests.bench {' '.join(sys.argv[1:])}".rstrip() + "`",
        "Date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "Machine": f"{_processor()}, {len(os.sched_getaffinity(0))} cores, {_memory_gib():.0f} GiB of memory",
        "System": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "Libraries": f"SQLite {sqlite3.sqlite_version}, {packages}",
        "Load at the end": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }
    about = (
        "Ratios are between two measurements of one round, one right after the other; given are the median, the least "
        "and the greatest. All other figures are medians. Absolute figures vary with the machine and with what "
        "else runs on it: compare ratios."
    )
    parts = [
        "# The gate on grpc.aio",
        "\n".join(f"* {name}: {fact}" for name, fact in facts.items()),
        about,
        *(table.markdown() for table in tables),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(parts) + "\n", "utf-8")


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    return found.group(1).strip() if found else platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
