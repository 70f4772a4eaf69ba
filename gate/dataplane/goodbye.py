"""How a connection ends in good order: GOAWAY twice, with a ping between (RFC 9113, section 6.8)."""

from typing import TYPE_CHECKING, Final

from gate.dataplane import frames
from gate.dataplane.frames import STREAM_MASK, ErrorCode
from gate.dataplane.requests import Requests
from gate.dataplane.streams import Sender

if TYPE_CHECKING:
    from gate.dataplane.connection import Connection

_PING: Final = b"goodbye!"
_PATIENCE_SECONDS: Final = 1.0
"""How long a client may take to answer the ping before the last word is said without it."""


class Goodbye:
    """One connection's drain."""

    def __init__(self, connection: "Connection", sender: Sender, requests: Requests) -> None:
        self._connection: Final = connection
        self._sender: Final = sender
        self._requests: Final = requests
        self._said: float | None = None

    @property
    def said(self) -> bool:
        """Whether the client was told."""
        return self._said is not None

    def begin(self) -> None:
        """Ask for no new calls, and find out when those on their way are here."""
        if self._said is None:
            self._said = self._connection.now
            self._sender.out += (frames.goaway(STREAM_MASK, ErrorCode.NO_ERROR), frames.ping(_PING))

    def echo(self, opaque: bytes) -> None:
        """Take a ping's answer: what the client sent before it knew is here now."""
        if opaque == _PING and self.said:
            self._last_word()

    def tick(self, now: float) -> None:
        """Let time pass."""
        if self._said is not None and now - self._said > _PATIENCE_SECONDS:
            self._last_word()

    def _last_word(self) -> None:
        if not self._requests.final:
            self._requests.final = True
            self._sender.out.append(frames.goaway(self._requests.last_taken, ErrorCode.NO_ERROR))
            self._connection.idle()
