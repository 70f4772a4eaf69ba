"""Reading the entries of an import: line by line, and each line as it is meant."""

import io
from itertools import count, islice

import pytest

from gate.cli.entries import entries
from gate.cli.lines import LONGEST

HEADER = "contact_id,dnd,dnd_time,addresses\n"


@pytest.mark.parametrize("setting", ["true", "YES", "On", "1", " true "])
def test_every_word_for_on(setting: str) -> None:
    """DND may be written in all the ways in which systems write it."""
    ((line, request, problem),) = entries(io.BytesIO(f"{HEADER}c,{setting},,\n".encode()), "c.csv", "")
    assert (line, problem) == (2, "")
    assert request is not None
    assert request.legacy_contact.dnd is True


@pytest.mark.parametrize("setting", ["false", "NO", "Off", "0"])
def test_every_word_for_off(setting: str) -> None:
    """Likewise for off."""
    ((_, request, problem),) = entries(io.BytesIO(f"{HEADER}c,{setting},,\n".encode()), "c.csv", "")
    assert (problem, request is not None and request.legacy_contact.dnd) == ("", False)


@pytest.mark.parametrize(
    ("written", "nanoseconds"),
    [
        ("2022-11-01T09:30:00Z", 1_667_295_000 * 10**9),
        (" 1970-01-01T00:00:00Z ", 0),
        ("9999-12-31T23:59:59Z", 253_402_300_799 * 10**9),
        ("2022-11-01T09:30:00.25Z", 1_667_295_000 * 10**9 + 250_000_000),
        ("2022-11-01T10:30:00+01:00", 1_667_295_000 * 10**9),
    ],
)
def test_times(written: str, nanoseconds: int) -> None:
    """A time is read to the nanosecond, whatever its zone and precision."""
    ((_, request, problem),) = entries(io.BytesIO(f"{HEADER}c,on,{written},\n".encode()), "c.csv", "")
    assert problem == ""
    assert request is not None
    assert request.legacy_contact.dnd_time.ToNanoseconds() == nanoseconds


@pytest.mark.parametrize(
    "written",
    [
        "yesterday",
        "2022-11-01",
        "2022-02-30T00:00:00Z",
        "2022-11-01T24:00:00Z",
        "2022-W44-2T09:30:00Z",
        "0000-01-01T00:00:00Z",
    ],
)
def test_what_is_no_time(written: str) -> None:
    """A time that no calendar has, or in another form, is told."""
    ((_, request, problem),) = entries(io.BytesIO(f"{HEADER}c,on,{written},\n".encode()), "c.csv", "")
    assert request is None
    assert problem == f"dnd_time: {written!r} is no time like 2022-11-01T09:30:00Z"


def test_no_time() -> None:
    """An empty cell states no time."""
    ((_, request, _),) = entries(io.BytesIO(f"{HEADER}c,on,,\n".encode()), "c.csv", "")
    assert request is not None
    assert not request.legacy_contact.HasField("dnd_time")


class Endless(io.RawIOBase):
    """A file without an end."""

    def __init__(self, first: bytes, then: bytes) -> None:
        self._lines = (first if number == 0 else then for number in count())

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return one line more."""
        assert size == LONGEST + 1
        return next(self._lines)[:size]


@pytest.mark.parametrize(
    ("name", "first", "then"),
    [
        ("c.csv", HEADER.encode(), b"c,on,,\n"),
        ("-", HEADER.encode(), b"c,on,,\n"),
        ("c.jsonl", b"\n", b'{"legacy_contact": {"contact_id": "c"}}\n'),
        ("-", b'{"state": {}}\n', b"x\n"),
    ],
)
def test_a_file_is_read_as_it_is_sent(name: str, first: bytes, then: bytes) -> None:
    """Lines are read one by one, so that a file of any size can be imported."""
    read = entries(Endless(first, then), name, "")  # type: ignore[arg-type]
    last = next(islice(read, 1000, None))
    assert last.line > 1000


def test_a_line_without_an_end() -> None:
    """A line that is longer than any entry is not taken into memory: the file ends there, and that is told."""
    source = Endless(b'{"legacy_contact": {"contact_id": "c"}}\n', b"x" * (LONGEST + 1))

    fine, bad = entries(source, "c.jsonl", "")  # type: ignore[arg-type]

    assert (fine.line, fine.problem, bad.line, bad.request) == (1, "", 2, None)
    assert bad.problem.startswith("longer than 16,777,216 bytes")
