"""Turn an event into its effects: the lattice rows it raises and the link it teaches. No state is looked at."""

from typing import Final, NamedTuple, assert_never

from gate.rules.causes import LIFTED_BY_REPLY
from gate.rules.connection import ConnectionTimes
from gate.rules.keywords import Reply, read_reply
from gate.rules.model import (
    NEVER,
    Cause,
    Channel,
    EmailComplaint,
    EmailFailure,
    EmailUnsubscribe,
    Event,
    InboundMessage,
    Link,
    Severity,
    SmsFailure,
    Suppression,
    Verdict,
)
from gate.rules.rulebook import Rulebook


class Effects(NamedTuple):
    """What an event does to the state: rows to be merged, in which only one of the times is set."""

    suppressions: tuple[Suppression, ...] = ()
    links: tuple[Link, ...] = ()
    possible_opt_out: bool = False
    connections: tuple[ConnectionTimes, ...] = ()


class _Meaning(NamedTuple):
    """What an event says about its subject on one channel: a cause to set, or that a reply lifts."""

    channel: Channel = Channel.SMS
    cause: Cause | None = None
    provider_code: str = ""
    start: bool = False
    possible_opt_out: bool = False


_NOTHING: Final = _Meaning()
_UNSUBSCRIBED: Final = _Meaning(Channel.EMAIL, Cause.UNSUBSCRIBED)
_COMPLAINT: Final = _Meaning(Channel.EMAIL, Cause.COMPLAINT)

_VERDICTS: Final = {Verdict.STOP: Reply.OPT_OUT, Verdict.START: Reply.OPT_IN}
"""What a provider's own verdict says, which beats the text."""

_REPLIES: Final = {
    (channel, reply): meaning
    for channel in Channel
    for reply, meaning in (
        (Reply.OPT_OUT, _Meaning(channel, Cause.OPT_OUT)),
        (Reply.OPT_IN, _Meaning(channel, start=True)),
        (Reply.POSSIBLE_OPT_OUT, _Meaning(channel, possible_opt_out=True)),
        (Reply.NONE, _NOTHING),
    )
}
"""What a reply says on the channel that it came by."""


def interpret(event: Event, occur_time: int, rulebook: Rulebook) -> Effects:
    """Apply the rules to one event that happened at `occur_time`.

    The effects stand on the event's one subject and are never copied to others: how they bear on the contact's
    other addresses is judged at each check.
    """
    links: tuple[Link, ...] = ()
    if event.contact_id and event.address:
        links = (Link(event.location_id, event.contact_id, event.address, occur_time),)
    channel, cause, code, start, possible = _meaning(event, rulebook)
    if cause is not None:
        return Effects((Suppression(event.subject, channel, cause, occur_time, NEVER, code, event.event_id),), links)
    if start:
        subject = event.subject
        lifts = tuple(Suppression(subject, channel, cause, lift_time=occur_time) for cause in LIFTED_BY_REPLY)
        return Effects(lifts, links)
    return Effects((), links, possible)


def _meaning(event: Event, rulebook: Rulebook) -> _Meaning:
    detail = event.detail
    match detail:
        case InboundMessage():
            return _inbound_message(detail, rulebook)
        case SmsFailure():
            return _sms_failure(detail, rulebook)
        case EmailFailure():
            return _email_failure(detail, rulebook)
        case EmailUnsubscribe():
            return _UNSUBSCRIBED
        case EmailComplaint():
            return _COMPLAINT
        case _:
            assert_never(detail)


def _inbound_message(detail: InboundMessage, rulebook: Rulebook) -> _Meaning:
    """Read a reply. The provider's own verdict, STOP or START, beats the text."""
    reply = _VERDICTS.get(detail.verdict) or read_reply(detail.body, rulebook.replies)
    if rulebook.enforce_possible and reply is Reply.POSSIBLE_OPT_OUT:
        reply = Reply.OPT_OUT
    return _REPLIES[detail.channel, reply]


def _sms_failure(detail: SmsFailure, rulebook: Rulebook) -> _Meaning:
    """Suppress text messages where the carrier's code says so.

    Codes match exactly, after trimming. A message that is on its way or has arrived did not fail, whatever code
    a callback carries along.
    """
    code = detail.error_code.strip()
    if detail.message_status.strip().lower() in rulebook.sms_progress:
        return _NOTHING
    return _Meaning(Channel.SMS, rulebook.sms_codes.get(code), code)


def _email_failure(detail: EmailFailure, rulebook: Rulebook) -> _Meaning:
    """Suppress email where delivery failed for good.

    Severity decides, not the reason: `generic` comes with temporary failures too, and those silence nobody.
    """
    if detail.severity is not Severity.PERMANENT:
        return _NOTHING
    reason = detail.reason.strip()
    cause = rulebook.email_reasons.get(reason.lower(), Cause.GENERIC_FAILURE)
    return _Meaning(Channel.EMAIL, cause, detail.code.strip() or reason)
