"""Reading rows of a parsed TOML table, with errors that name the row."""

from collections.abc import Iterator, Mapping

Row = Mapping[str, object]


def rows(document: Row, table: str) -> Iterator[Row]:
    """Yield the rows of a table. Raises ValueError where a row has no source to be checked against."""
    found = document.get(table)
    if not isinstance(found, list) or not found:
        raise ValueError(f"{table}: at least one row is needed")
    for row in found:
        if not isinstance(row, Mapping):
            raise ValueError(f"{table}: row {row!r} is not a table")  # noqa: TRY004 - a table's error is one kind
        text(row, "source")
        yield row


def text(row: Row, key: str) -> str:
    """Return a row's text under a key. Raises ValueError where it is missing or empty."""
    found = row.get(key)
    if not isinstance(found, str) or not found.strip():
        raise ValueError(f"row {row!r}: {key} is missing or empty")
    return found


def texts(row: Row, key: str) -> tuple[str, ...]:
    """Return a row's list of texts under a key. Raises ValueError where one is missing or empty."""
    found = row.get(key)
    if not isinstance(found, list) or not found:
        raise ValueError(f"row {row!r}: {key} is missing or empty")
    for item in found:
        if not isinstance(item, str) or not item.strip():
            raise ValueError(f"row {row!r}: {key} holds {item!r}, which is no text")
    return tuple(found)
