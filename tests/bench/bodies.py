"""Requests on the wire's form, in files that the load loop reads: each after its length."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from sendgate.v1 import send_gate_pb2 as pb

from tests.bench import database, traffic

HOT: Final = 100_000
SCREENED: Final = 10_000
BATCH: Final = 1_000
_SUPPRESSED_ONE_IN: Final = 33


@dataclass(frozen=True)
class Bodies:
    """A file of requests to one method, and how many there are."""

    method: str
    path: Path
    count: int

    @property
    def single(self) -> bytes:
        """Read the first request."""
        with self.path.open("rb") as file:
            return file.read(int.from_bytes(file.read(4)))


def write(directory: Path, name: str, method: str, messages: Iterable[bytes]) -> Bodies:
    """Write a file of requests."""
    directory.mkdir(parents=True, exist_ok=True)
    path, count = directory / f"{name}.requests", 0
    with path.open("wb") as file:
        for message in messages:
            file.write(len(message).to_bytes(4) + message)
            count += 1
    return Bodies(f"/sendgate.v1.SendGateService/{method}", path, count)


def hot_numbers(suppressions: int) -> Iterator[int]:
    """Name people who are suppressed on email, hence known to the gate, and may be sent text messages."""
    return (number for number in range(suppressions) if number % database.KINDS in database.BY_EMAIL)


def hot(directory: Path, suppressions: int, count: int) -> Bodies:
    """Ask about some known people in turn; all are allowed."""
    numbers = islice(hot_numbers(suppressions), count)
    return write(directory, f"hot-{count}", "CheckSend", map(check, numbers))


def denied(directory: Path, suppressions: int, count: int) -> Bodies:
    """Ask about people in turn whose numbers are suppressed; all are denied, with the reason."""
    numbers = (number for number in range(suppressions) if number % database.KINDS in database.BY_PHONE)
    return write(directory, "denied", "CheckSend", map(check, islice(numbers, count)))


def campaign_number(place: int, suppressions: int, length: int) -> int:
    """Name the person at a place of a campaign: one in 33 is suppressed, from all over the database."""
    if allowed_at(place):
        return suppressions + place
    stride = suppressions * _SUPPRESSED_ONE_IN // length // database.KINDS * database.KINDS
    return place // _SUPPRESSED_ONE_IN * max(stride, database.KINDS) % suppressions


def campaign(directory: Path, suppressions: int, length: int) -> Bodies:
    """Ask about each person once."""
    messages = (check(campaign_number(place, suppressions, length)) for place in range(length))
    return write(directory, f"campaign-{suppressions}", "CheckSend", messages)


def campaign_allowed(first: int, count: int) -> int:
    """Count whom a stretch of a campaign may be sent to."""
    return sum(map(allowed_at, range(first, first + count)))


def allowed_at(place: int) -> bool:
    """Tell whether the person at a place of a campaign or list may be sent to."""
    return place % _SUPPRESSED_ONE_IN > 0


def screens(directory: Path, suppressions: int, count: int) -> Bodies:
    """Ask about a location's contacts by the list, each of them once, of whom one in 33 is suppressed."""
    location = database.person(0).location_id
    own = database.LOCATIONS

    def message(number: int) -> bytes:
        places = range(number * SCREENED, (number + 1) * SCREENED)
        people = (
            (suppressions // own + place) * own if allowed_at(place) else place * own % suppressions for place in places
        )
        ids = [database.person(person).contact_id for person in people]
        return pb.ScreenContactsRequest(
            location_id=location, channel=pb.CHANNEL_SMS, contact_ids=ids
        ).SerializeToString()

    return write(directory, "screens", "ScreenContacts", map(message, range(count)))


def events(directory: Path, name: str, seed: int, count: int) -> Bodies:
    """Record an ordinary day, event by event."""
    messages = (traffic.request(event) for event in islice(traffic.events(seed), count))
    return write(directory, name, "RecordEvent", messages)


def event_batches(directory: Path, seed: int, count: int) -> Bodies:
    """Record an ordinary day in batches."""
    source = traffic.events(seed)
    messages = (traffic.batch_request(list(islice(source, BATCH))) for _ in range(count))
    return write(directory, "event-batches", "BatchRecordEvents", messages)


def check(number: int) -> bytes:
    """Ask whether a person may be sent a text message."""
    location_id, contact_id, _, _ = database.person(number)
    return pb.CheckSendRequest(
        location_id=location_id, contact_id=contact_id, channel=pb.CHANNEL_SMS
    ).SerializeToString()
