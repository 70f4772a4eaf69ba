"""Bring a database's schema up to date."""

from pathlib import Path

import aiosqlite

from gate.errors import StartError
from store.schema import APPLICATION_ID, MIGRATIONS


async def version_of(connection: aiosqlite.Connection, path: Path) -> int:
    """Read how many migrations ran. Raises StartError, before anything is written to a file not ours."""
    version = await _pragma(connection, "user_version")
    application = await _pragma(connection, "application_id")
    tables = await _one(connection, "SELECT count(*) FROM sqlite_schema")
    if tables and application != APPLICATION_ID:
        raise StartError(f"database {path}: this is not a gate's database; name another file")
    if version > len(MIGRATIONS):
        raise StartError(
            f"database {path}: its schema has version {version}, this gate knows {len(MIGRATIONS)}; "
            "run the newer gate that made it, or restore a backup from before"
        )
    return version


async def migrate(connection: aiosqlite.Connection, version: int) -> None:
    """Run the migrations that come after a version, each in a transaction of its own. Raises sqlite3.Error."""
    for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
        await connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            await connection.execute(statement)
        await connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        await connection.execute(f"PRAGMA user_version = {number}")
        await connection.commit()


async def _pragma(connection: aiosqlite.Connection, name: str) -> int:
    return await _one(connection, f"PRAGMA {name}")


async def _one(connection: aiosqlite.Connection, sql: str) -> int:
    async with connection.execute(sql) as cursor:
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101  a pragma and a count always have a row
    return int(row[0])
