"""The day's hard cases of replies and failures, by the clock, each on contacts of its own."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.data.day_contacts import ACME, Contact, Numbers
from tests.data.day_log import Day

EMAIL = "CHANNEL_EMAIL"


class Cast:
    """Hands out contacts that nothing else in the day touches, and numbers that nobody has."""

    def __init__(self, people: list[Contact], numbers: Numbers) -> None:
        """Take the contacts that are left to the cases."""
        self._people: Iterator[Contact] = iter(people)
        self._numbers = numbers

    def person(self) -> Contact:
        """Return a contact of the first location."""
        return next(self._people)

    def moved(self, contact: Contact) -> Contact:
        """Return the same contact with a new number."""
        return replace(contact, phone=self._numbers.home())

    def stranger(self, location: str = ACME) -> Contact:
        """Return a number that belongs to no known contact."""
        return Contact(location, "", self._numbers.home(), "")


def late_and_early_replies(day: Day, cast: Cast) -> None:
    """Tell things late: what happened last counts, not what was heard last."""
    late_stop = cast.person()
    day.text(late_stop, "10:00", "START")
    day.text(late_stop, "09:00", "STOP", heard="11:00")

    old_start = cast.person()
    day.text(old_start, "12:00", "stop")
    day.text(old_start, "08:00", "start", heard="13:00")

    reversed_trio = cast.person()
    day.text(reversed_trio, "09:30", "Stop", heard="16:03")
    day.text(reversed_trio, "10:30", "Start", heard="16:02")
    day.text(reversed_trio, "11:30", "Quit", heard="16:01")

    between = cast.person()
    day.status(between, "09:00", "undelivered", "30004")
    day.text(between, "11:00", "cancel")
    day.text(between, "10:00", "start", heard="12:00")

    refreshed = cast.person()
    day.text(refreshed, "09:00", "stop")
    day.text(refreshed, "10:00", "STOP")
    day.text(refreshed, "08:00", "end", heard="11:00")

    starts = cast.person()
    day.text(starts, "09:00", "start")
    day.text(starts, "08:00", "START", heard="09:30")
    day.text(starts, "08:30", "stop", heard="10:00")


def ties(day: Day, cast: Cast) -> None:
    """Let two things happen at once: an opt-out beats an opt-in, the greater event id gives the details."""
    stop_first = cast.person()
    day.text(stop_first, "09:00:00.250", "stop")
    day.text(stop_first, "09:00:00.250", "start", heard="09:01")

    start_first = cast.person()
    day.text(start_first, "09:00:00.500", "start")
    day.text(start_first, "09:00:00.500", "stop", heard="09:01")

    refused = cast.person()
    day.text(refused, "10:00", "stop")
    day.status(refused, "10:00", "failed", 21610, heard="10:01")

    refused_before = cast.person()
    day.status(refused_before, "10:00", "failed", "21610")
    day.text(refused_before, "10:00", "stop", heard="10:01")


def what_a_start_lifts(day: Day, cast: Cast) -> None:
    """Say START: it lifts what a reply may lift, on its own channel."""
    everything = cast.person()
    for minute, code in enumerate(("30003", "30004", "30005", "30006", "21610")):
        day.status(everything, f"09:0{minute}", "undelivered", code)
    day.text(everything, "09:30", "START")

    two_channels = cast.person()
    day.text(two_channels, "09:00", "stop")
    day.text(two_channels, "09:10", "stop", prefix="whatsapp:")
    day.text(two_channels, "09:20", "start", prefix="whatsapp:")

    whatsapp_only = cast.person()
    day.text(whatsapp_only, "09:00", "STOP", prefix="whatsapp:")

    other_channel = cast.person()
    day.mail(other_channel, "09:00", "unsubscribed")
    day.mail(other_channel, "09:05", "complained")
    day.text(other_channel, "10:00", "start")

    by_email = cast.person()
    day.mail(by_email, "09:00", "unsubscribed")
    day.mail(by_email, "09:05", "complained")
    day.reply(by_email, "10:00", EMAIL, "start", by_email.email)

    email_stop = cast.person()
    day.reply(email_stop, "09:00", EMAIL, "Unsubscribe", email_stop.email.upper())
    email_start = cast.person()
    day.reply(email_start, "09:00", EMAIL, "stop", email_start.email)
    day.reply(email_start, "10:00", EMAIL, "Start!", email_start.email)

    new_failure = cast.person()
    day.status(new_failure, "09:00", "undelivered", "30006")
    day.text(new_failure, "10:00", "start")
    day.status(new_failure, "11:00", "undelivered", "30006")


def verdicts(day: Day, cast: Cast) -> None:
    """Let the provider's verdict contradict the text; a call for help leaves it to the text."""
    rows = (
        ("STOP", "Ich m\u00f6chte das nicht mehr"),
        ("STOP", "START"),
        ("STOP", ""),
        ("HELP", "HELP"),
        ("HELP", "stop"),
        ("HELP", "What is this?"),
        ("START", "UNSTOP"),
        ("START", "YES"),
    )
    for verdict, body in rows:
        day.text(cast.person(), "09:00", body, verdict=verdict)

    taken_back = cast.person()
    day.text(taken_back, "09:00", "STOP", verdict="STOP")
    day.text(taken_back, "10:00", "unstop", verdict="START")

    article = cast.person()
    day.text(article, "09:00", "STOP")
    day.text(article, "10:00", "unstop")
    day.text(article, "11:00", "yes")


def redeliveries(day: Day, cast: Cast) -> None:
    """Deliver twice what must count once."""
    lifted = cast.person()
    stop = day.text(lifted, "08:00", "STOP \U0001f6d1")
    start = day.text(lifted, "09:00", "START")
    day.again(stop, "20:00")
    day.again(start, "20:30")

    carrier = cast.person()
    failure = day.status(carrier, "08:00", "undelivered", " 30003 ")
    day.text(carrier, "08:30", "start")
    day.again(failure, "21:00")
    day.again(failure, "21:30")

    mailbox = cast.person()
    complaint = day.mail(mailbox, "08:00", "complained")
    temporary = day.failed(mailbox, "08:01", "temporary", "bounce", 450)
    day.again(complaint, "22:00")
    day.again(temporary, "22:01")

    asked = cast.person()
    day.again(day.text(asked, "08:00", "please stop texting me"), "19:00")


def odd_failures(day: Day, cast: Cast) -> None:
    """Report codes that match only as a whole, and statuses that are no failure whatever their code."""
    for code in (" 30003 ", "\t30005", "300030", "3000", "30003 30004", 30006, ""):
        day.status(cast.person(), "09:00", "undelivered", code)
    day.status(cast.person(), "09:00", "delivered", "30003")
    day.status(cast.person(), "09:00", "sent", 30004)
    day.status(cast.person(), "09:00", "failed")
    nameless = cast.person()
    day.status(nameless, "09:00", "undelivered", "30005", drop=("MessageStatus", "SmsSid", "ApiVersion"))
    day.status(cast.person(), "09:00", "", "30006", drop=("MessageStatus", "SmsStatus"))
    # Without a number the failure stands on the contact.
    day.status(cast.person(), "09:00", "undelivered", "30003", drop=("To",))
    day.text(cast.person(), "09:00", "", drop=("Body", "SmsSid", "AccountSid"))


def email_failures(day: Day, cast: Cast) -> None:
    """Fail for every reason: severity decides, then the reason; the code is kept, else the reason."""
    one_of_each = cast.person()
    for minute, reason in enumerate(("bounce", "generic", "suppress-bounce", "suppress-complaint")):
        day.failed(one_of_each, f"09:0{minute}", "permanent", reason, 550 + minute)
    day.failed(one_of_each, "09:05", "permanent", "suppress-unsubscribe")

    soft = cast.person()
    for minute, reason in enumerate(("bounce", "suppress-bounce", "suppress-complaint", "generic", "espblock")):
        day.failed(soft, f"09:0{minute}", "temporary", reason, "421")
    day.failed(soft, "09:06", "", "bounce", 550)
    day.failed(soft, "09:07", "permanent", "espblock", 550)

    day.failed(cast.person(), "09:00", "permanent", "mailbox-on-fire", "599")
    day.failed(cast.person(), "09:00", "permanent", "mailbox-on-fire")
    day.failed(cast.person(), "09:00", "permanent", "", 550)
    day.failed(cast.person(), "09:00", "permanent", "")

    shouting = cast.person()
    day.failed(replace(shouting, email=shouting.email.upper()), "09:00", "permanent", "bounce", " 550 ")
    day.failed(shouting, "08:00", "permanent", "bounce", 554, heard="10:00")

    # A tag makes another mailbox, but not another person.
    tagged = cast.person()
    day.mail(replace(tagged, email="tagged+gym@example.org"), "09:00", "complained")
    day.failed(replace(tagged, email="tagged@example.org"), "09:10", "temporary", "generic", 451)


CASES: tuple[Callable[[Day, Cast], None], ...] = (
    late_and_early_replies,
    ties,
    what_a_start_lifts,
    verdicts,
    redeliveries,
    odd_failures,
    email_failures,
)
