"""Who lifts what: a user's switch and support's approval, as lattice rows. The cause alone decides."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gate.rules.causes import CAUSES, Remover
from gate.rules.model import Cause, Channel, Subject, Suppression

Scope = Channel | None
"""One channel, or all of them at once."""


class Obstacle(NamedTuple):
    """An active suppression that a user's switch may not lift, and the way out of it."""

    suppression: Suppression
    way_out: str


def switch_on(contact: Subject, scopes: Iterable[Scope], time: int, event_id: str) -> tuple[Suppression, ...]:
    """Set a manual suppression on each scope; it stands on the contact."""
    return tuple(Suppression(contact, scope, Cause.MANUAL, time, event_id=event_id) for scope in scopes)


def obstacles(active: Iterable[Suppression], scopes: Iterable[Scope], *, remediated: bool) -> tuple[Obstacle, ...]:
    """List what stands against switching DND off on these scopes; empty when all of it is the user's to lift."""
    within = frozenset(scopes)
    return tuple(
        Obstacle(row, _way_out(row))
        for row in active
        if row.channel in within and not _liftable_by_user(row.cause, remediated=remediated)
    )


def switch_off(
    subjects: Iterable[Subject], scopes: Iterable[Scope], time: int, *, remediated: bool
) -> tuple[Suppression, ...]:
    """Lift whatever a user may lift, set or not, so that an older event that arrives later changes nothing."""
    causes = [cause for cause in Cause if _liftable_by_user(cause, remediated=remediated)]
    return tuple(_lifts(subjects, scopes, causes, time))


def approve(subjects: Iterable[Subject], channel: Channel, submit_time: int) -> tuple[Suppression, ...]:
    """Lift whatever support may lift on a channel as of the submission: an opt-out after the evidence survives."""
    causes = [cause for cause, rule in CAUSES.items() if Remover.SUPPORT in rule.removers]
    return tuple(_lifts(subjects, (channel,), causes, submit_time))


def needs_remediation_only(row: Suppression) -> bool:
    """Tell whether a user could lift it, if both remediation steps were stated."""
    return _liftable_by_user(row.cause, remediated=True)


def _lifts(
    subjects: Iterable[Subject], scopes: Iterable[Scope], causes: Iterable[Cause], time: int
) -> Iterator[Suppression]:
    scopes, causes = tuple(scopes), tuple(causes)
    for subject in subjects:
        for scope in scopes:
            for cause in causes:
                yield Suppression(subject, scope, cause, lift_time=time)


def _liftable_by_user(cause: Cause, *, remediated: bool) -> bool:
    rule = CAUSES[cause]
    return Remover.USER in rule.removers and (remediated or not rule.remediation)


def _way_out(row: Suppression) -> str:
    rule = CAUSES[row.cause]
    if rule.remediation:
        return (
            "take the address off the provider's suppression list, then validate it, and state both steps in "
            "remediation"
        )
    if Remover.CONTACT in rule.removers:
        return f"the contact replies START on {row.channel}, or support approves an opt-in review"
    return "support approves an opt-in review"
