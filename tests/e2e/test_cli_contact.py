"""The command line of the contact record, and what all commands of the control plane have in common."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gate.cli import main
from tests.e2e.commands import answer, bounced, done, record, rows, run, says
from tests.e2e.server import Server, command

pytestmark = pytest.mark.any_transport

NUMBER = "+12025550101"


@pytest.fixture(scope="module")
def gate(shared_gate: Server) -> Server:
    """Start one gate for the module; each test has contacts of its own."""
    return shared_gate


def test_show_tells_a_record(gate: Server) -> None:
    """All channels come first, then each channel, then each suppression with all about it, then the addresses."""
    record(gate, says("ann", "STOP", address=NUMBER, occur_time="2026-03-02T08:33:03Z"))

    told = done(gate, "contact", "show", "ann")

    assert rows(told) == [
        ["all channels", "", "PARTIAL"],
        ["sms", "connected", "on"],
        *([channel, "connected", "off"] for channel in ("email", "call", "facebook", "gmb", "whatsapp")),
        ["sms", "opt out", "permanent", "contact, support", "2026-03-02 08:33:03", NUMBER, "", "ann STOP"],
    ]
    assert told.splitlines()[-2:] == ["addresses in use:", f"  {NUMBER}"]


def test_show_of_somebody_unknown(gate: Server) -> None:
    """A contact of whom nothing is known is shown as one without DND and addresses."""
    told = done(gate, "contact", "show", "nobody")

    assert rows(told)[0] == ["all channels", "", "OFF"]
    assert told.splitlines()[-1] == "addresses in use: none known"


def test_show_for_programs(gate: Server) -> None:
    """--json prints the response as protobuf JSON; --location names the tenant."""
    shown = answer(gate, "contact", "show", "ann", "--location", "gym")["contact"]

    assert (shown["location_id"], shown["contact_id"], shown["status"]) == ("gym", "ann", "DND_STATUS_OFF")


def test_values_are_shown_and_not_interpreted(gate: Server) -> None:
    """What others wrote can neither break a table nor steer the terminal, and is shown in full."""
    name = f"[/red]\x1b[2J{'long ' * 30}[bold]"
    record(gate, says("mallory", "STOP", event_id=name))

    told = done(gate, "contact", "show", "mallory")

    assert "\x1b" not in told
    cells = "".join(row[-1] for row in rows(told) if len(row) == 8)
    assert cells.replace(" ", "") == name.replace("\x1b", r"\x1b").replace(" ", "")


def test_dnd_on_and_off(gate: Server) -> None:
    """DND on all channels at once and on single ones are switched apart from each other."""
    status = [
        answer(gate, "contact", "dnd", *arguments.split())["contact"]["status"]
        for arguments in (
            "on bob --channel sms --channel EMAIL --note bob-asked",
            "on bob --all",
            "off bob --all",
            "off bob --channel sms --channel email",
        )
    ]

    assert status == ["DND_STATUS_PARTIAL", "DND_STATUS_ON", "DND_STATUS_PARTIAL", "DND_STATUS_OFF"]
    assert "bob-asked" in done(gate, "contact", "history", "bob")


def test_dnd_that_is_not_the_users_to_lift(gate: Server) -> None:
    """Each obstacle is told on a line of its own with its cause and its way out, and nothing is lifted."""
    record(gate, says("cat", "STOP"), bounced("cat", "cat@example.com"))

    ended = run(gate, "contact", "dnd", "off", "cat", "--channel", "sms", "--channel", "email")

    assert (ended.returncode, ended.stdout) == (1, "")
    first, *obstacles = ended.stderr.splitlines()
    assert first.startswith(f"sendgate: {gate.control}: FAILED_PRECONDITION: ")
    assert len(obstacles) == 2
    assert [(each.split(" (")[0], "support" in each, "suppression list" in each) for each in sorted(obstacles)] == [
        ("  bounce", False, True),
        ("  opt out", True, False),
    ]


def test_dnd_after_a_bounce(gate: Server) -> None:
    """A bounce is lifted once both steps are stated, and not before."""
    record(gate, bounced("dan", "dan@example.com"))
    off = ("contact", "dnd", "off", "dan", "--channel", "email")

    assert run(gate, *off, "--suppression-cleared").returncode == 1
    assert run(gate, *off, "--address-validated").returncode == 1
    lifted = answer(gate, *off, "--suppression-cleared", "--address-validated")
    assert lifted["contact"]["status"] == "DND_STATUS_OFF"


def test_dnd_after_a_bounce_names_the_options(gate: Server) -> None:
    """Where only the remediation is missing, the refusal says with which options to state it; elsewhere it does not."""
    record(gate, bounced("dee", "dee@example.com"), says("dee", "STOP"))

    email = run(gate, "contact", "dnd", "off", "dee", "--channel", "email").stderr.splitlines()
    both = run(gate, "contact", "dnd", "off", "dee", "--channel", "email", "--channel", "sms").stderr

    assert email[-1] == "  once both are done, say so: --suppression-cleared --address-validated"
    assert "--suppression-cleared" not in both


def test_dnd_off_tells_what_stays(gate: Server) -> None:
    """A switch that leaves one of its channels in DND says which and whether all at once are the reason."""
    for switch in ("on ida --all", "on ida --channel sms --channel call"):
        done(gate, "contact", "dnd", *switch.split())

    single = done(gate, "contact", "dnd", "off", "ida", "--channel", "sms")
    everything = done(gate, "contact", "dnd", "OFF", "ida", "--all")
    last = done(gate, "contact", "dnd", "off", "ida", "--channel", "call")

    assert single.splitlines()[-1] == "still in DND, for all channels at once: sms"
    assert everything.splitlines()[-1] == "still in DND, each by itself: call"
    assert "still in DND" not in last


def test_link_and_unlink(gate: Server) -> None:
    """What suppresses an address counts for a contact while it is linked; the address is shown in normal form."""
    record(gate, says("", "STOP", event_id="number", address="+12025550111"))

    linked = answer(gate, "contact", "link", "eve", "(202) 555-0111")["contact"]
    unlinked = answer(gate, "contact", "unlink", "eve", "+12025550111")["contact"]

    assert (linked["addresses"], linked["status"]) == (["+12025550111"], "DND_STATUS_PARTIAL")
    assert unlinked["addresses"] == []


def test_history_pages(gate: Server) -> None:
    """The newest come first; a limit cuts off and says so; --all tells everything."""
    events = [says("fay", "hello", event_id=f"fay {number:02}") for number in range(1, 8)]
    record(gate, *events)
    newest_first = [each["event_id"] for each in reversed(events)]

    some = run(gate, "contact", "history", "fay", "--limit", "3", "--json")
    everything = done(gate, "contact", "history", "fay", "--all", "--json")
    table = rows(done(gate, "contact", "history", "fay"))

    assert some.stderr == "there is more: ask with a higher --limit, or with --all\n"
    assert [json.loads(line)["event_id"] for line in some.stdout.splitlines()] == newest_first[:3]
    assert [json.loads(line)["event_id"] for line in everything.splitlines()] == newest_first
    assert [row[6] for row in table] == newest_first


def test_history_tells_what_changed(gate: Server) -> None:
    """An entry names what it set and lifted."""
    record(gate, says("gus", "STOP", occur_time="2026-03-02T08:00:00Z"), says("gus", "START"))

    start, stop = rows(done(gate, "contact", "history", "gus"))

    assert (stop[1], stop[4], stop[5]) == ("inbound message", "sms: opt out", "")
    assert (start[1], start[4], start[5]) == ("inbound message", "", "sms: opt out")


def test_erase_asks_first(gate: Server) -> None:
    """Without a yes nothing is erased; after it the person's words are gone and the opt-out holds."""
    record(gate, says("hal", "STOP", address="+12025550122"))

    declined = run(gate, "contact", "erase", "hal", given="n\n")
    kept = done(gate, "contact", "history", "hal")
    erased = done(gate, "contact", "erase", "hal", "--yes")

    assert (declined.returncode, declined.stdout) == (1, "")
    assert "Erase contact hal of location default for good?" in declined.stderr
    assert "STOP" in kept
    assert erased.startswith("erased: ")
    assert answer(gate, "contact", "show", "hal")["contact"]["addresses"] == []
    assert command("check", "--contact", "hal", "--channel", "sms", "--target", gate.data).returncode == 3


COMMANDS = [
    "contact show c",
    "contact dnd on c --all",
    "contact link c a@example.com",
    "contact unlink c a@example.com",
    "contact history c",
    "contact erase c --yes",
    "review submit --contact c --channel sms --number 1 --recording https://example.com/",
    "review show r",
    "review list",
    "review approve r",
    "review reject r",
    "review phrases",
    "review confirm p",
    "review dismiss p",
    "channel list",
    "channel connect sms",
    "channel disconnect sms",
]


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_gate_that_does_not_answer(tmp_path: Path, arguments: str) -> None:
    """Exit code 1, one line on stderr, and nothing on stdout."""
    target = f"unix:{tmp_path}/none.sock"
    ended = CliRunner().invoke(main, [*arguments.split(), "--target", target, "--timeout", "1"])

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"sendgate: {target}: ")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", COMMANDS)
def test_help_teaches(arguments: str) -> None:
    """Each command has an example of itself in its help, and says what its exit code means."""
    name = arguments.split()[:2]
    ended = CliRunner().invoke(main, [*name, "--help"])
    told = " ".join(ended.stdout.split())

    assert ended.exit_code == 0
    assert f"`sendgate {' '.join(name)}" in told
    assert "Exit code 0" in told


@pytest.mark.parametrize(
    "arguments",
    [
        "contact show",
        "contact dnd on c",
        "contact dnd on c --all --channel sms",
        "contact dnd maybe c --all",
        "contact dnd on c --channel pigeon",
        "contact link c",
        "contact history c --limit 0",
        "review submit --contact c --channel sms --number 1",
        "review submit --contact c --channel sms --recording https://example.com/",
        "review list --state confirmed",
        "review phrases --state approved",
        "channel connect",
        "channel connect pigeon",
    ],
)
def test_wrong_usage(arguments: str) -> None:
    """Exit code 2, and the message is on stderr."""
    ended = CliRunner().invoke(main, arguments.split())
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr
