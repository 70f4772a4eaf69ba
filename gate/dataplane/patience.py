"""How many frames without work a client may send: a leaky bucket for resets, pings, settings and empty data.

One bucket for all of them bounds every flood of cheap frames, those that are not known yet included: rapid reset
(CVE-2023-44487), resets that the server is made to send (CVE-2025-8671), SETTINGS, PING and empty DATA (CVE-2019-9512,
-9515, -9518). Honest clients cancel, ping and probe too, so calls that are answered fill the bucket again.
"""

from gate.dataplane.frames import ConnectionFaultError, ErrorCode
from gate.dataplane.limits import Limits


class Patience:
    """One connection's bucket."""

    __slots__ = ("_left", "_limits", "_reckoned", "answered")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = limits.idle_frames
        self._reckoned = 0
        self.answered = 0
        """Calls until now; counted by the connection."""

    def charge(self, what: str) -> None:
        """Take a frame out. Raises ConnectionFaultError."""
        self._refill((self.answered - self._reckoned) * self._limits.idle_frames_per_call)
        self._reckoned = self.answered
        self._left -= 1
        if self._left < 0:
            raise ConnectionFaultError(ErrorCode.ENHANCE_YOUR_CALM, f"too many frames that do no work, last {what}")

    def pass_seconds(self, seconds: float) -> None:
        """Fill in what time gives."""
        self._refill(int(seconds * self._limits.idle_frames_per_second))

    def _refill(self, frames: int) -> None:
        self._left = min(self._left + frames, self._limits.idle_frames)
