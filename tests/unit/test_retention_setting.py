"""The setting of how long events stay: days or hours, and never so short that redeliveries become new events."""

import pytest

from gate.errors import SettingsError
from gate.settings import load

HOUR = 3_600 * 10**9


@pytest.mark.parametrize(
    ("text", "period"),
    [("", 0), ("0", 0), ("24h", 24 * HOUR), ("1d", 24 * HOUR), ("36h", 36 * HOUR), ("400d", 400 * 24 * HOUR)],
)
def test_periods(text: str, period: int) -> None:
    """A period is read into nanoseconds; nothing and 0 keep events for ever."""
    assert load({"SENDGATE_EVENT_RETENTION": text}, {}).event_retention == period


@pytest.mark.parametrize("text", ["23h", "0d", "1h", "400", "1.5d", "-3d", "3 d", "3w", "d", "1D", "9999999d", "٣d"])
def test_what_is_no_period(text: str) -> None:
    """A period without a unit, in other units, or shorter than providers take to redeliver, is refused by name."""
    with pytest.raises(SettingsError, match=r"SENDGATE_EVENT_RETENTION: .* neither 0 nor a period of 24 hours or more"):
        load({"SENDGATE_EVENT_RETENTION": text}, {})
