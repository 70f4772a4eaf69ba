"""Give memory back to the system after a burst: what is free within the process counts against it all the same."""

import asyncio
import ctypes
from collections.abc import Callable
from typing import Final

from gate.resident import resident

_GROWN: Final = 1.03
"""By how much the process may be larger than it was at its smallest before anything is done about it."""

_PAUSE_S: Final = 2.0
_LONGEST_PAUSE_S: Final = 8.0
"""Between two attempts that freed nothing: memory that is in use, such as a cache that has filled."""


async def keep_trim() -> None:
    """Let the C library give back what is free, where there may be such, until cancelled.

    Nothing happens at a constant size. An attempt takes a millisecond or so of a thread, and stops only who allocates
    large blocks. With another C library than glibc, or another system than Linux, there is nothing to do.
    """
    trim = _trimmer()
    if trim is None or not resident():
        return
    smallest, pause = resident(), _PAUSE_S
    while True:
        await asyncio.sleep(pause)
        before = resident()
        smallest = min(smallest, before)
        if before <= smallest * _GROWN:
            pause = _PAUSE_S
            continue
        await asyncio.to_thread(trim, 0)
        pause = _PAUSE_S if resident() < before / _GROWN else min(2 * pause, _LONGEST_PAUSE_S)


def _trimmer() -> Callable[[int], int] | None:
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim
