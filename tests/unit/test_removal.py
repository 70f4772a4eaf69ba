"""Who lifts what: every cause against a user's switch and support's approval."""

import pytest

from gate.rules.lattice import active, join_suppressions
from gate.rules.model import Cause, Channel, Subject, Suppression
from gate.rules.removal import Scope, approve, needs_remediation_only, obstacles, switch_off, switch_on

ANN = Subject("shop", "contact", "ann")
NUMBER = Subject("shop", "address", "+15005550006")
START_ON_SMS = "the contact replies START on SMS, or support approves an opt-in review"
REVIEW = "support approves an opt-in review"
STEPS = "take the address off the provider's suppression list, then validate it, and state both steps in remediation"

# cause, lifted by a user, by a user who states both steps, by an approved review, the way out for a user who may not
TABLE = [
    (Cause.MANUAL, True, True, False, ""),
    (Cause.LEGACY, True, True, False, ""),
    (Cause.OPT_OUT, False, False, True, START_ON_SMS),
    (Cause.CARRIER_BLOCKED, False, False, True, START_ON_SMS),
    (Cause.UNREACHABLE, True, True, False, ""),
    (Cause.UNKNOWN_NUMBER, True, True, False, ""),
    (Cause.LANDLINE, True, True, False, ""),
    (Cause.BOUNCE, False, True, False, STEPS),
    (Cause.SUPPRESS_BOUNCE, False, True, False, STEPS),
    (Cause.SUPPRESS_COMPLAINT, False, True, False, STEPS),
    (Cause.SUPPRESS_UNSUBSCRIBE, False, True, False, STEPS),
    (Cause.GENERIC_FAILURE, True, True, False, ""),
    (Cause.UNSUBSCRIBED, True, True, False, ""),
    (Cause.COMPLAINT, False, False, True, REVIEW),
]


def suppressed(cause: Cause, scope: Scope = Channel.SMS, at: int = 5) -> Suppression:
    """Return an active row on the number."""
    return Suppression(NUMBER, scope, cause, set_time=at)


def lifted(row: Suppression, lifts: tuple[Suppression, ...]) -> bool:
    """Tell whether a row is not active any more once the lifts are merged into it."""
    for lift in lifts:
        if lift[:3] == row[:3]:
            row = join_suppressions(row, lift)
    return not active(row)


def test_the_table_is_complete() -> None:
    """Every cause has its row here."""
    assert [row[0] for row in TABLE] == list(Cause)


@pytest.mark.parametrize(("cause", "alone", "remediated", "by_review", "way_out"), TABLE)
def test_who_lifts_what(cause: Cause, *, alone: bool, remediated: bool, by_review: bool, way_out: str) -> None:
    """The cause alone decides who lifts it, and whoever may not is told the way out."""
    row = suppressed(cause)

    for stated, may in ((False, alone), (True, remediated)):
        assert lifted(row, switch_off([NUMBER], [Channel.SMS], 6, remediated=stated)) is may
        assert (not obstacles([row], [Channel.SMS], remediated=stated)) is may
    assert lifted(row, approve([NUMBER], Channel.SMS, 6)) is by_review
    assert needs_remediation_only(row) is remediated
    assert [each.way_out for each in obstacles([row], [Channel.SMS], remediated=False)] == [way_out] * (not alone)


@pytest.mark.parametrize("scope", [None, *Channel])
def test_a_switch_on_is_a_manual_suppression_of_the_contact(scope: Scope) -> None:
    """It stands on the contact, once for each scope, and lifts nothing."""
    assert switch_on(ANN, [scope], 7, "act") == (Suppression(ANN, scope, Cause.MANUAL, set_time=7, event_id="act"),)


def test_obstacles_are_those_of_the_scopes() -> None:
    """What stands on another channel, or on all at once where one is named, is none; nor is what is the user's."""
    rows = [suppressed(Cause.OPT_OUT, scope) for scope in (None, Channel.SMS, Channel.EMAIL)]

    def scopes(*named: Scope) -> list[Scope]:
        given = [*rows, suppressed(Cause.MANUAL)]
        return [each.suppression.channel for each in obstacles(given, named, remediated=True)]

    assert scopes(Channel.SMS) == [Channel.SMS]
    assert scopes(None) == [None]
    assert scopes(Channel.EMAIL, Channel.SMS) == [Channel.SMS, Channel.EMAIL]
    assert scopes(Channel.CALL) == []


def test_a_switch_off_covers_every_subject_and_scope_and_no_other() -> None:
    """A lift is written on each subject for each scope, set before or not, and on nothing else."""
    lifts = switch_off([ANN, NUMBER], [Channel.SMS, Channel.GMB], 9, remediated=False)

    assert {(row.subject, row.channel) for row in lifts} == {
        (subject, scope) for subject in (ANN, NUMBER) for scope in (Channel.SMS, Channel.GMB)
    }
    assert {(row.set_time, row.lift_time) for row in lifts} == {(-1, 9)}
    assert len(lifts) == len(set(lifts)) == 4 * sum(row[1] for row in TABLE)


@pytest.mark.parametrize(("at", "remains"), [(4, False), (5, True), (6, True)])
def test_an_approval_lifts_as_of_the_submission(at: int, *, remains: bool) -> None:
    """An opt-out at the time of the submission or after it survives the approval."""
    assert lifted(suppressed(Cause.OPT_OUT, at=at), approve([NUMBER], Channel.SMS, 5)) is not remains


def test_an_approval_is_for_its_channel() -> None:
    """Other channels, and all channels at once, are untouched."""
    assert {row.channel for row in approve([ANN, NUMBER], Channel.EMAIL, 5)} == {Channel.EMAIL}
