"""How late the event loop is: whatever holds it up holds up every check as long."""

import asyncio
from typing import Final

from gate.histogram import Histogram

_EVERY_S: Final = 0.25
_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Lag:
    """Asks the loop to call back every quarter of a second, and measures by how much it is late."""

    def __init__(self) -> None:
        self.seconds = Histogram(*_BOUNDS)
        self.last = 0.0

    async def watch(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _EVERY_S
            await asyncio.sleep(_EVERY_S)
            self.last = max(0.0, loop.time() - due)
            self.seconds.observe(self.last)
