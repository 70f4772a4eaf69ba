"""Works out by brute force, apart from the gate's own code, what a gate must answer after `events.jsonl`.

Everything is kept in lists and searched from end to end. Where two readings of the rules would list
different suppressions, it refuses to answer: such a case does not belong in the day.
"""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.data.expect_rules import (
    CHANNELS,
    PERMANENT,
    REMOVERS,
    WISHES,
    Effect,
    Json,
    address_of,
    channels_of,
    effect,
    moment,
    rfc3339,
)

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Subject:
    """What a suppression stands on: one of the two is empty."""

    contact: str
    address: str


@dataclass(frozen=True, order=True)
class Mark:
    """One event on a row: `sets` or not, by which event, with which code."""

    time: datetime
    event_id: str
    code: str
    sets: bool


Row = tuple[str, Subject, str, str]


@dataclass(frozen=True, order=True)
class Standing:
    """An active suppression, on an address or (empty) on the contact."""

    cause: str
    address: str
    time: datetime
    code: str


class Ledger:
    """Every event so far, by location, subject, channel and cause, and every link."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.marks: dict[Row, list[Mark]] = {}
        self.links: list[tuple[str, str, str]] = []

    def add(self, location: str, subject: Subject, event: Json, found: Effect) -> None:
        """Write an event down on each row that it concerns."""
        for cause in (found.sets,) if found.sets else found.lifts:
            row = (location, subject, found.channel, cause)
            mark = Mark(moment(event), event["event_id"], found.code, sets=bool(found.sets))
            self.marks.setdefault(row, []).append(mark)

    def latest(self, row: Row, *, sets: bool) -> Mark | None:
        """Return the row's latest set or lift."""
        return max((mark for mark in self.marks.get(row, []) if mark.sets == sets), default=None)

    def uses(self, location: str, contact: str) -> list[str]:
        """Return every address that the contact is known to use."""
        return sorted({a for place, who, a in self.links if (place, who) == (location, contact)})

    def judge(self, location: str, contact: str, address: str, channel: str) -> list[Standing]:
        """Return what stands against writing to the contact, the address, or the contact at the address."""
        used = self.uses(location, contact) if contact else []
        considered = [address] if address else used
        own = [Subject(contact, "")] if contact else []
        person = [*own, *(Subject("", a) for a in used)]
        found: set[Standing] = set()
        for cause in REMOVERS:
            rows = {s: (location, s, channel, cause) for s in [*person, *(Subject("", a) for a in considered)]}
            if cause not in WISHES:
                found |= self._facts([rows[s] for s in [*own, *(Subject("", a) for a in considered)]])
                continue
            at_number = self._at_number([rows[Subject("", a)] for a in considered], [rows[s] for s in own])
            newest, every = self._of_person([rows[s] for s in person])
            if newest | at_number != every | at_number:
                msg = f"{location} {contact} {address} {channel} {cause}: the rules leave open what is listed"
                raise ValueError(msg)
            found |= newest | at_number
        return sorted(found)

    def _facts(self, rows: list[Row]) -> set[Standing]:
        """Judge facts: each by its own row alone."""
        return {standing for row in rows for standing in self._since(row, [row])}

    def _at_number(self, rows: list[Row], own: list[Row]) -> set[Standing]:
        """Judge wishes at numbers: each is lifted there, or on the contact."""
        return {standing for row in rows for standing in self._since(row, [row, *own])}

    def _of_person(self, rows: list[Row]) -> tuple[set[Standing], set[Standing]]:
        """Judge a wish of a person, lifted on any row; return the newest, and all that are still set."""
        every = {standing for row in rows for standing in self._since(row, rows)}
        latest = max((standing.time for standing in every), default=None)
        return {standing for standing in every if standing.time == latest}, every

    def _since(self, row: Row, lifting: list[Row]) -> list[Standing]:
        """Return the row as it stands, or nothing if a `lifting` row was lifted after it was set."""
        mark = self.latest(row, sets=True)
        lifts = [lift.time for other in lifting if (lift := self.latest(other, sets=False))]
        if mark is None or any(mark.time < time for time in lifts):
            return []
        return [Standing(row[3], row[1].address, mark.time, mark.code)]

    def newest_word(self, location: str, subject: Subject, found: Effect, time: datetime) -> bool:
        """Return whether an opt-in at that time is newer than all that is known of its rows."""
        rows = [(location, subject, found.channel, cause) for cause in found.lifts]
        return all(mark.time < time for row in rows for mark in self.marks.get(row, []))


class Recorder:
    """Records events one after the other into an empty gate, and says what each came to."""

    def __init__(self) -> None:
        """Start with an empty ledger."""
        self.ledger = Ledger()
        self._seen: dict[tuple[str, str, str], Json] = {}

    def record(self, event: Json) -> str:
        """Record an event and return its outcome."""
        location, key = event["location_id"], (event["location_id"], event["provider"], event["event_id"])
        if key in self._seen:
            if self._seen[key] != event:
                msg = f"{key}: one id with two contents"
                raise ValueError(msg)
            return "OUTCOME_DUPLICATE"
        self._seen[key] = event
        contact, address = event.get("contact_id", ""), address_of(event)
        if contact and address:
            self.ledger.links.append((location, contact, address))
        found = effect(event)
        if found.possible:
            return "OUTCOME_POSSIBLE_OPT_OUT"
        return self._apply(event, found, contact, address) if found.channel else "OUTCOME_NO_EFFECT"

    def _apply(self, event: Json, found: Effect, contact: str, address: str) -> str:
        location = event["location_id"]
        subject = Subject("", address) if address else Subject(contact, "")
        # An event that names a contact is judged for the contact, whatever else it uses.
        judged = (location, contact, "" if contact else address, found.channel)
        newest = bool(found.lifts) and self.ledger.newest_word(location, subject, found, moment(event))
        before = self.ledger.judge(*judged)
        self.ledger.add(location, subject, event, found)
        after = self.ledger.judge(*judged)
        return "OUTCOME_APPLIED" if newest or changed(before, after) else "OUTCOME_STALE"


def changed(before: list[Standing], after: list[Standing]) -> bool:
    """Return whether something became active, became newer, or was lifted."""
    then = {(s.cause, s.address): s.time for s in before}
    now = {(s.cause, s.address): s.time for s in after}
    return then != now


def suppression(channel: str, standing: Standing) -> Json:
    """Return a suppression as the contract names its parts."""
    permanence = "PERMANENT" if standing.cause in PERMANENT else "TEMPORARY"
    return {
        "channel": f"CHANNEL_{channel}",
        "cause": f"CAUSE_{standing.cause}",
        "address": standing.address,
        "set_time": rfc3339(standing.time),
        "provider_code": standing.code,
        "permanence": f"PERMANENCE_{permanence}",
        "removers": REMOVERS[standing.cause],
    }


def answers(ledger: Ledger, location: str, contact: str, address: str) -> Json:
    """Return the answer on each channel on which the question can be asked."""
    channels: Json = {}
    for channel in channels_of(address) if address else CHANNELS:
        standing = ledger.judge(location, contact, address, channel)
        listed = [suppression(channel, one) for one in standing]
        channels[f"CHANNEL_{channel}"] = {"allowed": not standing, "suppressions": listed}
    asked = {"location_id": location, "contact_id": contact, "address": address}
    return {**{name: value for name, value in asked.items() if value}, "channels": channels}


def questions(events: list[Json]) -> dict[str, list[tuple[str, str, str]]]:
    """Return every contact, every address and every pair of both that the events name."""
    seen = {(e["location_id"], e.get("contact_id", ""), address_of(e)) for e in events}
    return {
        "contacts": sorted({(place, who, "") for place, who, _ in seen if who}),
        "addresses": sorted({(place, "", address) for place, _, address in seen if address}),
        "pairs": sorted(one for one in seen if one[1] and one[2]),
    }


def written(expected: Json) -> str:
    """Return the JSON, with one answer a line."""
    parts = []
    for name, value in expected.items():
        lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in value) if isinstance(value, list) else ""
        parts.append(f'"{name}": ' + (f"[\n{lines}\n]" if lines else json.dumps(value)))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> None:
    """Write `expected.json`."""
    events = [json.loads(line) for line in (HERE / "events.jsonl").read_text(encoding="ascii").splitlines()]
    recorder = Recorder()
    outcomes = [recorder.record(event) for event in events]
    expected: Json = {"outcome_counts": dict(sorted(Counter(outcomes).items())), "outcomes": outcomes}
    for name, asked in questions(events).items():
        expected[name] = [answers(recorder.ledger, *one) for one in asked]
    (HERE / "expected.json").write_text(written(expected), encoding="ascii")


if __name__ == "__main__":
    main()
