"""What is remembered of streams that are over: little, and only what tells a late frame from a fault."""

from collections import OrderedDict, deque
from typing import Final

_REMEMBERED: Final = 1_024


class Past:
    """The last streams that the gate gave up while the client may still send on them, and ids that were left out."""

    __slots__ = ("_given_up", "_skipped")

    def __init__(self) -> None:
        self._given_up: OrderedDict[int, None] = OrderedDict()
        self._skipped: deque[range] = deque(maxlen=_REMEMBERED)

    def give_up(self, stream_id: int) -> None:
        """Expect late frames on a stream."""
        self._given_up[stream_id] = None
        if len(self._given_up) > _REMEMBERED:
            self._given_up.popitem(last=False)

    def gave_up(self, stream_id: int) -> bool:
        """Tell whether late frames are no fault."""
        return stream_id in self._given_up

    def skip(self, stream_ids: range) -> None:
        """Note ids that the client left out, and may not use any more."""
        if stream_ids:
            self._skipped.append(stream_ids)

    def skipped(self, stream_id: int) -> bool:
        """Tell whether a stream never was."""
        return any(stream_id in stream_ids for stream_ids in self._skipped)
