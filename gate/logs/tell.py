"""Write lines of the catalogue, with their fields; of refusals no more than a disk can take."""

import asyncio
import logging
import time
from typing import Any, Final

from gate.logs.lines import LEFT_OUT, TASK_FAILED, Line
from gate.logs.throttle import Throttle

_REPORT_S: Final = 1.0
_throttle: Final = Throttle(time.monotonic)
_log: Final = logging.getLogger(__name__)


def tell(log: logging.Logger, line: Line, error: BaseException | None = None, /, **fields: Any) -> None:
    """Write a line. Of an error its kind and place are told, not what it says: that may quote anything."""
    if not log.isEnabledFor(line.level) or (line.refusal and not _throttle.admits(line.event)):
        return
    log.log(line.level, line.text.format(**fields), exc_info=error, extra={"line": line, "fields": fields})


def tell_left_out(*, all_of_it: bool = False) -> None:
    """Say how many lines were left out, of those kinds of which it is time, or of all."""
    for kind, count, seconds in _throttle.left_out(all_of_it=all_of_it):
        tell(_log, LEFT_OUT, kind=kind, count=count, seconds=seconds)


async def keep_telling_left_out() -> None:
    """Say it as long as the program runs, and once more at its end."""
    try:
        while True:
            await asyncio.sleep(_REPORT_S)
            tell_left_out()
    finally:
        tell_left_out(all_of_it=True)


def tell_background_failure(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say that something failed of which nobody waits for the result: the event loop's exception handler."""
    tell(_log, TASK_FAILED, context.get("exception"))
