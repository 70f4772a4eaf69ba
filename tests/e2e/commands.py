"""Runs commands of the control plane against a gate, for the tests of the command line."""

import json
import subprocess
from typing import Any

from tests.e2e.server import Server, command


def run(gate: Server, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the control plane."""
    return command(*arguments, control_target=gate.control, **settings)


def done(gate: Server, *arguments: str) -> str:
    """Run a command that must succeed without a complaint."""
    ended = run(gate, *arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


def answer(gate: Server, *arguments: str) -> dict[str, Any]:
    """Run a command that must succeed, and read what it prints for programs."""
    told: dict[str, Any] = json.loads(done(gate, *arguments, "--json"))
    return told


def record(gate: Server, *events: dict[str, Any]) -> None:
    """Record events."""
    ended = command("record", "--file", "-", "--target", gate.data, given="\n".join(map(json.dumps, events)))
    assert ended.returncode == 0, ended.stderr


def says(contact: str, body: str, **fields: Any) -> dict[str, Any]:
    """Make a text message from a contact."""
    message = {"channel": "CHANNEL_SMS", "body": body}
    return {"event_id": f"{contact} {body}", "contact_id": contact, "inbound_message": message} | fields


def bounced(contact: str, address: str) -> dict[str, Any]:
    """Make an email of a contact that bounced for good."""
    failure = {"severity": "EMAIL_SEVERITY_PERMANENT", "reason": "bounce", "code": "550"}
    return {"event_id": f"{contact} bounced", "contact_id": contact, "address": address, "email_failure": failure}


def rows(told: str) -> list[list[str]]:
    """Read the cells of all tables."""
    return [[cell.strip() for cell in row.split("│")[1:-1]] for row in told.splitlines() if row.startswith("│")]
