"""What people do to a contact or a location, as values for the log; what each does to the state is an effect."""

from dataclasses import dataclass
from typing import Final

from gate.rules.model import Channel

GATE: Final = "sendgate"
"""The provider under which acts stand in the log, beside those that report events."""


IMPORT: Final = "sendgate.import"
"""The provider under which imports stand in the log."""


@dataclass(frozen=True, slots=True)
class SetDnd:
    """A user switched DND on some channels (None: on all at once)."""

    on: bool
    channels: tuple[Channel, ...] | None
    note: str = ""
    remediated: bool = False


@dataclass(frozen=True, slots=True)
class LinkAddress:
    """A user said that the contact uses an address."""


@dataclass(frozen=True, slots=True)
class UnlinkAddress:
    """A user said that the contact no longer uses an address."""


@dataclass(frozen=True, slots=True)
class ConnectChannel:
    """A location's channel was registered, or works again."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class DisconnectChannel:
    """A location's channel dropped."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class SubmitOptIn:
    """Somebody shared a contact's opt-in."""

    review_id: str
    channel: Channel
    relationship_numbers: tuple[str, ...]
    recording_uri: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ApproveOptIn:
    """Support took the evidence for an opt-in."""

    review_id: str
    channel: Channel
    submit_time: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class RejectOptIn:
    """Support declined the evidence."""

    review_id: str
    channel: Channel
    note: str = ""


@dataclass(frozen=True, slots=True)
class ConfirmPossibleOptOut:
    """A person took a message for an opt-out."""

    phrase_id: str


@dataclass(frozen=True, slots=True)
class DismissPossibleOptOut:
    """A person took a message for no opt-out."""

    phrase_id: str


@dataclass(frozen=True, slots=True)
class ImportContact:
    """A contact came from another system, with DND on or off."""

    dnd: bool


@dataclass(frozen=True, slots=True)
class ImportState:
    """Rows of a gate's state came with an import."""


@dataclass(frozen=True, slots=True)
class FinishImport:
    """A state came over whole; what is imported after it only adds."""


@dataclass(frozen=True, slots=True)
class EraseContact:
    """What identifies a person was removed; whom, the log does not say."""


Detail = (
    SetDnd
    | LinkAddress
    | UnlinkAddress
    | ConnectChannel
    | DisconnectChannel
    | SubmitOptIn
    | ApproveOptIn
    | RejectOptIn
    | ConfirmPossibleOptOut
    | DismissPossibleOptOut
    | ImportContact
    | ImportState
    | FinishImport
    | EraseContact
)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a person or a tool did, at a time that the gate chose. Ids may be empty where they do not fit."""

    act_id: str
    location_id: str
    contact_id: str
    address: str
    occur_time: int
    actor: str
    detail: Detail

    @property
    def key(self) -> tuple[str, str, str]:
        """Return what the act is recorded under."""
        return self.location_id, GATE, self.act_id
