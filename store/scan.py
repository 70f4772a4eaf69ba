"""Full scans of key columns, read by the ten thousand: a row of its own for each costs twice the time."""

import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple

BLOCK: Final = 20_000
"""Rows of a block; some more where they begin alike."""

_SEPARATOR: Final = ","
"""What SQLite's `group_concat` puts between two texts unless told otherwise, which would take it twice the time."""


class Scan(NamedTuple):
    """The statements of a scan. The table's key begins with the columns of a part, and goes on with one of texts."""

    parts: str
    """Finds the next part after one."""
    last: str
    """Finds the last text of a part."""
    step: str
    """Finds the text in a part that so many rows further on follows one."""
    texts: str
    """Counts the rows of a part after one text up to another, and joins each column by commas."""
    rows: str
    """Reads the same rows one by one."""

    def read(self, connection: sqlite3.Connection, *start: str) -> Iterator[tuple[tuple[str, ...], list[list[str]]]]:
        """Read all parts after one, in blocks: the part, and a list for each column.

        By a connection of the caller's thread. What is written meanwhile may be missed, but nothing else.
        """
        part: tuple[str, ...] = start
        while found := connection.execute(self.parts, part).fetchone():
            part = found
            for after, upto in self._spans(connection, part):
                columns = self._block(connection, (*part, after, upto))
                if columns:
                    yield part, columns

    def _spans(self, connection: sqlite3.Connection, part: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        (last,) = connection.execute(self.last, part).fetchone()
        upto = ""
        while last is not None and upto != last:
            after = upto
            found = connection.execute(self.step, (*part, after, BLOCK)).fetchone()
            upto = found[0] if found else last
            yield after, upto

    def _block(self, connection: sqlite3.Connection, span: tuple[str, ...]) -> list[list[str]]:
        rows, *texts = connection.execute(self.texts, span).fetchone()
        columns = [text.split(_SEPARATOR) for text in texts if text is not None]
        if all(len(column) == rows for column in columns):
            return columns
        # Ids are opaque, and some have a comma in them.
        return [list(column) for column in zip(*connection.execute(self.rows, span), strict=True)]
