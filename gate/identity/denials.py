"""How often somebody was refused because of who called, by what was wrong. Counted for the whole process."""

from collections import Counter
from typing import Final

MISSING: Final = "missing"
UNKNOWN: Final = "unknown"
EXPIRED: Final = "expired"
ROLE: Final = "role"
LOCATION: Final = "location"
USER: Final = "user"
"""A user who may not use the Unix socket: a connection. The others are calls."""

DENIED: Final[Counter[str]] = Counter(dict.fromkeys((MISSING, UNKNOWN, EXPIRED, ROLE, LOCATION, USER), 0))
