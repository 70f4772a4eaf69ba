"""The cause table: how permanent each cause is, who lifts it, and whether it is a fact or a wish.

From the product rule set "DND split" (help article of 2022-11-17), row by row.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from gate.rules.model import Cause


class Permanence(StrEnum):
    """Whether a user may lift a suppression. Temporary ones do not expire by themselves."""

    TEMPORARY = "TEMPORARY"
    PERMANENT = "PERMANENT"


class Remover(StrEnum):
    """Who may lift a suppression."""

    USER = "USER"
    CONTACT = "CONTACT"
    SUPPORT = "SUPPORT"


class Kind(StrEnum):
    """A fact is about an address and stays with it; a wish is a person's and follows the person."""

    FACT = "FACT"
    WISH = "WISH"


class CauseRule(NamedTuple):
    """What follows from a cause."""

    kind: Kind
    permanence: Permanence
    removers: tuple[Remover, ...]
    remediation: bool = False
    """Whether a user must first clear the provider's suppression list and validate the address."""


_BY_USER: Final = (Remover.USER,)
_BY_USER_OR_REPLY: Final = (Remover.USER, Remover.CONTACT)
_BY_REPLY_OR_REVIEW: Final = (Remover.CONTACT, Remover.SUPPORT)

CAUSES: Final = MappingProxyType(
    {
        Cause.MANUAL: CauseRule(Kind.WISH, Permanence.TEMPORARY, _BY_USER),
        Cause.LEGACY: CauseRule(Kind.WISH, Permanence.TEMPORARY, _BY_USER),
        Cause.OPT_OUT: CauseRule(Kind.WISH, Permanence.PERMANENT, _BY_REPLY_OR_REVIEW),
        Cause.CARRIER_BLOCKED: CauseRule(Kind.WISH, Permanence.PERMANENT, _BY_REPLY_OR_REVIEW),
        Cause.UNREACHABLE: CauseRule(Kind.FACT, Permanence.TEMPORARY, _BY_USER_OR_REPLY),
        Cause.UNKNOWN_NUMBER: CauseRule(Kind.FACT, Permanence.TEMPORARY, _BY_USER_OR_REPLY),
        Cause.LANDLINE: CauseRule(Kind.FACT, Permanence.TEMPORARY, _BY_USER_OR_REPLY),
        Cause.BOUNCE: CauseRule(Kind.FACT, Permanence.TEMPORARY, _BY_USER, remediation=True),
        Cause.SUPPRESS_BOUNCE: CauseRule(Kind.FACT, Permanence.TEMPORARY, _BY_USER, remediation=True),
        Cause.SUPPRESS_COMPLAINT: CauseRule(Kind.FACT, Permanence.TEMPORARY, _BY_USER, remediation=True),
        Cause.SUPPRESS_UNSUBSCRIBE: CauseRule(Kind.FACT, Permanence.TEMPORARY, _BY_USER, remediation=True),
        Cause.GENERIC_FAILURE: CauseRule(Kind.FACT, Permanence.TEMPORARY, _BY_USER),
        Cause.UNSUBSCRIBED: CauseRule(Kind.WISH, Permanence.TEMPORARY, _BY_USER),
        Cause.COMPLAINT: CauseRule(Kind.WISH, Permanence.PERMANENT, (Remover.SUPPORT,)),
    }
)

FACTS: Final = frozenset(cause for cause, rule in CAUSES.items() if rule.kind is Kind.FACT)

LIFTED_BY_REPLY: Final = tuple(cause for cause, rule in CAUSES.items() if Remover.CONTACT in rule.removers)
"""What a START reply lifts, on its own channel alone."""
