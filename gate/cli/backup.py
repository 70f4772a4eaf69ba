"""`sendgate backup` and `sendgate restore`: a gate's database as one file, and back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import rich_click as click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from gate.cli.client import console, errors, fail
from gate.settings import Settings, variable
from store import backup as store
from store.copy import CopyError, Tell

(_DEFAULT,) = (each.default for each in fields(Settings) if each.name == "database")

database_option: Final = click.option(
    "--database",
    envvar=variable("database"),
    show_envvar=True,
    default=_DEFAULT,
    show_default=True,
    type=click.Path(path_type=Path),
    help="The gate's database file.",
)


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@database_option
def backup(file: Path, database: Path, *, force: bool) -> None:
    """Back up the database, while its gate runs or stands still.

    For instance: `sendgate backup --database sendgate.db backups/monday.db`

    Every event that was acknowledged before is in the backup, and the gate goes on recording meanwhile. FILE appears
    once it is complete, checked and on disk. It holds addresses and messages: it is written for your user alone.

    Exit code 0: complete. 1: failed; no file was written.
    """
    with shown_progress() as tell, _failing():
        extent = store.backup(database, file, tell, force=force)
    console.print(f"backed up {database} to {file}: {_until(extent)}", markup=False)


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@database_option
def restore(file: Path, database: Path) -> None:
    """Put a backup in the database's place. Its gate must be stopped.

    For instance: `sendgate restore --database sendgate.db backups/monday.db`

    FILE is checked first, and stays. The database that was there is kept under a dated name beside it.

    What was recorded after the backup is not in it: have the providers' events since then recorded again, and erase
    again whom you erased since.

    Exit code 0: restored. 1: failed; the database is as it was.
    """
    with shown_progress() as tell, _failing():
        done = store.restore(file, database, tell)
    console.print(f"restored {database} from {file}: {_until(done.extent)}", markup=False)
    if done.kept is not None:
        console.print(f"what was there is kept as {done.kept}", markup=False)
    if done.before is None and done.kept is not None:
        errors.print("what was there cannot be read: how much of it is not in the backup is not known", markup=False)
    elif done.before is not None and done.before.events > done.extent.events:
        lost = done.before.events - done.extent.events
        errors.print(
            f"not in the backup: the {lost:,} last events of what was there, until {_utc(done.before.record_time)}",
            markup=False,
        )
    errors.print(
        "have the providers' events since the backup recorded again: opt-outs among them are not in effect",
        markup=False,
    )


@contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except CopyError as error:
        fail(str(error))


@contextmanager
def shown_progress() -> Iterator[Tell]:
    """Show how far a command has come, on a terminal only."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, disable=not errors.is_terminal, transient=True) as bar:
        task = bar.add_task("reading", total=None)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        yield tell


def _until(extent: store.Extent) -> str:
    if not extent.events:
        return "it has no events"
    return f"events up to number {extent.events:,}, recorded at {_utc(extent.record_time)}"


def _utc(time: int) -> str:
    return f"{datetime.fromtimestamp(time / 10**9, UTC):%Y-%m-%d %H:%M:%S} UTC"
