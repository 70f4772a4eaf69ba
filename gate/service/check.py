"""May this be sent, now? Answered from memory; on a miss by a point read in the caller's thread."""

from collections import Counter
from collections.abc import Sequence
from itertools import compress
from typing import Final

from gate.cache import Known, Question, States
from gate.connections import Connections
from gate.rules.connection import Connection
from gate.rules.judge import (
    ALLOWED,
    Decision,
    DenyReason,
    View,
    active_suppressions,
    bears_on,
    by_connection,
    decide,
    view,
)
from gate.rules.lattice import SubjectState
from gate.rules.model import Channel, Subject

_CONNECTED: Final = Connection.CONNECTED
_TOGETHER: Final = 256
"""Suspects of a list that are read at once: not more than a small cache has room for, with their addresses."""
_DND_CHANNEL: Final = DenyReason.DND_CHANNEL
_DND_ALL_CHANNELS: Final = DenyReason.DND_ALL_CHANNELS


class Checker:
    """Decides on sends."""

    def __init__(self, states: States, connections: Connections) -> None:
        self._states = states
        self._recall = states.recall
        self._connections_of = connections.of
        # Counted as plain numbers, each check at one place: a check costs a few microseconds.
        self.remembered = 0
        """Checks that were answered by a decision from before."""
        self.clear = 0
        """Checks that the filter answered: surely nothing."""
        self.worked_out = 0
        """Checks that were answered from states; for these and nobody else the filter said "perhaps"."""
        self.false_alarms = 0
        """Of those, where nobody had any suppression, not even one that was lifted."""
        self._denied_channel = 0
        self._denied_all_channels = 0
        self._denied_otherwise: Counter[DenyReason] = Counter()

    def denied(self) -> dict[DenyReason, int]:
        """Tell how many checks were denied, by reason. All others were allowed."""
        found = dict.fromkeys(DenyReason, 0) | dict(self._denied_otherwise)
        found[DenyReason.DND_CHANNEL] += self._denied_channel
        found[DenyReason.DND_ALL_CHANNELS] += self._denied_all_channels
        return found

    def check(self, location_id: str, contact_id: str, address: str, channel: Channel) -> Decision:
        """Decide for a contact, an address, or a contact at an address; an empty one is not named.

        A decision that was worked out before stands while every state that it followed from is current: of a
        contact its own and those of the addresses that its links and the question name. It is a pure function of
        them, and which they are follows from the question and the first of them. So working it out again would
        ask for the same states, find each in memory as it was, and come to the same. Whether the location has the
        channel is no part of it, and is asked each time.

        Raises NotReadyError and StoreUnavailableError: the gate cannot tell, so nobody may send.
        """
        question: Question = channel
        if not contact_id:
            subject = (location_id, "address", address)
        else:
            subject = (location_id, "contact", contact_id)
            if address:
                question = (address, channel)
        known = self._recall(subject)
        if known is not None:
            memo = known.memos.get(question)
            if memo is not None:
                decision, others = memo
                for other in others:
                    if not other.current:
                        break
                else:
                    self.remembered += 1
                    return self._undisturbed(location_id, channel) if decision is ALLOWED else self._denial(decision)
        if not self._states.suspect(subject):
            if contact_id and address:
                # It has no suppression, and no address with one: only the address that is named can bear.
                return self.check(location_id, "", address, channel)
            self.clear += 1
            return self._undisturbed(location_id, channel)
        decision = self._work_out(location_id, contact_id, address, channel)
        self.worked_out += 1
        return self._undisturbed(location_id, channel) if decision is ALLOWED else self._denial(decision)

    def screen(self, location_id: str, contact_ids: Sequence[str], channel: Channel) -> list[bool]:
        """Decide for many contacts on one channel, in their order. Raises as `check` does."""
        suspects = self._states.suspect_each(location_id, contact_ids)
        closed = by_connection(self._connections_of(location_id)[channel]).deny_reason
        self.clear += len(contact_ids) if closed is not None else suspects.count(False)
        if closed is not None:
            self._denied_otherwise[closed] += len(contact_ids)
            return [False] * len(contact_ids)
        allowed = [not suspect for suspect in suspects]
        places = list(compress(range(len(contact_ids)), suspects))
        for start in range(0, len(places), _TOGETHER):
            block = places[start : start + _TOGETHER]
            self._states.fetch(location_id, [contact_ids[place] for place in block])
            for place in block:
                allowed[place] = self.check(location_id, contact_ids[place], "", channel).allowed
        return allowed

    def _undisturbed(self, location_id: str, channel: Channel) -> Decision:
        """Decide where no suppression bears on the question."""
        connection = self._connections_of(location_id)[channel]
        return ALLOWED if connection is _CONNECTED else self._denial(by_connection(connection))

    def _denial(self, decision: Decision) -> Decision:
        reason = decision.deny_reason
        if reason is _DND_CHANNEL:
            self._denied_channel += 1
        elif reason is _DND_ALL_CHANNELS:
            self._denied_all_channels += 1
        elif reason is not None:
            self._denied_otherwise[reason] += 1
        return decision

    def _work_out(self, location_id: str, contact_id: str, address: str, channel: Channel) -> Decision:
        """Decide from the states of all who bear on the question, and remember it with the first of them."""
        told: list[Known] = []

        def load(subject: Subject) -> SubjectState:
            known = self._states.known(subject)
            told.append(known)
            return known.state

        seen = view(location_id, contact_id, address, load)
        if bears_on(seen, channel):
            decision = decide(active_suppressions(seen), channel)
        else:
            decision = ALLOWED
            self.false_alarms += _nobody_suppressed(seen)
        first, *others = told
        first.remember((address, channel) if contact_id and address else channel, decision, others)
        return decision


def _nobody_suppressed(seen: View) -> bool:
    return not any(state.suppressions for state in (seen.contact, *seen.considered, *seen.ever))
