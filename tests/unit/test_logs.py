"""The log: what a line looks like, what never gets into it, and how many there are at most."""

import io
import json
import logging
import re
import sqlite3
from collections.abc import Iterator

import pytest

from gate.logs import form, redact
from gate.logs.lines import CONNECTION_FAULT, LINES, RETENTION_RUN, SERVING, WEBHOOK_REFUSED
from gate.logs.tell import tell
from gate.logs.throttle import BURST, EVERY_S, Throttle

LOG = logging.getLogger("gate.tests")
OWN_FIELDS = {"time", "level", "logger", "event", "message", "error", "places"}


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """Read what is logged; the loggers are as they were afterwards."""
    loggers = [logging.getLogger(name) for name in (None, "gate", "store")]
    before = [(each, each.level, list(each.handlers)) for each in loggers]
    yield io.StringIO()
    for each, level, handlers in before:
        each.setLevel(level)
        each.handlers[:] = handlers


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("+12025550101", "+1202•••0101"),
        ("+442079460958", "+4420•••0958"),
        ("+12345678", "+1•••"),
        ("anna@example.com", "a•••@example.com"),
        ("psid-123456", "ps•••"),
        ("", "•••"),
    ],
)
def test_an_address_is_told_in_part(address: str, told: str) -> None:
    """Enough is left to recognise one that is known, and too little to learn one that is not."""
    assert redact.address(address) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no rule for +12025550101!", "no rule for +1202•••0101!"),
        ("whatsapp:+12025550101", "whatsapp:+1202•••0101"),
        ("to 'Anna.B+x@mail.example.com' failed", "to 'A•••@mail.example.com' failed"),
        ("authorization: Bearer abc.def", "authorization: Bearer •••"),
        ("sendgate_0a1b2c_secret-Secret is unknown", "sendgate_••• is unknown"),
        ("user 7 is not among SENDGATE_UNIX_PEERS", "user 7 is not among SENDGATE_UNIX_PEERS"),
        ("one\nline\x1b[2J\u2028only", "one\\nline\\x1b[2J\\u2028only"),
        ("127.0.0.1:50051 and sendgate.db and 1,234,567,890", "127.0.0.1:50051 and sendgate.db and 1,234,567,890"),
    ],
)
def test_what_looks_like_an_address_or_a_token_is_redacted(text: str, told: str) -> None:
    """Whatever a message quotes, addresses and tokens stand in it in part, and nothing begins a line of its own."""
    assert redact.scrub(text) == told


def test_a_json_line(output: io.StringIO) -> None:
    """Each line is one object, with its time in UTC, its event and its fields as numbers and text."""
    form.configure("info", form.JSON, output)

    tell(LOG, SERVING, database="gate.db", seconds=0.25)

    told = json.loads(output.getvalue())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told.pop("time"))
    assert told == {
        "level": "info",
        "logger": "gate.tests",
        "event": "serving",
        "message": "serving gate.db after 0.2 s",
        "database": "gate.db",
        "seconds": 0.25,
    }


def test_a_console_line(output: io.StringIO) -> None:
    """A line for people has time, level, logger and message."""
    form.configure("info", form.CONSOLE, output)

    tell(LOG, RETENTION_RUN, events=1234)

    assert re.fullmatch(
        r"[\d-]+ [\d:,]+ INFO gate\.tests: retention: 1,234 events deleted from the log\n", output.getvalue()
    )


@pytest.mark.parametrize("chosen", [form.JSON, form.CONSOLE])
def test_what_an_error_says_is_not_told(output: io.StringIO, chosen: str) -> None:
    """Of an error and of what it followed from stand kind and place in the log; a file's and SQLite's message too."""
    form.configure("info", chosen, output)
    try:
        try:
            raise sqlite3.OperationalError("disk I/O error")
        except sqlite3.Error as error:
            raise KeyError("my words, +12025550101") from error
    except KeyError as error:
        tell(LOG, WEBHOOK_REFUSED, error, path="/x", status=400, problem="no")

    told = output.getvalue()
    assert "KeyError" in told
    assert "test_logs.py" in told
    assert "sqlite3.OperationalError: disk I/O error" in told
    assert "words" not in told
    assert chosen == form.CONSOLE or json.loads(told)["error"] == "builtins.KeyError"


def test_of_libraries_only_warnings_and_their_first_line_are_told(output: io.StringIO) -> None:
    """At the debug level, too: there a library would tell every statement with what is stored."""
    form.configure("debug", form.JSON, output)

    logging.getLogger("aiosqlite").debug("executing INSERT ('my words')")
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <KeyError('my words')>")
    LOG.debug("told")

    first, second = map(json.loads, output.getvalue().splitlines())
    assert (first["event"], first["message"]) == ("foreign", "Task exception was never retrieved")
    assert second["message"] == "told"


class ExecuteBatchError(Exception):
    """Named as the library's own, which nobody else can import."""


@pytest.mark.parametrize(("error", "lines"), [(ExecuteBatchError(), 0), (ValueError(), 1)])
def test_clients_that_gave_up_are_no_errors(output: io.StringIO, error: Exception, lines: int) -> None:
    """The library tells each call that its client gave up as an error, thousands in a flood; other errors are told."""
    form.configure("info", "json", output)

    logging.getLogger("grpc._cython.cygrpc").error("raised by servicer method", exc_info=error)

    assert len(output.getvalue().splitlines()) == lines


def test_lines_of_the_catalogue_are_distinct() -> None:
    """Each event has one line, and no field of it takes the place of what every object has."""
    fields = {name for each in LINES for name in re.findall(r"{(\w+)[^}]*}", each.text)}

    assert len({each.event for each in LINES}) == len(LINES)
    assert not fields & OWN_FIELDS


def test_a_flood_of_refusals_writes_a_burst_and_then_one_now_and_then() -> None:
    """Of 60,000 refusals in a minute fifteen are written, and how many others there were; no other kind is held up."""
    now = 0.0
    throttle = Throttle(lambda: now)
    written, told = 0, 0
    for second in range(60):
        now = float(second)
        written += sum(throttle.admits("flood") for _ in range(1_000))
        told += sum(count for _, count, _ in throttle.left_out())
        assert throttle.admits("other") or second >= BURST
    told += sum(count for kind, count, _ in throttle.left_out(all_of_it=True) if kind == "flood")

    assert written == BURST + 60 // EVERY_S - 1
    assert written + told >= 60 * 1_000
    assert throttle.left_out(all_of_it=True) == []


def test_what_was_left_out_is_told_after_the_flood() -> None:
    """The number comes ten seconds after the first line that was left out, even if no other follows."""
    now = 0.0
    throttle = Throttle(lambda: now)
    for _ in range(BURST + 5):
        throttle.admits("flood")

    assert throttle.left_out() == []
    now = EVERY_S
    assert throttle.left_out() == [("flood", 5, EVERY_S)]


def test_only_refusals_are_limited(output: io.StringIO) -> None:
    """Changes of the gate's state are all told; who is refused cannot hide them."""
    form.configure("info", form.CONSOLE, output)

    for _ in range(BURST + 5):
        tell(LOG, RETENTION_RUN, events=1)
        tell(LOG, CONNECTION_FAULT, peer="unix:", code="PROTOCOL_ERROR", why="no")

    assert output.getvalue().count("retention") == BURST + 5
    assert output.getvalue().count("hung up") <= BURST
