"""How the log looks: a line for people, or a JSON object for programs; and what gets into it at all."""

import json
import logging
import sqlite3
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from gate.logs.redact import scrub

CONSOLE: Final = "console"
JSON: Final = "json"

_OURS: Final = ("gate", "store")
_TRANSPORT: Final = "grpc._cython.cygrpc"
_GAVE_UP: Final = "ExecuteBatchError"
_TELLING: Final = (OSError, sqlite3.Error)
"""Errors whose message is about files and tables, not about what is in them."""


class ConsoleFormatter(logging.Formatter):
    """Time, level, logger and message; where something failed, the places below it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Write a line, and one more for each place."""
        record.message = _message(record)
        record.asctime = self.formatTime(record)
        return "\n".join((self.formatMessage(record), *(f"  {place}" for place in _places(record))))


class JsonFormatter(logging.Formatter):
    """One object on a line: time (RFC 3339, UTC), level, logger, event, message, and the event's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Write an object."""
        line = getattr(record, "line", None)
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": line.event if line else "foreign",
            "message": _message(record),
        }
        for name, value in getattr(record, "fields", {}).items():
            told[name] = value if isinstance(value, bool | int | float) else scrub(str(value))
        if places := list(_places(record)):
            told["error"], *told["places"] = places
        return json.dumps(told, ensure_ascii=False)


def configure(level: str, form: str, stream: TextIO = sys.stderr) -> None:
    """Log to a stream from now on. Libraries tell warnings only: at their debug level they tell all they handle."""
    output = logging.StreamHandler(stream)
    output.setFormatter(JsonFormatter() if form == JSON else ConsoleFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[output], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(level.upper())
    logging.getLogger(_TRANSPORT).addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Leave out clients that gave up while their answer was on its way: the library tells each as an error of ours."""
    return not (record.exc_info and record.exc_info[0] and record.exc_info[0].__name__ == _GAVE_UP)


def _message(record: logging.LogRecord) -> str:
    """Return what is told, on one line. Of a library it is the first line: what follows are values."""
    message = record.getMessage()
    return scrub(message if hasattr(record, "line") else message.partition("\n")[0])


def _places(record: logging.LogRecord) -> Iterator[str]:
    """Yield the kind of an error and where it was raised, innermost last, then of what it followed from."""
    error = record.exc_info[1] if record.exc_info else None
    while error is not None:
        said = f": {scrub(str(error))}" if isinstance(error, _TELLING) else ""
        yield f"{type(error).__module__}.{type(error).__qualname__}{said}"
        for frame in traceback.extract_tb(error.__traceback__):
            yield f"{frame.filename}:{frame.lineno} {frame.name}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
