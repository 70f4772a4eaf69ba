"""What an event came to: its outcome, what it set and what it lifted."""

from gate.rules.interpret import Effects
from gate.rules.judge import View
from gate.rules.lattice import EMPTY, SubjectState, merge_suppressions
from gate.rules.model import Cause, Channel, DndStatus, Link, Outcome, Subject, Suppression
from gate.rules.outcome import Answer, weigh

NUMBER = Subject("shop", "address", "+15005550006")
OTHER = Subject("shop", "address", "+15005550007")


def stop(at: int, subject: Subject = NUMBER) -> Suppression:
    """Return the row that a STOP raises."""
    return Suppression(subject, Channel.SMS, Cause.OPT_OUT, at)


def landline(at: int) -> Suppression:
    """Return the row that a landline failure raises."""
    return Suppression(NUMBER, Channel.SMS, Cause.LANDLINE, at)


def start(at: int) -> Effects:
    """Return the effects of a START, of two of the causes."""
    lifts = (Suppression(NUMBER, Channel.SMS, cause, lift_time=at) for cause in (Cause.OPT_OUT, Cause.LANDLINE))
    return Effects(tuple(lifts))


def knowing(*rows: Suppression) -> SubjectState:
    """Return a state of the number."""
    return merge_suppressions(EMPTY, rows)


def outcome(effects: Effects, known: SubjectState, *others: SubjectState) -> Answer:
    """Weigh an event on the number, of which so much was known, for a contact that uses it and has left others."""
    merged = merge_suppressions(known, effects.suppressions)
    return weigh(effects, known, merged, View(EMPTY, (merged,), (merged, *others)), 7)


def test_an_event_that_sets_is_applied() -> None:
    """The new suppression is told, with the status that follows."""
    row = stop(5)

    answer = outcome(Effects((row,)), EMPTY)

    assert answer == Answer(Outcome.APPLIED, (row,), (), DndStatus.PARTIAL, 7)


def test_setting_it_anew_is_applied() -> None:
    """A later STOP moves the time of the suppression, and only what moved is told."""
    other = landline(1)

    answer = outcome(Effects((stop(6),)), knowing(stop(5), other))

    assert answer == Answer(Outcome.APPLIED, (stop(6),), (), DndStatus.PARTIAL, 7)


def test_a_start_that_lifts_is_applied() -> None:
    """What was active and is no more is told as lifted, as it stood before, wherever it stands."""
    elsewhere = stop(4, OTHER)

    answer = outcome(start(9), knowing(stop(5)), knowing(elsewhere))

    assert answer == Answer(Outcome.APPLIED, (), (stop(5), elsewhere), DndStatus.OFF, 7)


def test_a_start_tells_only_what_it_lifted() -> None:
    """What a reply may not lift stays, and is neither set nor lifted."""
    complaint = Suppression(NUMBER, Channel.EMAIL, Cause.COMPLAINT, 1)

    answer = outcome(start(9), knowing(stop(5), complaint))

    assert answer == Answer(Outcome.APPLIED, (), (stop(5),), DndStatus.PARTIAL, 7)


def test_a_start_that_is_the_latest_word_is_applied_with_nothing_to_lift() -> None:
    """It makes every older STOP stale that arrives later, so something changed."""
    for known in (EMPTY, knowing(stop(5)._replace(lift_time=6)), knowing(landline(5)._replace(lift_time=6))):
        assert outcome(start(9), known) == Answer(Outcome.APPLIED, (), (), DndStatus.OFF, 7)


def test_a_start_that_is_not_the_latest_word_is_stale() -> None:
    """A START as old as the STOP or the START that is known, or older, changes nothing."""
    for at in (8, 9):
        answer = outcome(start(at), knowing(stop(9)))
        assert answer == Answer(Outcome.STALE, (), (), DndStatus.PARTIAL, 7)

        repeated = outcome(start(at), knowing(*start(9).suppressions))
        assert repeated == Answer(Outcome.STALE, (), (), DndStatus.OFF, 7)


def test_a_stop_older_than_what_is_known_is_stale() -> None:
    """A STOP from before a START, or from before the STOP that is known, changes nothing."""
    after_start = outcome(Effects((stop(5),)), knowing(*start(9).suppressions))
    after_stop = outcome(Effects((stop(5),)), knowing(stop(9)))

    assert after_start == Answer(Outcome.STALE, (), (), DndStatus.OFF, 7)
    assert after_stop == Answer(Outcome.STALE, (), (), DndStatus.PARTIAL, 7)


def test_an_event_without_effect_says_so() -> None:
    """No effect on DND, also where a link was learnt; the status is that of before."""
    link = Link("shop", "c1", NUMBER.id, 5)

    assert outcome(Effects((), (link,)), EMPTY) == Answer(Outcome.NO_EFFECT, (), (), DndStatus.OFF, 7)
    assert outcome(Effects(), knowing(stop(5))) == Answer(Outcome.NO_EFFECT, (), (), DndStatus.PARTIAL, 7)


def test_a_possible_opt_out_changes_nothing_and_says_so() -> None:
    """The outcome tells that a person has to decide."""
    answer = outcome(Effects(possible_opt_out=True), EMPTY)

    assert answer == Answer(Outcome.POSSIBLE_OPT_OUT, (), (), DndStatus.OFF, 7)


def test_the_status_is_that_after_the_event() -> None:
    """DND on all channels is ON."""
    row = Suppression(Subject("shop", "contact", "c1"), None, Cause.MANUAL, 5)

    assert outcome(Effects((row,)), EMPTY).status is DndStatus.ON
