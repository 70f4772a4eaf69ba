"""Say what an event came to, from what was active before it and what is active after it."""

from typing import NamedTuple

from gate.rules.interpret import Effects
from gate.rules.judge import ALL_CHANNELS, dnd_status
from gate.rules.lattice import SubjectState, active, merge_suppressions
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
    before: Rows,
    after: Rows,
    revision: int,
    enlisted: frozenset[Channel] = ALL_CHANNELS,
    merged: SubjectState | None = None,
) -> Answer:
    """Compare the active suppressions before and after an event, whose subject was `known` before it.

    `merged` is the subject's state after it, where the caller has that already.

    What the event changed counts for its contact and for its subject by itself: a number that the contact has
    left, or whose STOP the contact has overruled, is closed to others all the same.

    A reply's START that finds nothing to lift is applied all the same where it is the latest word: it makes
    every older STOP that arrives later stale.
    """
    status = dnd_status(after, enlisted)
    if not effects.suppressions:
        outcome = Outcome.POSSIBLE_OPT_OUT if effects.possible_opt_out else Outcome.NO_EFFECT
        return Answer(outcome, (), (), status, revision)
    merged = merged or merge_suppressions(known, effects.suppressions)
    newly_set, lifted = changes((*before, *_own(known)), (*after, *_own(merged)))
    news = newly_set or lifted or all(_latest_lift(row, known) for row in effects.suppressions)
    return Answer(Outcome.APPLIED if news else Outcome.STALE, newly_set, lifted, status, revision)


def changes(before: Rows, after: Rows) -> tuple[Rows, Rows]:
    """Return what is newly set, or set anew, and what is lifted, from the active suppressions on either side."""
    if not before:
        return tuple(dict.fromkeys(after)), ()
    was = {row[:3]: row for row in before}
    now = {row[:3]: row for row in after}
    newly_set = tuple([row for key, row in now.items() if key not in was or was[key].set_time != row.set_time])
    return newly_set, tuple([row for key, row in was.items() if key not in now])


def _own(state: SubjectState) -> list[Suppression]:
    return [row for row in state.suppressions.values() if active(row)]


def _latest_lift(effect: Suppression, known: SubjectState) -> bool:
    row = known.suppressions.get((effect.channel, effect.cause))
    if effect.lift_time == NEVER:
        return False
    return row is None or effect.lift_time > max(row.set_time, row.lift_time)
