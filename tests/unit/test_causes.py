"""The cause table, typed in once more from the rule set: what follows from each cause."""

import pytest

from gate.rules.causes import CAUSES, FACTS, LIFTED_BY_REPLY, CauseRule, Kind, Permanence, Remover
from gate.rules.model import Cause

FACT, WISH = Kind.FACT, Kind.WISH
TEMPORARY, PERMANENT = Permanence.TEMPORARY, Permanence.PERMANENT
USER, CONTACT, SUPPORT = Remover.USER, Remover.CONTACT, Remover.SUPPORT

SPECIFIED: dict[str, CauseRule] = {
    "MANUAL": CauseRule(WISH, TEMPORARY, (USER,), remediation=False),
    "LEGACY": CauseRule(WISH, TEMPORARY, (USER,), remediation=False),
    "OPT_OUT": CauseRule(WISH, PERMANENT, (CONTACT, SUPPORT), remediation=False),
    "CARRIER_BLOCKED": CauseRule(WISH, PERMANENT, (CONTACT, SUPPORT), remediation=False),
    "UNREACHABLE": CauseRule(FACT, TEMPORARY, (USER, CONTACT), remediation=False),
    "UNKNOWN_NUMBER": CauseRule(FACT, TEMPORARY, (USER, CONTACT), remediation=False),
    "LANDLINE": CauseRule(FACT, TEMPORARY, (USER, CONTACT), remediation=False),
    "BOUNCE": CauseRule(FACT, TEMPORARY, (USER,), remediation=True),
    "SUPPRESS_BOUNCE": CauseRule(FACT, TEMPORARY, (USER,), remediation=True),
    "SUPPRESS_COMPLAINT": CauseRule(FACT, TEMPORARY, (USER,), remediation=True),
    "SUPPRESS_UNSUBSCRIBE": CauseRule(FACT, TEMPORARY, (USER,), remediation=True),
    "GENERIC_FAILURE": CauseRule(FACT, TEMPORARY, (USER,), remediation=False),
    "UNSUBSCRIBED": CauseRule(WISH, TEMPORARY, (USER,), remediation=False),
    "COMPLAINT": CauseRule(WISH, PERMANENT, (SUPPORT,), remediation=False),
}


@pytest.mark.parametrize("name", SPECIFIED)
def test_a_cause_has_the_row_that_the_rule_set_gives_it(name: str) -> None:
    """Kind, permanence, removers and remediation follow from the cause as the rule set has them."""
    assert CAUSES[Cause(name)] == SPECIFIED[name]


def test_every_cause_has_a_row() -> None:
    """No cause is without a rule, and no rule without a cause."""
    assert set(CAUSES) == set(Cause)
    assert {cause.value for cause in Cause} == set(SPECIFIED)


def test_a_reply_lifts_opt_outs_and_phone_facts_only() -> None:
    """START never lifts MANUAL, LEGACY, UNSUBSCRIBED, COMPLAINT or anything about a mailbox."""
    assert sorted(LIFTED_BY_REPLY) == ["CARRIER_BLOCKED", "LANDLINE", "OPT_OUT", "UNKNOWN_NUMBER", "UNREACHABLE"]


def test_facts_are_what_delivery_failures_report() -> None:
    """What is known of an address is a fact; what somebody asked for is none."""
    assert sorted(FACTS) == [
        "BOUNCE",
        "GENERIC_FAILURE",
        "LANDLINE",
        "SUPPRESS_BOUNCE",
        "SUPPRESS_COMPLAINT",
        "SUPPRESS_UNSUBSCRIBE",
        "UNKNOWN_NUMBER",
        "UNREACHABLE",
    ]


@pytest.mark.parametrize("cause", Cause)
def test_permanent_means_that_no_user_may_lift_it(cause: Cause) -> None:
    """A user lifts every temporary cause and no permanent one, and every cause has somebody who may lift it."""
    rule = CAUSES[cause]

    assert (Remover.USER in rule.removers) is (rule.permanence is Permanence.TEMPORARY)
    assert rule.removers
