"""What is in force now: the files of credentials and certificates, looked at again and again.

A file that cannot be read, or says something impossible, changes nothing: what was in force stays, and the log says so
once for each such state of the file.
"""

import asyncio
import logging
from pathlib import Path
from typing import Final

from gate.errors import SettingsError
from gate.identity.files import look, read_secret
from gate.identity.registry import Registry, RegistryError, parse
from gate.identity.tls import Tls
from gate.logs import lines
from gate.logs.tell import tell

_EVERY_S: Final = 1.0
_log: Final = logging.getLogger(__name__)


class LiveRegistry:
    """The callers that are known now. Raises SettingsError where they cannot be read at the start."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.files: Final = (path,)
        self._looked = look(path)
        self.now = self._load()

    @property
    def size(self) -> int:
        """How many credentials there are."""
        return self.now.size

    def refresh(self) -> bool:
        """Take what is new in the file; tell whether there was anything. Raises SettingsError, once per change."""
        looked = look(self._path)
        if looked == self._looked:
            return False
        self._looked = looked
        self.now = self._load()
        return True

    def _load(self) -> Registry:
        text = read_secret(self._path)
        try:
            credentials = parse(text.decode())
        except (RegistryError, UnicodeDecodeError) as error:
            raise SettingsError(f"{self._path}: {error}") from None
        if not credentials:
            tell(_log, lines.NO_CREDENTIALS, path=self._path)
        return Registry(credentials)


async def watch(source: LiveRegistry | Tls, what: str) -> None:
    """Look after a source for ever, and tell of each change."""
    while True:
        await asyncio.sleep(_EVERY_S)
        take(source, what)


def take(source: LiveRegistry | Tls, what: str) -> None:
    """Take what is new in a source, if there is anything, and tell of it.

    A file that was cut between two entries reads well, with fewer: so it is told how many there are.
    """
    before = source.size
    try:
        if source.refresh():
            tell(_log, lines.RELOADED, what=what, count=source.size, before=before)
    except SettingsError as error:
        tell(_log, lines.RELOAD_REFUSED, what=what, problem=error)
    except Exception as error:
        files, problem = ", ".join(map(str, source.files)), type(error).__name__
        tell(_log, lines.RELOAD_FAILED, error, what=what, files=files, problem=problem)
