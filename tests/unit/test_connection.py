"""Which channels a location has: what is registered, what dropped, and that merges take the later times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.rules.acts import GATE, Act, ConnectChannel
from gate.rules.connection import Connection, ConnectionTimes, connections, join_connections
from gate.rules.model import NEVER, Channel
from gate.rules.review import Phrase, PhraseState, Review, ReviewState

CONNECTED, DISCONNECTED, NOT_CONNECTED = Connection


def times(connected: int = NEVER, disconnected: int = NEVER, channel: Channel = Channel.SMS) -> ConnectionTimes:
    """Return a channel's times in one location."""
    return ConnectionTimes("shop", channel, connected, disconnected)


rows = st.builds(times, st.integers(NEVER, 3), st.integers(NEVER, 3))


def test_a_fresh_location_has_all_six() -> None:
    """Who never registered a channel has all of them."""
    assert connections([]) == dict.fromkeys(Channel, CONNECTED)


@pytest.mark.parametrize("registered", Channel)
def test_once_one_is_registered_the_others_are_not_connected(registered: Channel) -> None:
    """The first registration names the channels that there are."""
    found = connections([times(1, channel=registered)])

    assert found == dict.fromkeys(Channel, NOT_CONNECTED) | {registered: CONNECTED}
    assert list(found) == list(Channel)


@pytest.mark.parametrize(
    ("connected", "disconnected", "own", "others"),
    [
        (NEVER, NEVER, CONNECTED, CONNECTED),
        (NEVER, 0, DISCONNECTED, CONNECTED),
        (NEVER, 3, DISCONNECTED, CONNECTED),
        (0, NEVER, CONNECTED, NOT_CONNECTED),
        (3, 2, CONNECTED, NOT_CONNECTED),
        (3, 3, DISCONNECTED, NOT_CONNECTED),
        (3, 4, DISCONNECTED, NOT_CONNECTED),
    ],
)
def test_the_later_time_decides(connected: int, disconnected: int, own: Connection, others: Connection) -> None:
    """A tie is disconnected; a channel that drops without any registration leaves the others alone."""
    found = connections([times(connected, disconnected)])

    assert found == dict.fromkeys(Channel, others) | {Channel.SMS: own}


def test_a_channel_that_dropped_before_the_first_registration_of_another() -> None:
    """It is not among the registered ones."""
    found = connections([times(disconnected=1), times(2, channel=Channel.EMAIL)])

    assert (found[Channel.SMS], found[Channel.EMAIL]) == (NOT_CONNECTED, CONNECTED)


@given(rows, rows, rows)
def test_a_join_takes_maxima(one: ConnectionTimes, other: ConnectionTimes, third: ConnectionTimes) -> None:
    """Order, grouping and repetition change nothing, and no time is ever lowered."""
    joined = join_connections(one, other)

    assert joined[2:] == (max(one[2], other[2]), max(one[3], other[3]))
    assert joined == join_connections(other, one) == join_connections(joined, one)
    assert join_connections(joined, third) == join_connections(one, join_connections(other, third))


def test_an_act_is_recorded_under_the_gates_own_name() -> None:
    """Its key shares no provider with an event that a connector reports."""
    act = Act("a1", "shop", "", "", 5, "local", ConnectChannel(Channel.SMS))

    assert act.key == ("shop", GATE, "a1")


def test_what_is_new_is_not_decided() -> None:
    """A review and a possible opt-out begin undecided, by nobody and at no time."""
    review = Review("r", "shop", "ann", Channel.SMS, ("1",), "https://example.com/", "", 5, "local")
    phrase = Phrase(1, "shop", "ann", "", Channel.SMS, "no more", 5, "e")

    assert (review.state, review.decide_time, review.decider) == (ReviewState.PENDING, NEVER, "")
    assert (phrase.state, phrase.decide_time, phrase.decider) == (PhraseState.PENDING, NEVER, "")
