"""How much memory the process has."""

import resource
from pathlib import Path
from typing import Final

_STATM: Final = Path("/proc/self/statm")
_PAGE_BYTES: Final = resource.getpagesize()


def resident() -> int:
    """Read how many bytes of memory the process has; 0 where the system does not say it as Linux does."""
    try:
        return int(_STATM.read_text("ascii").split()[1]) * _PAGE_BYTES
    except FileNotFoundError:
        return 0
