"""What a plane's transport knows of its clients, in numbers."""

from collections.abc import Mapping
from typing import NamedTuple


class Traffic(NamedTuple):
    """Open now are `connections`, by TCP and Unix sockets, and `streams`; the others count since the start.

    What a transport does not tell is empty, and 0 is not taken for it: the library's knows nothing of faults.
    """

    connections: Mapping[str, int]
    streams: int
    calls: int
    accepted: Mapping[str, int] = {}
    faults: Mapping[str, int] = {}
    shed: Mapping[str, int] = {}


TCP = "tcp"
UNIX = "unix"


def kind(peer: str) -> str:
    """Tell the kind of a client's address."""
    return UNIX if peer.startswith("unix:") else TCP
