"""`sendgate doctor`: is the database whole, and if not, what is to be done?"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.text import Text

from gate.cli.backup import database_option, shown_progress
from gate.cli.client import FAILED, console, json_option, print_json
from gate.cli.tables import printable

if TYPE_CHECKING:
    from gate.doctor import Check


@click.command()
@database_option
@json_option
def doctor(database: Path, *, as_json: bool) -> None:
    """Examine the database and say what to do. Nothing is changed, and the gate may run.

    \b
    files      they can be read and written, and there is room on the disk
    schema     it is this program's
    structure  SQLite's integrity check of the whole file
    values     times and names are such as a gate writes
    filter     built as at a start, it knows everyone who may be suppressed
    replay     the log's events come to the state

    A large database takes minutes, and as much room for temporary files as its state.

    Exit code 0: all is well. 1: something was found.
    """  # noqa: D301  \b keeps the lines as they are
    from gate.doctor import examine_database  # noqa: PLC0415  slow to import: no other command waits for it

    checks = []
    with shown_progress() as tell:
        for check in examine_database(database, tell):
            checks.append(check)
            if not as_json:
                _show(check)
    if as_json:
        print_json({"database": str(database), "well": not _found(checks), "checks": [_plain(each) for each in checks]})
    sys.exit(FAILED if _found(checks) else 0)


def _found(checks: list["Check"]) -> bool:
    return any(check.findings for check in checks)


def _show(check: "Check") -> None:
    verdict, style = (
        ("found", "red") if check.findings else ("not made", "yellow") if check.skipped else ("well", "green")
    )
    console.print(Text.assemble(f"{check.name:10}", (verdict, style), f": {check.skipped}" if check.skipped else ""))
    for finding in check.findings:
        console.print(Text(f"  {printable(finding.problem)}"))
        console.print(Text(f"  -> {printable(finding.remedy)}"))


def _plain(check: "Check") -> dict[str, object]:
    return {
        "check": check.name,
        "findings": [finding._asdict() for finding in check.findings],
        "skipped": check.skipped,
    }
