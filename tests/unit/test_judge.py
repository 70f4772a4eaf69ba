"""Judging, sentence by sentence: which suppressions bear on a contact, an address, or a contact at an address."""

from itertools import permutations

from gate.rules.judge import active_suppressions, decide, latest_time, view
from gate.rules.lattice import EMPTY, SubjectState, merge_links, merge_suppressions
from gate.rules.model import NEVER, Cause, Channel, Link, Subject, Suppression

SMS, EMAIL = Channel.SMS, Channel.EMAIL
OLD, NEW, OTHER = "+15005550001", "+15005550002", "+15005550003"


def on_contact(contact: str, cause: Cause = Cause.OPT_OUT, *, at: int = NEVER, lifted: int = NEVER) -> Suppression:
    """Return an SMS row that stands on a contact."""
    return Suppression(Subject("shop", "contact", contact), SMS, cause, at, lifted)


def on_number(number: str, cause: Cause = Cause.OPT_OUT, *, at: int = NEVER, lifted: int = NEVER) -> Suppression:
    """Return an SMS row that stands on an address."""
    return Suppression(Subject("shop", "address", number), SMS, cause, at, lifted)


def uses(contact: str, address: str, *, since: int = 0, until: int = NEVER) -> Link:
    """Return that a contact uses an address, or used it."""
    return Link("shop", contact, address, since, until)


class World:
    """All that is known, and questions to it."""

    def __init__(self, *known: Suppression | Link) -> None:
        self.states: dict[Subject, SubjectState] = {}
        for row in known:
            if isinstance(row, Link):
                contact = Subject(row.location_id, "contact", row.contact_id)
                self.states[contact] = merge_links(self.load(contact), [row])
            else:
                self.states[row.subject] = merge_suppressions(self.load(row.subject), [row])

    def load(self, subject: Subject) -> SubjectState:
        """Return what is known of one subject."""
        return self.states.get(subject, EMPTY)

    def rows(self, contact: str = "", address: str = "", location: str = "shop") -> tuple[Suppression, ...]:
        """Return the active suppressions."""
        return active_suppressions(view(location, contact, address, self.load))

    def allows(self, contact: str = "", address: str = "", location: str = "shop") -> bool:
        """Return whether a text message may be sent."""
        return decide(self.rows(contact, address, location), SMS).allowed

    def latest(self, contact: str = "", address: str = "") -> int:
        """Return the latest time of all that bears on the question."""
        return latest_time(view("shop", contact, address, self.load).states)


def test_nobody_is_denied_of_whom_nothing_is_known() -> None:
    """An unknown contact, an unknown address and both together are allowed."""
    world = World()

    assert world.allows("c1")
    assert world.allows("c1", NEW)
    assert world.allows("", NEW)


def test_a_fact_holds_for_the_contact_on_which_it_stands() -> None:
    """An event that named no address leaves its fact on the contact, whatever addresses it uses."""
    world = World(on_contact("c1", Cause.LANDLINE, at=5), uses("c1", NEW))

    assert not world.allows("c1")
    assert not world.allows("c1", NEW)
    assert world.allows("", NEW)


def test_a_changed_number_leaves_its_facts_behind() -> None:
    """A fact of a number that the contact no longer uses bears on that number only."""
    landline = on_number(OLD, Cause.LANDLINE, at=5)
    world = World(landline, uses("c1", OLD, until=6), uses("c1", NEW))

    assert world.allows("c1")
    assert world.allows("c1", NEW)
    assert world.rows("c1", OLD) == (landline,)


def test_a_fact_bears_on_whoever_is_written_to_there() -> None:
    """A fact of a shared number bears on each contact at that number, also on one that never used it."""
    world = World(on_number(OTHER, Cause.UNREACHABLE, at=5), uses("c1", OTHER), uses("c2", OTHER))

    assert not world.allows("c1")
    assert not world.allows("c2")
    assert not world.allows("c3", OTHER)
    assert world.allows("c3")


def test_a_fact_of_one_number_does_not_close_the_named_other() -> None:
    """Where a check names an address, only that one is considered; where it names none, all in use are."""
    world = World(on_number(OTHER, Cause.UNREACHABLE, at=5), uses("c1", OTHER), uses("c1", NEW))

    assert world.allows("c1", NEW)
    assert not world.allows("c1", OTHER)
    assert not world.allows("c1")


def test_a_lift_on_one_number_leaves_the_facts_of_another() -> None:
    """Facts do not follow the person, and neither do their lifts."""
    world = World(
        on_number(OTHER, Cause.UNREACHABLE, at=5),
        on_number(NEW, Cause.UNREACHABLE, lifted=9),
        on_contact("c1", Cause.UNREACHABLE, lifted=9),
        uses("c1", OTHER),
        uses("c1", NEW),
    )

    assert not world.allows("c1", OTHER)
    assert world.allows("c1", NEW)


def test_a_fact_that_was_lifted_where_it_stands_is_gone() -> None:
    """A fact is active by its own two times alone."""
    assert World(on_number(NEW, Cause.LANDLINE, at=5, lifted=6)).allows("", NEW)
    assert not World(on_number(NEW, Cause.LANDLINE, at=5, lifted=5)).allows("", NEW)


def test_who_stopped_on_the_old_number_is_not_written_to_on_the_new_one() -> None:
    """A wish follows the person to every number, also from one that they no longer use."""
    stop = on_number(OLD, at=5)
    world = World(stop, uses("c1", OLD, until=6), uses("c1", NEW))

    assert world.rows("c1") == (stop,)
    assert world.rows("c1", NEW) == (stop,)
    assert world.rows("c1", OTHER) == (stop,)


def test_the_wish_does_not_follow_to_another_person_at_the_new_number() -> None:
    """Only the contact who used the old number asked to stop."""
    world = World(on_number(OLD, at=5), uses("c1", OLD), uses("c1", NEW), uses("c2", NEW))

    assert world.allows("c2")
    assert world.allows("", NEW)


def test_start_from_any_number_opens_the_others() -> None:
    """After START from the new number a STOP of the old one no longer holds for the person."""
    world = World(
        on_number(OLD, at=5), on_number(NEW, lifted=7), uses("c1", OLD, until=6), uses("c1", NEW), uses("c1", OTHER)
    )

    assert world.allows("c1")
    assert world.allows("c1", NEW)
    assert world.allows("c1", OTHER)


def test_start_from_the_old_number_opens_the_new_one() -> None:
    """A number that is no longer used still speaks for the person."""
    world = World(on_contact("c1", at=5), on_number(OLD, lifted=7), uses("c1", OLD, until=6), uses("c1", NEW))

    assert world.allows("c1", NEW)


def test_the_latest_word_from_any_number_decides() -> None:
    """STOP from one number after START from another closes both, and a tie denies."""
    for stopped in (7, 8):
        world = World(on_number(OLD, lifted=7), on_number(NEW, at=stopped), uses("c1", OLD), uses("c1", NEW))

        assert not world.allows("c1", OLD)
        assert not world.allows("c1", NEW)


def test_a_wish_is_judged_per_cause() -> None:
    """START does not lift what a reply may not lift, wherever that stands."""
    complaint = on_number(OLD, Cause.COMPLAINT, at=5)
    world = World(complaint, on_number(OLD, at=5, lifted=7), uses("c1", OLD), uses("c1", NEW))

    assert world.rows("c1", NEW) == (complaint,)


def test_a_wish_is_judged_per_channel() -> None:
    """START on one channel does not open another, nor what stands on all channels."""
    everywhere = Suppression(Subject("shop", "contact", "c1"), None, Cause.OPT_OUT, 5)
    whatsapp = Suppression(Subject("shop", "contact", "c1"), Channel.WHATSAPP, Cause.OPT_OUT, 5)
    world = World(everywhere, whatsapp, on_contact("c1", at=5), on_number(NEW, lifted=7), uses("c1", NEW))

    assert world.rows("c1") == (everywhere, whatsapp)


def test_a_number_that_said_stop_stays_silent_for_whoever_else_uses_it() -> None:
    """Another contact's START elsewhere, or no word at all, does not open a shared number that said STOP."""
    stop = on_number(OTHER, at=5)
    world = World(stop, on_number(NEW, lifted=9), uses("c1", OTHER), uses("c2", OTHER), uses("c2", NEW))

    assert world.rows("c2", OTHER) == (stop,)
    assert world.rows("c2") == (stop,)
    assert world.rows("c3", OTHER) == (stop,)
    assert world.rows("", OTHER) == (stop,)
    assert world.allows("c2", NEW)


def test_a_shared_number_opens_when_that_number_says_start() -> None:
    """START from the number itself opens it for everybody who is written to there."""
    world = World(on_number(OTHER, at=5, lifted=6), uses("c1", OTHER), uses("c2", OTHER))

    assert world.allows("c1")
    assert world.allows("c2", OTHER)
    assert world.allows("", OTHER)


def test_a_shared_number_opens_for_the_contact_whose_own_suppression_was_lifted() -> None:
    """A lift on one contact opens the number for that contact and for no other."""
    world = World(on_number(OTHER, at=5), on_contact("c2", lifted=6), uses("c1", OTHER), uses("c2", OTHER))

    assert world.allows("c2", OTHER)
    assert world.allows("c2")
    assert not world.allows("c1", OTHER)
    assert not world.allows("", OTHER)


def test_a_number_that_said_stop_after_the_contacts_lift_is_silent() -> None:
    """The contact's lift opens only what the number said before it, of the same cause; a tie denies."""
    for lifted in (4, 5):
        world = World(on_number(OTHER, at=5), on_contact("c2", lifted=lifted))

        assert not world.allows("c2", OTHER)

    assert not World(on_number(OTHER, at=5), on_contact("c2", Cause.MANUAL, lifted=9)).allows("c2", OTHER)


def test_a_check_of_an_address_alone_knows_no_person() -> None:
    """What stands on a contact or on its other numbers does not bear on a check that names only an address."""
    world = World(on_contact("c1", at=5), on_number(OLD, at=5), uses("c1", OLD), uses("c1", NEW))

    assert world.allows("", NEW)
    assert not world.allows("", OLD)
    assert not world.allows("c1", NEW)


def test_an_unlinked_address_is_not_considered_unless_named() -> None:
    """After unlinking, the wish of the person still follows, but the number's own silence binds only there."""
    stop = on_number(OLD, at=5)
    unlinked = uses("c1", OLD, until=6)

    assert World(stop, unlinked).rows("c1") == (stop,)
    assert World(stop, unlinked, on_number(NEW, lifted=7), uses("c1", NEW)).allows("c1")
    assert World(stop, unlinked, on_number(NEW, lifted=7), uses("c1", NEW)).rows("c1", OLD) == (stop,)


def test_a_link_and_its_end_at_one_time_leave_the_address_considered() -> None:
    """A tie keeps the address in use, so that its facts deny."""
    world = World(on_number(OLD, Cause.LANDLINE, at=5), uses("c1", OLD, since=6, until=6))

    assert not world.allows("c1")


def test_an_address_that_was_never_linked_is_none_of_the_persons() -> None:
    """The end of a link that is heard of before its beginning teaches nothing about the person."""
    world = World(on_contact("c1", at=5), on_number(OLD, lifted=7), uses("c1", OLD, since=NEVER, until=6))

    assert not world.allows("c1")


def test_locations_do_not_share_anything() -> None:
    """The same contact id and the same number in another location are other subjects."""
    world = World(on_contact("c1", at=5), on_number(NEW, at=5), uses("c1", NEW))

    assert world.allows("c1", NEW, location="store")


def test_a_contact_and_an_address_of_one_name_are_two_subjects() -> None:
    """The kind is a part of the key."""
    world = World(on_contact(NEW, at=5))

    assert world.allows("", NEW)
    assert not world.allows(NEW)


def test_suppressions_are_ordered_whatever_the_order_of_arrival() -> None:
    """All-channels ones come first, then by channel, cause and subject, each once."""
    contact, number = Subject("shop", "contact", "c1"), Subject("shop", "address", NEW)
    ordered = (
        Suppression(contact, None, Cause.MANUAL, 9),
        Suppression(contact, None, Cause.LEGACY, 1),
        Suppression(contact, SMS, Cause.MANUAL, 9),
        Suppression(number, SMS, Cause.OPT_OUT, 9),
        Suppression(contact, SMS, Cause.OPT_OUT, 1),
        Suppression(number, EMAIL, Cause.BOUNCE, 1),
    )
    for arrival in permutations(ordered):
        assert World(uses("c1", NEW), *arrival).rows("c1") == ordered


def test_the_latest_time_is_that_of_anything_that_bears() -> None:
    """Set or lifted, on the contact, on an address it uses or used, or on the address that is named."""
    links = uses("c1", OLD, until=9), uses("c1", NEW, until=9)
    known: tuple[Suppression | Link, ...] = (on_number(OLD, at=3), on_contact("c1", at=2), *links)

    assert World().latest("c1", NEW) == NEVER
    assert World(*known, on_number(NEW, lifted=4)).latest("c1") == 4
    assert World(*known, on_contact("c1", lifted=5)).latest("c1") == 5
    assert World(*known, on_number(OTHER, at=6)).latest("c1") == 3
    assert World(*known, on_number(OTHER, at=6)).latest("c1", OTHER) == 6
    assert World(*known).latest("", OTHER) == NEVER
