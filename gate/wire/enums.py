"""The contract's enums beside the rules' ones. Names agree; the contract's carry their enum's name in front."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TypeVar

from sendgate.v1 import channel_pb2, opt_in_review_pb2
from sendgate.v1 import send_gate_pb2 as pb

from gate.rules.causes import Permanence, Remover
from gate.rules.connection import Connection
from gate.rules.judge import DenyReason
from gate.rules.model import Cause, Channel, DndStatus, Outcome, Severity, Verdict
from gate.rules.review import PhraseState, ReviewState

Member = TypeVar("Member", bound=StrEnum)


def _numbers(wire: Any, members: Iterable[Member]) -> dict[Member, Any]:
    unspecified = wire.DESCRIPTOR.values_by_number[0].name
    return {member: wire.Value(f"{unspecified.removesuffix('UNSPECIFIED')}{member.name}") for member in members}


def _members(numbers: Mapping[Member, int]) -> Mapping[int, Member]:
    return MappingProxyType({number: member for member, number in numbers.items()})


CHANNEL_NUMBERS: Final[Mapping[Channel, pb.Channel.ValueType]] = _numbers(pb.Channel, Channel)
CHANNELS: Final = _members(CHANNEL_NUMBERS)
CAUSE_NUMBERS: Final[Mapping[Cause, pb.Cause.ValueType]] = _numbers(pb.Cause, Cause)
PERMANENCE_NUMBERS: Final[Mapping[Permanence, pb.Permanence.ValueType]] = _numbers(pb.Permanence, Permanence)
REMOVER_NUMBERS: Final[Mapping[Remover, pb.Remover.ValueType]] = _numbers(pb.Remover, Remover)
DENY_REASON_NUMBERS: Final[Mapping[DenyReason, pb.DenyReason.ValueType]] = _numbers(pb.DenyReason, DenyReason)
STATUS_NUMBERS: Final[Mapping[DndStatus, pb.DndStatus.ValueType]] = _numbers(pb.DndStatus, DndStatus)
OUTCOME_NUMBERS: Final[Mapping[Outcome, pb.Outcome.ValueType]] = _numbers(pb.Outcome, Outcome)
CONNECTION_NUMBERS: Final[Mapping[Connection, channel_pb2.Connection.ValueType]] = _numbers(
    channel_pb2.Connection, Connection
)
REVIEW_STATE_NUMBERS: Final[Mapping[ReviewState, opt_in_review_pb2.OptInState.ValueType]] = _numbers(
    opt_in_review_pb2.OptInState, ReviewState
)
PHRASE_STATE_NUMBERS: Final[Mapping[PhraseState, opt_in_review_pb2.PhraseState.ValueType]] = _numbers(
    opt_in_review_pb2.PhraseState, PhraseState
)

SEVERITIES: Final[Mapping[int, Severity]] = MappingProxyType(
    {
        pb.EMAIL_SEVERITY_UNSPECIFIED: Severity.UNKNOWN,
        pb.EMAIL_SEVERITY_PERMANENT: Severity.PERMANENT,
        pb.EMAIL_SEVERITY_TEMPORARY: Severity.TEMPORARY,
    }
)
VERDICTS: Final[Mapping[int, Verdict]] = MappingProxyType(
    {
        pb.OPT_OUT_TYPE_UNSPECIFIED: Verdict.NONE,
        pb.OPT_OUT_TYPE_STOP: Verdict.STOP,
        pb.OPT_OUT_TYPE_START: Verdict.START,
        pb.OPT_OUT_TYPE_HELP: Verdict.HELP,
    }
)
