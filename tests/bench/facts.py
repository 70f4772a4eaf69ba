"""What is needed to judge a run, and to repeat it: machine, versions, command."""

import os
import platform
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from gate.settings import Settings
from tests.bench.servers import TRANSPORT

_PACKAGES: Final = ("grpcio", "protobuf", "msgspec", "rbloom")
_PROGRAMS: Final = {
    "h2load": ("h2load", "--version"),
    "redis": ("redis-server", "--version"),
    "go": ("go", "version"),
    "cc": ("cc", "--version"),
}
_GO_MOD: Final = Path(__file__).parent / "go" / "go.mod"


def facts(rounds: int, seconds: float) -> dict[str, str]:
    """Describe this machine and run."""
    return {
        "Command": f"`python -m tests.bench {' '.join(sys.argv[1:])}".rstrip() + "`",
        "Date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "Machine": f"{_processor()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB of memory",
        "System": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "Versions": ", ".join(_versions()),
        "Rounds": f"{rounds}",
        "Seconds a cell": f"{seconds:g}",
        "Data transport": os.environ.get(TRANSPORT) or _default_transport(),
        "Load of the machine at the end": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def _default_transport() -> str:
    return str(getattr(Settings(), "data_transport", "grpcio"))


def _versions() -> Iterator[str]:
    yield f"SQLite {sqlite3.sqlite_version}"
    for name in _PACKAGES:
        yield f"{name} {version(name)}"
    if found := re.search(r"google.golang.org/grpc v(\S+)", _GO_MOD.read_text("utf-8")):
        yield f"grpc-go {found.group(1)}"
    for name, command in _PROGRAMS.items():
        if shutil.which(command[0]):
            told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
            if number := re.search(r"\d+\.\d+(\.\d+)?", told):
                yield f"{name} {number.group()}"


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    return found.group(1).strip() if found else platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
