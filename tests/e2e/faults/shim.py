"""What breaks the disk and the clock under a gate: a library that is preloaded into it, and the levers of that."""

import mmap
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

_SOURCE: Final = Path(__file__).with_name("shim.c")
_LEVERS: Final = ("clock_ns", "sync_errno", "main_errno", "write_errno", "hold", "volatile", "kill_at", "steps")
"""In the order of `struct control`."""


def build(directory: Path) -> Path:
    """Compile the library; skip the test where nothing can be compiled or preloaded."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: faults of the disk cannot be made without one")
    library = directory / "shim.so"
    built = subprocess.run(
        [compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl", "-lpthread"],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    if built.returncode:
        pytest.skip(f"the library that makes faults cannot be compiled here: {built.stderr[-200:]}")
    return library


class Shim:
    """The levers; what is pulled holds for the running gate at once, and for those that are started later."""

    def __init__(self, library: Path, control: Path, files: Path) -> None:
        control.write_bytes(bytes(8 * len(_LEVERS)))
        with control.open("r+b") as file:
            self._levers = mmap.mmap(file.fileno(), 0)
        self.environment: Mapping[str, str] = {
            "LD_PRELOAD": str(library),
            "SHIM_CONTROL": str(control),
            "SHIM_FILES": os.path.realpath(files),
        }

    def set(self, **levers: int) -> None:
        """Pull levers, each by its name in shim.c."""
        for name, value in levers.items():
            struct.pack_into("q", self._levers, 8 * _LEVERS.index(name), value)

    def get(self, name: str) -> int:
        """Read a lever."""
        value: int = struct.unpack_from("q", self._levers, 8 * _LEVERS.index(name))[0]
        return value

    def reset(self) -> None:
        """Let the disk and the clock be sound again."""
        self.set(**dict.fromkeys(_LEVERS, 0))

    @contextmanager
    def pulled(self, **levers: int) -> Iterator[None]:
        """Pull levers for a while."""
        self.set(**levers)
        try:
            yield
        finally:
            self.set(**dict.fromkeys(levers, 0))
