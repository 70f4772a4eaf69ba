"""Move contacts in and out: imports that only add suppressions, exports of a location's whole state."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import NamedTuple

from gate.rules import acts
from gate.rules.connection import ConnectionTimes
from gate.rules.interpret import Effects
from gate.rules.model import NEVER, Link, Suppression
from gate.service.caller import Caller, Role
from gate.service.draft import Draft
from gate.service.record import Recorder
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

        Where a location has nothing but imports, all of it is taken over: so a state moves to an empty gate.
        Elsewhere what would lift, unlink or connect is left out.
        """
        by.need(Role.USER)

        def take(draft: Draft, now: int) -> int:
            keys = {(entry.location_id, acts.IMPORT, entry.entry_id): entry for entry in entries}
            fresh = [keys[key] for key in keys.keys() - draft.known_imports(list(keys))]
            blank = {name: draft.only_imports(name) for name in {entry.location_id for entry in fresh}}
            for entry in fresh:
                act = acts.Act(entry.entry_id, entry.location_id, entry.contact_id, "", now, by.name, entry.detail)
                draft.take(act, _effects(entry, whole=blank[entry.location_id]), now, entry.salts)
            return len(fresh)

        return await self._recorder.take(take) if entries else 0

    def export(self, location_id: str, by: Caller) -> AsyncIterator[Exported]:
        """Stream a location's state as it is now, in parts."""
        by.need(Role.USER)
        return self._store.export(location_id)


def _effects(entry: Imported, *, whole: bool) -> Effects:
    if whole:
        return Effects(entry.suppressions, entry.links, connections=entry.connections)
    links = (link for link in entry.links if link.linked_time > link.unlinked_time)
    return Effects(tuple(_set_only(entry.suppressions)), tuple(link._replace(unlinked_time=NEVER) for link in links))


def _set_only(rows: Iterable[Suppression]) -> Iterable[Suppression]:
    """Keep what is active, without the lifts of what is not."""
    return (row._replace(lift_time=NEVER) for row in rows if row.set_time > NEVER and row.set_time >= row.lift_time)
