"""Move contacts in and out: imports that only add suppressions, exports of a location's whole state."""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import NamedTuple

from gate.errors import SaltsDeniedError
from gate.rules import acts
from gate.rules.connection import ConnectionTimes
from gate.rules.interpret import Effects
from gate.rules.model import NEVER, Link, Suppression
from gate.service.act import new_act
from gate.service.caller import Caller, Role
from gate.service.draft import Draft
from gate.service.record import Recorder
from store.event_log import Content, told
from store.export import Exported
from store.store import Store


class Imported(NamedTuple):
    """One entry of an import: rows to be merged. Its id follows from its content."""

    entry_id: str
    location_id: str
    contact_id: str
    detail: acts.ImportContact | acts.ImportState
    suppressions: tuple[Suppression, ...]
    links: tuple[Link, ...]
    connections: tuple[ConnectionTimes, ...] = ()
    salts: tuple[bytes, ...] = ()


class Transfer:
    """Imports and exports. Every method raises NotReadyError and StoreUnavailableError."""

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self._store = store
        self._recorder = recorder

    async def take(self, entries: Sequence[Imported], by: Caller) -> int:
        """Import entries in one commit and return how many were not imported before.

        Until something else was recorded in a location, or an import of it was finished, all of it is taken over: so
        a state moves to an empty gate. After that what would lift, unlink or connect is left out.
        """
        # All that needs no look at the store is done here, while what was taken before is being committed.
        keys = {(entry.location_id, acts.IMPORT, entry.entry_id): entry for entry in entries}
        locations = {location_id for location_id, *_ in keys}
        for location_id in locations:
            by.need(Role.USER, at=location_id)
        if any(entry.salts for entry in entries):
            need_salts(by)
        said = [told(entry.detail) for entry in keys.values()]

        def take(draft: Draft, now: int) -> int:
            known = draft.known_imports(list(keys))
            blank = {name: draft.only_imports(name) for name in locations}
            for (key, entry), each in zip(keys.items(), said, strict=True):
                if key not in known:
                    effects = _effects(entry, whole=blank[entry.location_id])
                    newly_set = effects.suppressions if isinstance(entry.detail, acts.ImportContact) else ()
                    draft.take(key, Content(entry.contact_id, "", now, *each), effects, now, by.name, newly_set)
                    draft.keep_salts(entry.salts)
            return len(keys) - len(known)

        return await self._recorder.take(take, len(entries)) if entries else 0

    async def finish(self, locations: Iterable[str], by: Caller) -> None:
        """Say that what was to come into locations has come: later imports only add to them.

        Otherwise a second import could lift what the first one brought.
        """

        def finish(draft: Draft, now: int) -> None:
            for location_id in sorted(locations):
                by.need(Role.USER, at=location_id)
                if draft.only_imports(location_id):
                    draft.enact(new_act(by, now, acts.FinishImport(), location_id), Effects(), now)

        await self._recorder.act(finish)

    async def export(self, location_id: str, caller: Callable[[], Caller]) -> AsyncGenerator[Exported, None]:
        """Stream a location's state as it is now, in parts. Salts come before all else, for those who may have them.

        Without its salts a tombstone silences nobody where it is imported, so there is no export that leaves them out.
        Who asks is asked for each part: a credential may be revoked while it is being read.
        """
        caller().need(Role.USER, at=location_id)
        async with aclosing(self._store.export(location_id)) as parts:
            async for part in parts:
                by = caller()
                by.need(Role.USER, at=location_id)
                if part.salts:
                    need_salts(by)
                yield part


def need_for(entry: Imported, by: Caller) -> None:
    """Go on only where the caller may import an entry. Raises PermissionDeniedError and LocationDeniedError."""
    by.need(Role.USER, at=entry.location_id)
    if entry.salts:
        need_salts(by)


def need_salts(by: Caller) -> None:
    """Go on only where the caller may see and bring salts, which are the gate's, not a location's.

    Each one more makes every check of every location dearer, and who has one finds out whom a tombstone stands for by
    trying all numbers. Raises SaltsDeniedError.
    """
    if by.locations is not None:
        raise SaltsDeniedError


def _effects(entry: Imported, *, whole: bool) -> Effects:
    if whole:
        return Effects(entry.suppressions, entry.links, connections=entry.connections)
    links = (link for link in entry.links if link.linked_time > link.unlinked_time)
    return Effects(tuple(_set_only(entry.suppressions)), tuple(link._replace(unlinked_time=NEVER) for link in links))


def _set_only(rows: Iterable[Suppression]) -> Iterable[Suppression]:
    """Keep what is active, without the lifts of what is not."""
    return (row._replace(lift_time=NEVER) for row in rows if row.set_time > NEVER and row.set_time >= row.lift_time)
