"""The day's hard cases of who uses which address: changed and shared numbers, strangers, accounts."""

from collections.abc import Callable
from dataclasses import replace

from tests.data.day_cases import Cast
from tests.data.day_contacts import ACME, HARBOR, Contact
from tests.data.day_log import Day

FACEBOOK = "CHANNEL_FACEBOOK"
GMB = "CHANNEL_GMB"


def changed_numbers(day: Day, cast: Cast) -> None:
    """Change numbers: the facts stay behind with the old one, the wish does not."""
    opted_out = cast.person()
    day.text(opted_out, "09:00", "STOP")
    day.status(cast.moved(opted_out), "10:00", "delivered")

    back_again = cast.person()
    day.text(back_again, "09:00", "STOP")
    day.text(cast.moved(back_again), "10:00", "START")

    landline = cast.person()
    day.status(landline, "09:00", "undelivered", "30006")
    day.status(cast.moved(landline), "10:00", "delivered")

    late_old = cast.person()
    day.text(cast.moved(late_old), "10:00", "start")
    day.text(late_old, "09:00", "stop", heard="11:00")

    anew = cast.person()
    new_number = cast.moved(anew)
    day.text(anew, "09:00", "stop")
    day.text(new_number, "10:00", "start")
    day.text(anew, "10:30", "start")
    day.text(new_number, "11:00", "stop")


def shared_numbers(day: Day, cast: Cast) -> None:
    """Share a number: once it said STOP it is silent for everybody who uses it, until it says START."""
    first, second = cast.person(), cast.person()
    second_here = replace(second, phone=first.phone)
    day.status(second, "08:00", "delivered")
    day.status(second_here, "08:30", "delivered")
    day.text(first, "09:00", "STOP")

    third, fourth = cast.person(), cast.person()
    fourth_here = replace(fourth, phone=third.phone)
    day.text(third, "09:00", "STOP")
    day.text(fourth_here, "10:00", "START")

    fifth, sixth = cast.person(), cast.person()
    day.text(fifth, "09:00", "STOP")
    day.status(replace(sixth, phone=fifth.phone), "09:30", "delivered")
    day.text(cast.moved(fifth), "10:00", "START")


def strangers(day: Day, cast: Cast) -> None:
    """Hear from numbers before anybody knows whose they are."""
    known_later = cast.stranger()
    day.text(known_later, "09:00", "STOP")
    day.status(replace(cast.person(), phone=known_later.phone), "10:00", "delivered")

    for location in (ACME, HARBOR):
        day.text(cast.stranger(location), "09:00", "stop")
        day.status(cast.stranger(location), "09:00", "undelivered", "30005")
        mailbox = Contact(location, "", "", f"stranger@{location}.example.org")
        day.failed(mailbox, "09:00", "permanent", "suppress-bounce", 605)
        back = cast.stranger(location)
        day.text(back, "09:00", "stop")
        day.text(back, "10:00", "start")

    # One number in two locations: each has its own state.
    here = cast.stranger()
    day.text(here, "09:00", "stop")
    day.text(replace(here, location_id=HARBOR), "10:00", "What is this?")


def other_channels(day: Day, cast: Cast) -> None:
    """Reply on Facebook and Google Business, from an account or from a contact alone."""
    account = cast.person()
    day.reply(account, "09:00", FACEBOOK, "Stop", "7000000000000001")
    lifted = cast.person()
    day.reply(lifted, "09:00", FACEBOOK, "unsubscribe", "7000000000000002")
    day.reply(lifted, "10:00", FACEBOOK, "start", "7000000000000002")

    # START from the contact opens its accounts; START from an account opens the contact.
    by_contact = cast.person()
    day.reply(by_contact, "09:00", FACEBOOK, "stop", "7000000000000003")
    day.reply(by_contact, "10:00", FACEBOOK, "start", "")
    by_account = cast.person()
    day.reply(by_account, "09:00", FACEBOOK, "stop", "")
    day.reply(by_account, "10:00", FACEBOOK, "start", "7000000000000004")
    both = cast.person()
    day.reply(both, "09:00", FACEBOOK, "stop", "7000000000000005")
    day.reply(both, "10:00", FACEBOOK, "stop", "")

    google = cast.person()
    day.reply(google, "09:00", GMB, "opt out", "conversations/g-0001")
    day.reply(google, "08:00", GMB, "Start", "conversations/g-0001", heard="12:00")
    day.reply(google, "11:00", FACEBOOK, "Do you have time on Monday?", "7000000000000006")
    sure = cast.person()
    day.again(day.reply(sure, "09:00", GMB, "please stop texting me", "conversations/g-0002"), "18:00")
    nobody = replace(cast.person(), contact_id="")
    day.reply(nobody, "09:00", GMB, "QUIT", "conversations/g-0003")
    day.reply(replace(nobody, location_id=HARBOR), "09:00", FACEBOOK, "end", "7000000000000007")


CASES: tuple[Callable[[Day, Cast], None], ...] = (
    changed_numbers,
    shared_numbers,
    strangers,
    other_channels,
)
