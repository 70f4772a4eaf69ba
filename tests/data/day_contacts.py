"""The contacts of the made day: ids, and numbers and mailboxes reserved for fiction."""

from collections.abc import Iterator
from dataclasses import dataclass

ACME = "acme-dental"
HARBOR = "harbor-gym"

# 555-0100 to 555-0199 is set aside for fiction in every North American area code.
AREA_CODES = (202, 212, 312, 415, 617)
# The last numbers are the businesses' own, see day_payloads.SENDERS.
US_PER_AREA = 95

# Contacts of one household have one number.
HOUSEHOLDS = {"c0012": "c0011", "c0022": "c0021", "c0032": "c0031", "c0211": "c0210"}
# These have a new number from the afternoon on.
MOVERS = frozenset(f"c{n:04d}" for n in range(51, 61))
# Written out case by case in day_cases, and left alone by the day's ordinary traffic.
SCRIPTED = frozenset(f"c{n:04d}" for n in range(124, 201))


@dataclass(frozen=True)
class Contact:
    """One person in one location; an empty id is somebody whom nobody has matched yet."""

    location_id: str
    contact_id: str
    phone: str
    email: str


def us_numbers() -> Iterator[str]:
    """Yield North American numbers of the range set aside for fiction."""
    for area in AREA_CODES:
        for line in range(US_PER_AREA):
            yield f"+1{area}55501{line:02d}"


def foreign_numbers() -> Iterator[str]:
    """Yield British, German and French numbers of the ranges set aside for drama."""
    for line in range(100):
        yield f"+44207946{line:04d}"
        yield f"+493023125{line:03d}"
        yield f"+3319900{line:04d}"


def mailbox(number: int) -> str:
    """Return the email address of contact `number`: some shout, some carry a tag."""
    name = f"c{number:04d}"
    if number % 10 == 3:
        return f"{name.upper()}@EXAMPLE.COM"
    if number % 10 == 6:
        return f"{name}+news@example.org"
    return f"{name}@example.com" if number % 2 else f"{name}@example.org"


class Numbers:
    """Hands out each number once."""

    def __init__(self) -> None:
        """Start both ranges at their first number."""
        self._us = us_numbers()
        self._foreign = foreign_numbers()

    def home(self) -> str:
        """Return a North American number that nobody has yet."""
        return next(self._us)

    def abroad(self) -> str:
        """Return a British, German or French number that nobody has yet."""
        return next(self._foreign)


def contacts(numbers: Numbers) -> list[Contact]:
    """Return the 300 contacts of both locations, in the order of their ids.

    Five ids exist in both locations and are different people. Five people are contacts of both
    locations, under different ids and with one number.
    """
    people: dict[tuple[str, str], Contact] = {}
    plan = [(ACME, n) for n in range(1, 201)] + [(HARBOR, n) for n in range(201, 296)]
    plan += [(HARBOR, n) for n in range(1, 6)]
    for location, n in plan:
        name = f"c{n:04d}"
        phone = numbers.abroad() if n % 12 == 7 else numbers.home()
        if name in HOUSEHOLDS:
            phone = people[location, HOUSEHOLDS[name]].phone
        elif 221 <= n <= 225:
            phone = people[ACME, f"c{n - 150:04d}"].phone
        people[location, name] = Contact(location, name, phone, mailbox(n))
    return list(people.values())
