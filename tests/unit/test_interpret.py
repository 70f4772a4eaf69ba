"""What each event means: the provider tables row by row, and what an event's effects stand on."""

from functools import partial

import pytest

from gate.rules.interpret import Effects, interpret
from gate.rules.keywords import Profile
from gate.rules.model import (
    NEVER,
    Cause,
    Channel,
    Detail,
    EmailComplaint,
    EmailFailure,
    EmailUnsubscribe,
    Event,
    InboundMessage,
    Link,
    Severity,
    SmsFailure,
    Subject,
    Suppression,
    Verdict,
)
from gate.tables import load_rulebook

NOON = 1_700_000_000_000_000_000
NUMBER = "+15005550006"
ON_NUMBER = Subject("shop", "address", NUMBER)
ON_CONTACT = Subject("shop", "contact", "c1")
RULEBOOK = load_rulebook()
ENFORCING = load_rulebook(enforce_possible=True)

PERMANENT, TEMPORARY, UNKNOWN = Severity.PERMANENT, Severity.TEMPORARY, Severity.UNKNOWN
LIFTED = ("OPT_OUT", "CARRIER_BLOCKED", "UNREACHABLE", "UNKNOWN_NUMBER", "LANDLINE")
PHRASE = "please stop texting me"

sms = partial(InboundMessage, Channel.SMS)


def told(detail: Detail, *, contact: str = "", address: str = NUMBER) -> Event:
    """Return an event that says so, of an address unless told otherwise."""
    return Event("e1", "shop", contact, address, NOON, "provider", detail)


def effects(detail: Detail) -> Effects:
    """Return what the default tables make of a detail that names an address."""
    return interpret(told(detail), NOON, RULEBOOK)


def sets(channel: Channel, cause: Cause, code: str = "") -> Effects:
    """Return the effects of an event that sets one cause on the address."""
    return Effects((Suppression(ON_NUMBER, channel, cause, NOON, NEVER, code, "e1"),))


def lifts(channel: Channel) -> Effects:
    """Return the effects of a START on the address."""
    return Effects(tuple(Suppression(ON_NUMBER, channel, Cause(name), lift_time=NOON) for name in LIFTED))


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("30003", Cause.UNREACHABLE),
        ("30004", Cause.CARRIER_BLOCKED),
        ("30005", Cause.UNKNOWN_NUMBER),
        ("30006", Cause.LANDLINE),
        ("21610", Cause.OPT_OUT),
    ],
)
@pytest.mark.parametrize("status", ["failed", "undelivered", "", "a status of next year"])
def test_a_code_of_the_table_suppresses_sms(code: str, cause: Cause, status: str) -> None:
    """Each code of the table sets its cause on SMS, and the raw code is kept."""
    assert effects(SmsFailure(code, status)) == sets(Channel.SMS, cause, code)


@pytest.mark.parametrize(
    "code",
    [
        *("30001", "30002", "30007", "30008", "30034", "30450", "21211", "21614", "21635"),
        *("", " ", "300030", "3000", "030003", "30 003", "30003.0", "30003,30004", "0x7533"),
    ],
)
def test_any_other_code_has_no_effect(code: str) -> None:
    """A code outside the table, one that only resembles a row, and none at all change nothing."""
    assert effects(SmsFailure(code, "failed")) == Effects()


@pytest.mark.parametrize("code", [" 30003", "30003\n", "\t30003 "])
def test_a_code_is_trimmed_before_it_is_compared(code: str) -> None:
    """White space around a code does not make it another, and is not kept."""
    assert effects(SmsFailure(code)) == sets(Channel.SMS, Cause.UNREACHABLE, "30003")


@pytest.mark.parametrize(
    "status", ["accepted", "scheduled", "queued", "sending", "sent", "delivered", "read", "Delivered", " sent "]
)
def test_a_message_on_its_way_did_not_fail(status: str) -> None:
    """A status that says on its way or arrived has no effect, whatever the code, in any case and spacing."""
    assert effects(SmsFailure("30003", status)) == Effects()


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("bounce", Cause.BOUNCE),
        ("suppress-bounce", Cause.SUPPRESS_BOUNCE),
        ("suppress-complaint", Cause.SUPPRESS_COMPLAINT),
        ("suppress-unsubscribe", Cause.SUPPRESS_UNSUBSCRIBE),
        ("generic", Cause.GENERIC_FAILURE),
        ("a reason of next year", Cause.GENERIC_FAILURE),
        ("", Cause.GENERIC_FAILURE),
    ],
)
def test_a_permanent_failure_suppresses_email(reason: str, cause: Cause) -> None:
    """Each reason of the table sets its cause on email; an unknown or missing one is a generic failure."""
    assert effects(EmailFailure(PERMANENT, reason)) == sets(Channel.EMAIL, cause, reason)


@pytest.mark.parametrize("reason", ["Suppress-Bounce", " suppress-bounce "])
def test_a_reason_is_compared_trimmed_and_in_any_case(reason: str) -> None:
    """White space and capitals do not make a reason another; the raw one is kept but for the white space."""
    assert effects(EmailFailure(PERMANENT, reason)) == sets(Channel.EMAIL, Cause.SUPPRESS_BOUNCE, reason.strip())


@pytest.mark.parametrize("severity", [TEMPORARY, UNKNOWN])
@pytest.mark.parametrize(
    "reason", ["bounce", "suppress-bounce", "suppress-complaint", "suppress-unsubscribe", "generic", "old", ""]
)
def test_a_failure_that_is_not_permanent_has_no_effect(severity: Severity, reason: str) -> None:
    """Severity decides: temporary failures and failures without severity change nothing, whatever the reason."""
    assert effects(EmailFailure(severity, reason, "550")) == Effects()


def test_a_block_of_the_sender_has_no_effect() -> None:
    """Permanent `espblock` is about the sender, not the recipient."""
    assert effects(EmailFailure(PERMANENT, "espblock", "550")) == Effects()


@pytest.mark.parametrize(("code", "kept"), [("550", "550"), (" 550 ", "550"), ("", "bounce"), (" ", "bounce")])
def test_email_keeps_the_reply_code_or_else_the_reason(code: str, kept: str) -> None:
    """The provider's code of an email failure is its reply code, trimmed, and where that is missing the reason."""
    assert effects(EmailFailure(PERMANENT, " bounce ", code)) == sets(Channel.EMAIL, Cause.BOUNCE, kept)


def test_unsubscribing_suppresses_email() -> None:
    """An unsubscribe event sets UNSUBSCRIBED on email, whatever its tag."""
    assert effects(EmailUnsubscribe("news")) == sets(Channel.EMAIL, Cause.UNSUBSCRIBED)


def test_a_spam_complaint_suppresses_email() -> None:
    """A complaint sets COMPLAINT on email."""
    assert effects(EmailComplaint()) == sets(Channel.EMAIL, Cause.COMPLAINT)


@pytest.mark.parametrize("channel", Channel)
def test_an_opt_out_reply_bears_on_its_own_channel(channel: Channel) -> None:
    """STOP sets OPT_OUT on the channel on which it came and on no other."""
    assert effects(InboundMessage(channel, "STOP")) == sets(channel, Cause.OPT_OUT)


@pytest.mark.parametrize("channel", Channel)
def test_start_lifts_what_a_reply_may_lift_on_its_own_channel(channel: Channel) -> None:
    """START writes a lift for each cause that a reply may lift, set or not, on its channel alone."""
    assert effects(InboundMessage(channel, "START")) == lifts(channel)


@pytest.mark.parametrize("body", ["", "yes please", "We have got to STOP this bill", "START 12345", "nonstop"])
def test_any_other_reply_has_no_effect(body: str) -> None:
    """A keyword inside a sentence, and a message that says nothing of consent, change nothing."""
    assert effects(sms(body)) == Effects()


@pytest.mark.parametrize("body", ["START", "hello", "", PHRASE])
def test_a_stop_verdict_beats_the_body(body: str) -> None:
    """What the provider took for an opt-out is one, whatever it says."""
    assert effects(sms(body, Verdict.STOP)) == sets(Channel.SMS, Cause.OPT_OUT)


@pytest.mark.parametrize("body", ["STOP", "hello", "", PHRASE])
def test_a_start_verdict_beats_the_body(body: str) -> None:
    """What the provider took for an opt-in is one, whatever it says, also where possible opt-outs are enforced."""
    for rulebook in (RULEBOOK, ENFORCING):
        assert interpret(told(sms(body, Verdict.START)), NOON, rulebook) == lifts(Channel.SMS)


@pytest.mark.parametrize("verdict", [Verdict.HELP, Verdict.NONE])
def test_no_verdict_and_help_leave_it_to_the_body(verdict: Verdict) -> None:
    """A request for help is no word on consent, so the body is read as if there were no verdict."""
    assert effects(sms("STOP", verdict)) == sets(Channel.SMS, Cause.OPT_OUT)
    assert effects(sms("START", verdict)) == lifts(Channel.SMS)
    assert effects(sms("HELP", verdict)) == Effects()
    assert effects(sms(PHRASE, verdict)) == Effects(possible_opt_out=True)


def test_a_possible_opt_out_sets_nothing_unless_enforced() -> None:
    """A phrase is reported and left to a person; where enforced, it is an opt-out as any other."""
    assert effects(sms(PHRASE)) == Effects(possible_opt_out=True)
    assert interpret(told(sms(PHRASE)), NOON, ENFORCING) == sets(Channel.SMS, Cause.OPT_OUT)


def test_unstop_is_read_as_the_profile_has_it() -> None:
    """The article counts UNSTOP as an opt-out, and Twilio as an opt-in."""
    twilio = load_rulebook(Profile.TWILIO)

    assert effects(sms("UNSTOP")) == sets(Channel.SMS, Cause.OPT_OUT)
    assert interpret(told(sms("UNSTOP")), NOON, twilio) == lifts(Channel.SMS)


@pytest.mark.parametrize(
    ("contact", "address", "subject"),
    [("c1", NUMBER, ON_NUMBER), ("", NUMBER, ON_NUMBER), ("c1", "", ON_CONTACT)],
)
@pytest.mark.parametrize("body", ["STOP", "START"])
def test_an_event_stands_on_one_subject(contact: str, address: str, subject: Subject, body: str) -> None:
    """Effects stand on the address where the event names one, else on the contact, and are copied to nobody."""
    found = interpret(told(sms(body), contact=contact, address=address), NOON, RULEBOOK)

    assert {row.subject for row in found.suppressions} == {subject}


@pytest.mark.parametrize(
    "detail", [sms("STOP"), sms("START"), sms("hello"), sms(PHRASE), SmsFailure("30008"), EmailComplaint()]
)
def test_an_event_that_names_both_teaches_a_link(detail: Detail) -> None:
    """That the contact uses the address is known from any event that names both, also one without other effect."""
    link = Link("shop", "c1", NUMBER, linked_time=NOON)

    assert interpret(told(detail, contact="c1"), NOON, RULEBOOK).links == (link,)
    assert interpret(told(detail), NOON, RULEBOOK).links == ()
    assert interpret(told(detail, contact="c1", address=""), NOON, RULEBOOK).links == ()


def test_the_effects_are_dated_by_the_given_time() -> None:
    """An event without a time of its own takes effect at the time at which it is interpreted."""
    event = Event("e1", "shop", "c1", NUMBER, None, "provider", sms("STOP"))

    found = interpret(event, NOON + 1, RULEBOOK)

    assert [row.set_time for row in found.suppressions] == [NOON + 1]
    assert [link.linked_time for link in found.links] == [NOON + 1]
