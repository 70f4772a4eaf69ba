"""The command line: what it prints, and its exit codes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gate.cli import main
from tests.e2e.server import Server, command, executed

pytestmark = pytest.mark.any_transport

STOP = {"inbound_message": {"channel": "CHANNEL_SMS", "body": "STOP"}}
FINE = {"event_id": "fine", "contact_id": "fine"} | STOP


def line(**fields: object) -> str:
    """Write one event as a line of a file."""
    return json.dumps(fields)


@pytest.fixture(scope="module")
def gate(shared_gate: Server) -> Server:
    """Record one opt-out of a contact at a number, and one in another location."""
    events = [
        line(event_id="e1", contact_id="ann", address="+12025550101", provider="twilio", **STOP),
        line(event_id="e2", contact_id="eve", location_id="gym", **STOP),
    ]
    done = command("record", "--file", "-", "--target", shared_gate.data, given="\n".join(events))
    assert done.returncode == 0, done.stderr
    return shared_gate


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("--contact ann --channel sms", 3),
        ("--contact ann --channel SMS", 3),
        ("--contact ann --channel email", 0),
        ("--address +12025550101 --channel sms", 3),
        ("--address (202)555-0101 --channel sms", 3),
        ("--address +12025550199 --channel sms", 0),
        ("--contact ann --address +12025550199 --channel sms", 3),
        ("--contact bob --address +12025550101 --channel sms", 3),
        ("--contact bob --channel sms", 0),
        ("--contact eve --channel sms", 0),
        ("--contact eve --channel sms --location gym", 3),
    ],
)
def test_check(gate: Server, arguments: str, code: int) -> None:
    """Exit code 0 for allowed, 3 for denied."""
    done = executed("check", *arguments.split(), "--target", gate.data)

    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.startswith("denied: dnd channel\n" if code else "allowed\n")


def test_check_tells_people_why(gate: Server) -> None:
    """A denial lists cause, number, who may lift it, and the event."""
    told = command("check", "--contact", "ann", "--channel", "sms", "--target", gate.data).stdout
    for word in ("opt out", "permanent", "contact, support", "+12025550101", "e1"):
        assert word in told


def test_check_tells_programs_all(gate: Server) -> None:
    """--json prints the response as protobuf JSON on one line, fields at their zero included."""
    denied = command("check", "--contact", "ann", "--channel", "sms", "--json", "--target", gate.data)
    allowed = command("check", "--contact", "bob", "--channel", "sms", "--json", "--target", gate.data)

    assert (denied.returncode, allowed.returncode) == (3, 0)
    assert json.loads(allowed.stdout) == {
        "allowed": True,
        "deny_reason": "DENY_REASON_UNSPECIFIED",
        "suppressions": [],
    }
    answer = json.loads(denied.stdout)
    assert (answer["allowed"], answer["deny_reason"]) == (False, "DENY_REASON_DND_CHANNEL")
    assert answer["suppressions"][0]["address"] == "+12025550101"
    assert denied.stdout.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "--contact", "ann", "--channel", "sms"],
        ["record", "--file", "-"],
        ["healthcheck"],
    ],
    ids=lambda arguments: str(arguments[0]),
)
def test_a_gate_that_does_not_answer(tmp_path: Path, arguments: list[str]) -> None:
    """Exit code 1 and one line on stderr: it could not be decided, recorded or found."""
    done = command(*arguments, "--timeout", "1", "--target", f"unix:{tmp_path}/none.sock", given=json.dumps(FINE))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"sendgate: unix:{tmp_path}/none.sock: ")
    assert done.stderr.count("\n") == 1


def test_check_of_a_bad_address(gate: Server) -> None:
    """What the gate refuses is told with the field, and is no permission: exit code 1."""
    done = command("check", "--address", "nobody", "--channel", "sms", "--target", gate.data)

    assert done.returncode == 1
    assert "INVALID_ARGUMENT: address: 'nobody' is not a phone number" in done.stderr


def test_record_reports_bad_lines_and_records_the_rest(gate: Server) -> None:
    """Each bad line is told by number and field and skipped; the exit code is 1."""
    lines = [
        line(**FINE),
        "",
        line(event_id="", contact_id="a", **STOP),
        "not json",
        line(event_id="x", contact_id="a", colour="red"),
        line(event_id="x", contact_id="a", inbound_message={"channel": 9}),
        "5",
        line(event_id="x", address="nobody", **STOP),
        line(**FINE),
        line(**FINE | {"inbound_message": {"channel": "CHANNEL_SMS", "body": "START"}}),
    ]
    done = command("record", "--file", "-", "--json", "--target", gate.data, given="\n".join(lines))

    assert done.returncode == 1
    assert json.loads(done.stdout) == {"outcomes": {"OUTCOME_APPLIED": 1, "OUTCOME_DUPLICATE": 1}, "bad_lines": 7}
    told = dict(entry.split(": ", 1) for entry in sorted(done.stderr.splitlines()))
    assert {number: problem.split(":")[0] for number, problem in told.items()} == {
        "line 3": "event_id",
        "line 4": "event",
        "line 5": "event",
        "line 6": "inbound_message.channel",
        "line 7": "event",
        "line 8": "address",
        "line 10": "event_id",
    }


def test_record_sums_up_for_people(gate: Server, tmp_path: Path) -> None:
    """A file is recorded into the location that is asked for, and the counts are told."""
    (tmp_path / "events.jsonl").write_text(line(event_id="n1", contact_id="nan", **STOP), "utf-8")
    done = command("record", "--file", str(tmp_path / "events.jsonl"), "--location", "north", "--target", gate.data)

    assert (done.returncode, done.stderr) == (0, "")
    rows = [[cell.strip() for cell in row.split("│")[1:3]] for row in done.stdout.splitlines() if "│" in row]
    assert ["applied", "1"] in rows
    assert ["bad lines", "0"] in rows
    check = ["check", "--contact", "nan", "--channel", "sms", "--target", gate.data]
    assert command(*check, "--location", "north").returncode == 3
    assert command(*check).returncode == 0


def test_target_and_location_come_from_the_environment_too(gate: Server) -> None:
    """SENDGATE_TARGET and SENDGATE_LOCATION stand in for the options."""
    done = command("check", "--contact", "eve", "--channel", "sms", target=gate.data, location="gym")
    assert done.returncode == 3


@pytest.mark.parametrize(
    ("service", "code", "told"),
    [("", 0, "SERVING\n"), ("sendgate.writes", 0, "SERVING\n"), ("nothing", 1, "")],
)
def test_healthcheck(gate: Server, service: str, code: int, told: str) -> None:
    """Exit code 0 for SERVING, 1 for anything else."""
    done = executed("healthcheck", "--service", service, "--target", gate.control)

    assert (done.returncode, done.stdout) == (code, told)
    assert bool(done.stderr) is bool(code)


def test_help_lists_every_command() -> None:
    """Each command is listed with what it does, and what one needs first comes first."""
    done = CliRunner().invoke(main, ["--help"])
    listed = re.findall(r"^│ (\w+) +\w", done.stdout, re.MULTILINE)

    assert " ".join(listed) == (
        "serve check record contact review channel import export backup restore doctor token connectors healthcheck"
    )


@pytest.mark.parametrize("name", ["check", "record", "healthcheck", "serve"])
def test_help_tells_the_exit_codes(name: str) -> None:
    """Each command says in its help what its exit code means."""
    done = CliRunner().invoke(main, [name, "--help"])
    told = " ".join(done.stdout.lower().split())

    assert done.exit_code == 0
    assert "exit code 0" in told or "exits with 0" in told


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nothing"],
        ["nothing"],
        ["check", "--nothing"],
        ["check", "--channel", "sms"],
        ["check", "--contact", "ann"],
        ["check", "--contact", "ann", "--channel", "pigeon"],
        ["record"],
        ["record", "--file", "/nonexistent"],
        ["healthcheck", "--timeout", "0"],
        ["serve", "--nothing"],
    ],
    ids=" ".join,
)
def test_wrong_usage(arguments: list[str]) -> None:
    """Exit code 2, and the message is on stderr."""
    done = CliRunner().invoke(main, arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr


def test_without_the_server_it_is_said_what_to_install() -> None:
    """The contract's package brings the command along, but not what it needs."""
    script = "import sys; sys.modules['rich_click'] = None; import gate.cli"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", timeout=30, check=False
    )

    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "pip install 'sendgate[server]'" in line
