"""The words of the rules as values: channels, causes, subjects, suppressions, links and events.

Times are integers: nanoseconds since 1970-01-01 UTC, `NEVER` for what has not happened.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, NamedTuple

NEVER: Final = -1


class Channel(StrEnum):
    """A way to reach a person."""

    SMS = "SMS"
    EMAIL = "EMAIL"
    CALL = "CALL"
    FACEBOOK = "FACEBOOK"
    GMB = "GMB"
    WHATSAPP = "WHATSAPP"


class Cause(StrEnum):
    """Why a suppression exists; see `gate.rules.causes` for what follows from it."""

    MANUAL = "MANUAL"
    LEGACY = "LEGACY"
    OPT_OUT = "OPT_OUT"
    CARRIER_BLOCKED = "CARRIER_BLOCKED"
    UNREACHABLE = "UNREACHABLE"
    UNKNOWN_NUMBER = "UNKNOWN_NUMBER"
    LANDLINE = "LANDLINE"
    BOUNCE = "BOUNCE"
    SUPPRESS_BOUNCE = "SUPPRESS_BOUNCE"
    SUPPRESS_COMPLAINT = "SUPPRESS_COMPLAINT"
    SUPPRESS_UNSUBSCRIBE = "SUPPRESS_UNSUBSCRIBE"
    GENERIC_FAILURE = "GENERIC_FAILURE"
    UNSUBSCRIBED = "UNSUBSCRIBED"
    COMPLAINT = "COMPLAINT"


Kind = Literal["contact", "address", "tombstone"]
"""What a subject is. A tombstone stands for an erased one of either kind."""


class Subject(NamedTuple):
    """What a suppression stands on. All three parts together are the key: no two subjects share one."""

    location_id: str
    kind: Kind
    id: str


class Suppression(NamedTuple):
    """One lattice row: a reason not to send on a channel (None: on all), with the two times that decide it.

    An effect of an event is such a row too, with only one of the times. `provider_code` and `event_id` belong
    to `set_time`.
    """

    subject: Subject
    channel: Channel | None
    cause: Cause
    set_time: int = NEVER
    lift_time: int = NEVER
    provider_code: str = ""
    event_id: str = ""


class Link(NamedTuple):
    """That a contact uses an address, or used it: linked while `linked_time` is not before `unlinked_time`."""

    location_id: str
    contact_id: str
    address: str
    linked_time: int = NEVER
    unlinked_time: int = NEVER


class DndStatus(StrEnum):
    """How much of a contact is in DND."""

    OFF = "OFF"
    PARTIAL = "PARTIAL"
    ON = "ON"


class Outcome(StrEnum):
    """What an event came to."""

    APPLIED = "APPLIED"
    NO_EFFECT = "NO_EFFECT"
    DUPLICATE = "DUPLICATE"
    STALE = "STALE"
    POSSIBLE_OPT_OUT = "POSSIBLE_OPT_OUT"


class Verdict(StrEnum):
    """A provider's own reading of an inbound message."""

    NONE = ""
    STOP = "STOP"
    START = "START"
    HELP = "HELP"


class Severity(StrEnum):
    """A provider's word on whether a failed email is final."""

    UNKNOWN = ""
    PERMANENT = "PERMANENT"
    TEMPORARY = "TEMPORARY"


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """The person wrote on a channel."""

    channel: Channel
    body: str
    verdict: Verdict = Verdict.NONE


@dataclass(frozen=True, slots=True)
class SmsFailure:
    """A text message was not delivered."""

    error_code: str
    message_status: str = ""


@dataclass(frozen=True, slots=True)
class EmailFailure:
    """An email was not delivered."""

    severity: Severity
    reason: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class EmailUnsubscribe:
    """The recipient unsubscribed from email."""

    tag: str = ""


@dataclass(frozen=True, slots=True)
class EmailComplaint:
    """The recipient marked an email as spam."""


Detail = InboundMessage | SmsFailure | EmailFailure | EmailUnsubscribe | EmailComplaint


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a provider. Addresses are in normal form; `occur_time` None means now."""

    event_id: str
    location_id: str
    contact_id: str
    address: str
    occur_time: int | None
    provider: str
    detail: Detail

    @property
    def subject(self) -> Subject:
        """The one subject that the event stands on: the address where it names one, else the contact."""
        if self.address:
            return Subject(self.location_id, "address", self.address)
        return Subject(self.location_id, "contact", self.contact_id)
