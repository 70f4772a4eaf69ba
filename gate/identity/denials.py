"""How often somebody was refused because of who called, by what was wrong. Counted for the whole process."""

import logging
from collections import Counter
from typing import Final

from gate.logs.lines import CALL_DENIED
from gate.logs.tell import tell

MISSING: Final = "missing"
UNKNOWN: Final = "unknown"
EXPIRED: Final = "expired"
ROLE: Final = "role"
LOCATION: Final = "location"
USER: Final = "user"
"""A user who may not use the Unix socket: a connection. The others are calls, and scrapes."""

DENIED: Final[Counter[str]] = Counter(dict.fromkeys((MISSING, UNKNOWN, EXPIRED, ROLE, LOCATION, USER), 0))
_log: Final = logging.getLogger(__name__)


def deny(method: str, peer: str, why: str) -> None:
    """Count a call, or a scrape, that is refused, and tell the operator. For the event loop's thread."""
    DENIED[why] += 1
    tell(_log, CALL_DENIED, method=method, peer=peer, why=why)
