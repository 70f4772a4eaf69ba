"""The answer drawn from the active suppressions: the reason of a denial, and the status over all channels."""

from gate.rules.judge import DenyReason, decide, dnd_status
from gate.rules.model import Cause, Channel, DndStatus, Subject, Suppression

SMS, EMAIL = Channel.SMS, Channel.EMAIL
CONTACT = Subject("shop", "contact", "c1")
EVERYWHERE = Suppression(CONTACT, None, Cause.MANUAL, 5)
TEXT = Suppression(CONTACT, SMS, Cause.OPT_OUT, 5)
MAIL = Suppression(CONTACT, EMAIL, Cause.BOUNCE, 5)


def test_the_reason_is_the_first_that_applies() -> None:
    """All channels before the one channel, and no reason where nothing bears on the channel."""
    assert decide((EVERYWHERE, TEXT, MAIL), SMS) == (DenyReason.DND_ALL_CHANNELS, (EVERYWHERE, TEXT))
    assert decide((EVERYWHERE,), SMS) == (DenyReason.DND_ALL_CHANNELS, (EVERYWHERE,))
    assert decide((TEXT, MAIL), SMS) == (DenyReason.DND_CHANNEL, (TEXT,))
    assert decide((MAIL,), SMS) == (None, ())
    assert decide((), SMS) == (None, ())


def test_only_a_decision_without_reason_allows() -> None:
    """A send is allowed exactly when there is no reason to deny it."""
    assert decide((MAIL,), SMS).allowed
    assert not decide((TEXT,), SMS).allowed
    assert not decide((EVERYWHERE,), SMS).allowed


def test_the_status_sums_up_the_channels() -> None:
    """ON if all channels are closed at once or each for itself, OFF if nothing is, else PARTIAL."""
    each = [Suppression(Subject("shop", "contact", "c1"), channel, Cause.MANUAL, 5) for channel in Channel]
    everywhere = each[0]._replace(channel=None)

    assert dnd_status(()) is DndStatus.OFF
    assert dnd_status(each[:1]) is DndStatus.PARTIAL
    assert dnd_status(each[:-1]) is DndStatus.PARTIAL
    assert dnd_status(each) is DndStatus.ON
    assert dnd_status([everywhere]) is DndStatus.ON
    assert dnd_status([each[0], everywhere]) is DndStatus.ON


def test_the_status_counts_the_given_channels_only() -> None:
    """Where a location has enlisted some channels, DND on each of them is ON."""
    assert dnd_status([TEXT], frozenset({SMS})) is DndStatus.ON
    assert dnd_status([TEXT], frozenset({SMS, EMAIL})) is DndStatus.PARTIAL
    assert dnd_status([], frozenset({SMS})) is DndStatus.OFF
