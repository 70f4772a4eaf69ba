"""The day's ordinary traffic: what a business sends, what comes of it, and what people write back."""

from dataclasses import replace
from itertools import cycle
from random import Random

from tests.data.day_bodies import OPT_INS, OPT_OUTS, ORDINARY, POSSIBLE_OPT_OUTS
from tests.data.day_contacts import MOVERS, SCRIPTED, Contact, Numbers
from tests.data.day_log import Day, Delivery

HOUR = 3_600_000
# Twilio error codes with how often each occurs: first those that set DND, then those that do not.
FACTS = ("30003",) * 5 + ("30005",) * 4 + ("30006",) * 4
WISHES = ("30004",) * 2 + ("21610",) * 2
WITHOUT_EFFECT = (
    "30007",
    "30007",
    "30008",
    "30008",
    "30001",
    "30002",
    "30034",
    "30450",
    "21211",
    "21614",
    "21635",
)
REASONS = (
    ("bounce", 550),
    ("bounce", "554"),
    ("generic", 552),
    ("generic", None),
    ("suppress-bounce", 605),
    ("suppress-complaint", 607),
    ("suppress-unsubscribe", "606"),
    ("old", None),
    ("hardfail", 550),
    ("", 541),
    ("", None),
    ("espblock", 550),
)
MAIL_ENDINGS = ("delivered",) * 8 + ("permanent",) * 4 + ("temporary",) * 2 + ("vague",)


def whereabouts(contact: Contact, at: int, moved: dict[str, str]) -> Contact:
    """Return the contact with the number of that hour; one webhook in twelve knows only the number."""
    phone = moved.get(contact.contact_id, "") if at > 14 * HOUR else ""
    known = "" if at % 12 == 0 else contact.contact_id
    return replace(contact, contact_id=known, phone=phone or contact.phone)


class Traffic:
    """Draws the traffic of one contact after the other."""

    def __init__(self, day: Day, numbers: Numbers, people: list[Contact], seed: int) -> None:
        """Give the movers their new numbers and open the lists of texts."""
        self._day = day
        self._random = Random(seed)
        self._people = [person for person in people if not scripted(person)]
        self._moved = {name: numbers.home() for name in sorted(MOVERS)}
        self._opt_outs = cycle(OPT_OUTS)
        self._opt_ins = cycle(OPT_INS)
        self._possible = cycle(POSSIBLE_OPT_OUTS)
        self._ordinary = cycle(ORDINARY)

    def run(self) -> None:
        """Send to everybody and let them answer."""
        for person in self._people:
            for _ in range(self._random.choice((2, 2, 3, 4))):
                self._text_message(person)
            for _ in range(self._random.choice((1, 1, 2, 3))):
                self._email(person)
            self._answers(person)

    def _moment(self, first: int, last: int) -> int:
        return self._random.randrange(first * HOUR, last * HOUR)

    def _later(self, at: int, delivery: Delivery) -> None:
        """Hand one webhook in twenty on again, up to six hours later."""
        if self._random.random() < 0.05:
            self._day.again(delivery, at + self._random.randrange(HOUR, 6 * HOUR))

    def _text_message(self, person: Contact) -> None:
        """Report `sent` and how it ended; the two reports may overtake each other."""
        at = self._moment(8, 20)
        here = whereabouts(person, at, self._moved)
        serial = self._day.serial()
        prefix = "whatsapp:" if self._random.random() < 0.06 else ""
        lag = self._random.randrange(30_000)
        self._day.status(here, at, "sent", serial=serial, prefix=prefix, heard=at + lag)
        at += self._random.randrange(500, 9_000)
        status, code = self._ending(person, prefix)
        self._later(at, self._day.status(here, at, status, code, serial=serial, prefix=prefix))

    def _ending(self, person: Contact, prefix: str) -> tuple[str, str | int | None]:
        draw = self._random.random()
        if prefix:
            return ("read", None) if draw < 0.8 else ("undelivered", "63016")
        if draw < 0.76:
            return "delivered", None
        codes = FACTS if person.contact_id in MOVERS else FACTS + WISHES
        code = self._random.choice(codes if draw < 0.9 else WITHOUT_EFFECT)
        status = "failed" if code.startswith("21") else "undelivered"
        return status, int(code) if self._random.random() < 0.3 else code

    def _email(self, person: Contact) -> None:
        """Report what became of one email."""
        at = self._moment(7, 21)
        here = whereabouts(person, at, {})
        if self._random.random() < 0.2:
            self._day.mail(here, at, "accepted")
        at += self._random.randrange(1_000, 60_000)
        ending = self._random.choice(MAIL_ENDINGS)
        if ending != "delivered":
            self._failure(here, at, ending)
            return
        self._day.mail(here, at, "delivered")
        draw = self._random.random()
        at += self._random.randrange(60_000, HOUR)
        if draw < 0.25:
            self._day.mail(here, at, "opened")
        elif draw < 0.35:
            self._day.mail(here, at, "clicked")
        elif draw < 0.45:
            self._later(at, self._day.mail(here, at, "unsubscribed"))
        elif draw < 0.5:
            self._later(at, self._day.mail(here, at, "complained"))

    def _failure(self, here: Contact, at: int, ending: str) -> None:
        reason, code = self._random.choice(REASONS)
        severity = "" if ending == "vague" else ending
        self._later(at, self._day.failed(here, at, severity, reason, code))

    def _answers(self, person: Contact) -> None:
        """Write back: small talk, or an opt-out that some take back later."""
        if person.contact_id in MOVERS:
            return
        draw = self._random.random()
        at = self._moment(8, 15)
        here = whereabouts(person, at, {})
        prefix = "whatsapp:" if self._random.random() < 0.15 else ""
        if draw < 0.4:
            self._day.text(here, at, next(self._ordinary), prefix=prefix)
        elif draw < 0.48:
            self._day.text(here, at, next(self._possible), prefix=prefix)
        elif draw < 0.85:
            self._opt_out(here, at, prefix)

    def _opt_out(self, here: Contact, at: int, prefix: str) -> None:
        late = self._random.choice((0, 0, 0, 2 * HOUR))
        stop = self._day.text(here, at, next(self._opt_outs), prefix=prefix, heard=at + late)
        self._later(at + late, stop)
        if self._random.random() < 0.35:
            again = at + self._random.randrange(HOUR, 4 * HOUR)
            self._later(again, self._day.text(here, again, next(self._opt_ins), prefix=prefix))


def scripted(person: Contact) -> bool:
    """Return whether the person's day is written out in day_cases."""
    return person.location_id == "acme-dental" and person.contact_id in SCRIPTED
