"""May this be sent, now? Answered from memory; on a miss by a point read in the caller's thread."""

from collections.abc import Iterable

from gate.cache import States
from gate.connections import Connections
from gate.rules.connection import Connection
from gate.rules.judge import Decision, active_suppressions, bears_on, decide, view
from gate.rules.model import Channel, Subject


class Checker:
    """Decides on sends."""

    def __init__(self, states: States, connections: Connections) -> None:
        self._states = states
        self._connections = connections

    def check(self, location_id: str, contact_id: str, address: str, channel: Channel) -> Decision:
        """Decide for a contact, an address, or a contact at an address; an empty one is not named.

        Raises NotReadyError and StoreUnavailableError: the gate cannot tell, so nobody may send.
        """
        states = self._states
        if not contact_id or not states.suspect(Subject(location_id, "contact", contact_id)):
            if not address or not states.suspect(Subject(location_id, "address", address)):
                return decide((), channel, self._connections.of(location_id)[channel])
            # A contact outside the filter has no suppression, and no address with one: only this one bears.
            contact_id = ""
        seen = view(location_id, contact_id, address, states.load)
        rows = active_suppressions(seen) if bears_on(seen, channel) else ()
        return decide(rows, channel, self._connections.of(location_id)[channel])

    def screen(self, location_id: str, contact_ids: Iterable[str], channel: Channel) -> list[bool]:
        """Decide for many contacts on one channel, in their order. Raises as `check` does."""
        suspect = self._states.suspect
        if self._connections.of(location_id)[channel] is not Connection.CONNECTED:
            return [False for _ in contact_ids]
        return [
            not suspect(Subject(location_id, "contact", contact_id))
            or self.check(location_id, contact_id, "", channel).allowed
            for contact_id in contact_ids
        ]
