"""Writes one day of provider traffic, 2026-03-02 UTC, the same to the byte each time."""

import json
from pathlib import Path

from tests.data import day_cases, day_people_cases
from tests.data.day_cases import Cast
from tests.data.day_contacts import Numbers, contacts
from tests.data.day_log import Day
from tests.data.day_traffic import Traffic, scripted

HERE = Path(__file__).parent
FILES = ("twilio_status.jsonl", "twilio_inbound.jsonl", "mailgun.jsonl", "replies.jsonl")
SEED = 20260302


def made_day() -> Day:
    """Return the day: the hard cases and the ordinary traffic around them."""
    day, numbers = Day(), Numbers()
    people = contacts(numbers)
    cast = Cast([person for person in people if scripted(person)], numbers)
    for case in (*day_cases.CASES, *day_people_cases.CASES):
        case(day, cast)
    Traffic(day, numbers, people, SEED).run()
    return day


def main() -> None:
    """Write the four files, each in the order in which its webhooks were handed on."""
    lines: dict[str, list[str]] = {name: [] for name in FILES}
    for name, line in made_day().in_order():
        lines[name].append(json.dumps(line, separators=(",", ":")))
    for name, written in lines.items():
        (HERE / name).write_text("\n".join(written) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
