"""Say what an event came to, from what was active before it and what is active after it."""

from typing import NamedTuple

from gate.rules.interpret import Effects
from gate.rules.judge import (
    ALL_CHANNELS,
    View,
    active_rows,
    active_suppressions,
    alone,
    dnd_status,
    own_suppressions,
    swap,
)
from gate.rules.lattice import SubjectState
from gate.rules.model import NEVER, Channel, DndStatus, Outcome, Suppression

Rows = tuple[Suppression, ...]


class Answer(NamedTuple):
    """What an event came to. `revision` is the event's place in the log."""

    outcome: Outcome
    set: tuple[Suppression, ...]
    lifted: tuple[Suppression, ...]
    status: DndStatus
    revision: int


def weigh(
    effects: Effects,
    known: SubjectState,
    merged: SubjectState,
    seen: View,
    revision: int,
    enlisted: frozenset[Channel] = ALL_CHANNELS,
) -> Answer:
    """Compare what is active before and after an event. Its subject was `known` and is `merged` in what is seen now.

    What the event changed counts for its contact and for its subject by itself: a number that the contact has
    left, or whose STOP the contact has overruled, is closed to others all the same.

    A reply's START that finds nothing to lift is applied all the same where it is the latest word: it makes
    every older STOP that arrives later stale.
    """
    if not effects.suppressions:
        outcome = Outcome.POSSIBLE_OPT_OUT if effects.possible_opt_out else Outcome.NO_EFFECT
        return Answer(outcome, (), (), dnd_status(active_suppressions(seen), enlisted), revision)
    if alone(seen) is merged:
        after = own_suppressions(merged)
        newly_set, lifted = changes(own_suppressions(known), after)
    else:
        after = active_suppressions(seen)
        before = active_suppressions(swap(seen, merged, known))
        newly_set, lifted = changes((*before, *active_rows(known)), (*after, *active_rows(merged)))
    news = newly_set or lifted or all(_latest_lift(row, known) for row in effects.suppressions)
    outcome = Outcome.APPLIED if news else Outcome.STALE
    return Answer(outcome, newly_set, lifted, dnd_status(after, enlisted), revision)


def changes(before: Rows, after: Rows) -> tuple[Rows, Rows]:
    """Return what is newly set, or set anew, and what is lifted, from the active suppressions on either side."""
    if not before:
        return tuple(dict.fromkeys(after)), ()
    was = {row[:3]: row for row in before}
    now = {row[:3]: row for row in after}
    newly_set = tuple([row for key, row in now.items() if key not in was or was[key].set_time != row.set_time])
    return newly_set, tuple([row for key, row in was.items() if key not in now])


def _latest_lift(effect: Suppression, known: SubjectState) -> bool:
    row = known.suppressions.get((effect.channel, effect.cause))
    if effect.lift_time == NEVER:
        return False
    return row is None or effect.lift_time > max(row.set_time, row.lift_time)
