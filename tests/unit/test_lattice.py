"""State as a lattice: what a merge keeps, and that order, grouping and repetition of merges change nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.rules.lattice import (
    EMPTY,
    SubjectState,
    active,
    join_links,
    join_suppressions,
    linked,
    merge_links,
    merge_suppressions,
)
from gate.rules.model import NEVER, Cause, Channel, Link, Subject, Suppression

NUMBER = Subject("shop", "address", "+15005550006")

times = st.integers(NEVER, 2)
words = st.sampled_from(["", "a", "b"])


def row(set_time: int = NEVER, lift_time: int = NEVER, code: str = "", event: str = "") -> Suppression:
    """Return a row of one ground."""
    return Suppression(NUMBER, Channel.SMS, Cause.OPT_OUT, set_time, lift_time, code, event)


def link(linked_time: int = NEVER, unlinked_time: int = NEVER, address: str = "+15005550006") -> Link:
    """Return a link of one contact."""
    return Link("shop", "c1", address, linked_time, unlinked_time)


suppressions = st.builds(row, times, times, words, words)
links = st.builds(link, times, times)
rows_of_a_subject = st.lists(
    st.builds(
        Suppression,
        st.just(NUMBER),
        st.sampled_from([None, Channel.SMS]),
        st.sampled_from([Cause.OPT_OUT, Cause.LANDLINE]),
        times,
        times,
        words,
        words,
    ),
    max_size=8,
)
links_of_a_contact = st.lists(st.builds(link, times, times, st.sampled_from("xy")), max_size=8)


@pytest.mark.parametrize(
    ("set_time", "lift_time", "expected"),
    [
        (NEVER, NEVER, False),
        (NEVER, 0, False),
        (0, NEVER, True),
        (5, NEVER, True),
        (5, 4, True),
        (5, 5, True),
        (4, 5, False),
    ],
)
def test_it_holds_while_the_first_time_is_not_before_the_second(
    set_time: int, lift_time: int, *, expected: bool
) -> None:
    """A tie denies, for suppressions as for links; what never began does not hold."""
    assert active(row(set_time, lift_time)) is expected
    assert linked(link(set_time, lift_time)) is expected


def test_a_late_stop_does_not_undo_a_start() -> None:
    """A STOP from before a START stays lifted, however late it is delivered."""
    state = merge_suppressions(EMPTY, [row(lift_time=9)])

    state = merge_suppressions(state, [row(set_time=8, event="late")])

    assert not active(state.suppressions[Channel.SMS, Cause.OPT_OUT])


def test_a_newer_stop_holds_after_a_start() -> None:
    """A START lifts what came before it and nothing that comes after it."""
    state = merge_suppressions(EMPTY, [row(set_time=1), row(lift_time=2), row(set_time=3)])

    assert active(state.suppressions[Channel.SMS, Cause.OPT_OUT])


def test_the_details_go_with_the_later_set_time() -> None:
    """Code and event id are those of the latest event that set it, however late a lift is."""
    older, newer = row(1, 7, "30003", "z"), row(2, NEVER, "30005", "a")

    assert join_suppressions(older, newer) == row(2, 7, "30005", "a")


def test_of_two_events_at_one_time_the_greater_id_gives_the_details() -> None:
    """At the same time the event id decides, then the code, so that every gate keeps the same details."""
    assert join_suppressions(row(1, code="9", event="a"), row(1, code="1", event="b")) == row(1, code="1", event="b")
    assert join_suppressions(row(1, code="9", event="a"), row(1, code="1", event="a")) == row(1, code="9", event="a")


def test_grounds_do_not_touch_each_other() -> None:
    """Another channel, all channels and another cause are rows of their own."""
    grounds = [(Channel.SMS, Cause.OPT_OUT), (None, Cause.OPT_OUT), (Channel.SMS, Cause.LANDLINE)]

    state = merge_suppressions(EMPTY, [Suppression(NUMBER, *ground, set_time=1) for ground in grounds])
    state = merge_suppressions(state, [row(lift_time=2)])

    assert [ground for ground in grounds if active(state.suppressions[ground])] == grounds[1:]


def test_merging_leaves_the_given_state_as_it_was() -> None:
    """States are values: readers may keep one while a writer merges into it."""
    state = SubjectState({(Channel.SMS, Cause.OPT_OUT): row(1)}, {"x": link(1, address="x")})

    merge_suppressions(state, [row(2)])
    merge_links(state, [link(2, address="x")])

    assert state == SubjectState({(Channel.SMS, Cause.OPT_OUT): row(1)}, {"x": link(1, address="x")})
    assert SubjectState({}, {}) == EMPTY


@given(suppressions, suppressions, suppressions)
def test_joining_suppressions_is_a_lattice_join(one: Suppression, two: Suppression, three: Suppression) -> None:
    """Joining commutes, associates, is idempotent, and never takes a time back."""
    joined = join_suppressions(one, two)

    assert joined == join_suppressions(two, one)
    assert join_suppressions(joined, three) == join_suppressions(one, join_suppressions(two, three))
    assert join_suppressions(one, one) == one
    assert join_suppressions(joined, one) == joined
    assert (joined.set_time, joined.lift_time) == (
        max(one.set_time, two.set_time),
        max(one.lift_time, two.lift_time),
    )


@given(links, links, links)
def test_joining_links_is_a_lattice_join(one: Link, two: Link, three: Link) -> None:
    """Joining commutes, associates, is idempotent, and never takes a time back."""
    joined = join_links(one, two)

    assert joined == join_links(two, one)
    assert join_links(joined, three) == join_links(one, join_links(two, three))
    assert join_links(one, one) == one
    assert (joined.linked_time, joined.unlinked_time) == (
        max(one.linked_time, two.linked_time),
        max(one.unlinked_time, two.unlinked_time),
    )


@given(rows_of_a_subject, links_of_a_contact, st.data())
def test_merging_is_blind_to_order_grouping_and_repetition(
    rows: list[Suppression], uses: list[Link], data: st.DataObject
) -> None:
    """All at once, or one by one in another order with repetitions: the state is the same."""
    at_once = merge_links(merge_suppressions(EMPTY, rows), uses)

    one_by_one = EMPTY
    for row_ in data.draw(st.permutations(rows + rows)):
        one_by_one = merge_suppressions(one_by_one, [row_])
    for link_ in data.draw(st.permutations(uses + uses)):
        one_by_one = merge_links(one_by_one, [link_])

    assert one_by_one == at_once
