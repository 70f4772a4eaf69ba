"""State as a lattice: merging takes maxima, so order and repetition of what is merged change nothing.

A last-writer-wins element set. Each (subject, channel, cause) holds the latest time it was set and the latest
time it was lifted; it is active while the first is not before the second, so a tie denies. A link between a
contact and an address is the same pair of times.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from gate.rules.model import NEVER, Cause, Channel, Link, Suppression

Ground = tuple[Channel | None, Cause]
"""What a suppression of a given subject is told apart by: its channel (None: all) and its cause."""


class SubjectState(NamedTuple):
    """All that is known of one subject. Values are never changed in place; only contacts have links."""

    suppressions: Mapping[Ground, Suppression]
    links: Mapping[str, Link]


EMPTY: Final = SubjectState(MappingProxyType({}), MappingProxyType({}))


def active(suppression: Suppression) -> bool:
    """Tell whether the row by itself is a reason not to send."""
    return suppression.set_time > NEVER and suppression.set_time >= suppression.lift_time


def linked(link: Link) -> bool:
    """Tell whether the contact uses the address now."""
    return link.linked_time > NEVER and link.linked_time >= link.unlinked_time


def join_suppressions(one: Suppression, other: Suppression) -> Suppression:
    """Take the later of both times; the details go with the later set time.

    Of two events at the same time the greater (event id, code) supplies the details: any rule will do, as long
    as every gate applies the same.
    """
    latest = max(one, other, key=_set_order)
    lift_time = max(one.lift_time, other.lift_time)
    return latest if latest.lift_time == lift_time else latest._replace(lift_time=lift_time)


def _set_order(suppression: Suppression) -> tuple[int, str, str]:
    return suppression.set_time, suppression.event_id, suppression.provider_code


def join_links(one: Link, other: Link) -> Link:
    """Take the later of both times."""
    location_id, contact_id, address, linked_time, unlinked_time = one
    return Link(
        location_id,
        contact_id,
        address,
        max(linked_time, other.linked_time),
        max(unlinked_time, other.unlinked_time),
    )


def merge_suppressions(state: SubjectState, rows: Iterable[Suppression]) -> SubjectState:
    """Merge rows of one subject into its state."""
    merged = dict(state.suppressions) if state.suppressions else {}
    for row in rows:
        ground = (row.channel, row.cause)
        known = merged.get(ground)
        merged[ground] = row if known is None else join_suppressions(known, row)
    return SubjectState(merged, state.links)


def merge_links(state: SubjectState, rows: Iterable[Link]) -> SubjectState:
    """Merge links of one contact into its state."""
    merged = dict(state.links) if state.links else {}
    for row in rows:
        known = merged.get(row.address)
        merged[row.address] = row if known is None else join_links(known, row)
    return SubjectState(state.suppressions, merged)
