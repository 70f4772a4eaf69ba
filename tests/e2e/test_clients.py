"""Real clients, each in a process of its own with stubs of its own: what they are told, and what they survive."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

import pytest

from tests.e2e import control
from tests.e2e.clients.build import CLIENTS
from tests.e2e.clients.cases import CASES, GATE, Exchange, check, denied, failed, unreachable
from tests.e2e.clients.drain import Drained, drain
from tests.e2e.clients.links import KEEPALIVE, NOT_SERVING, SERVING, Link, Links, compare
from tests.e2e.server import TRANSPORTS

TOO_SHORT_S: Final = 0.05
AT_ONCE: Final = 200
CHANNELS: Final = 20
ON_UNIX: Final = ("events", "health", "large_batch")
"""Cases that are tried over the Unix socket too: all ways to end, names that need escapes, flow control."""

pytestmark = [
    pytest.mark.parametrize("client", CLIENTS),
    pytest.mark.parametrize("transport", TRANSPORTS),
]


@pytest.fixture(scope="module")
def links(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Links]:
    """Start each client and each gate once for all tests here."""
    made = Links(tmp_path_factory.mktemp("clients"))
    yield made
    made.close()


@pytest.fixture
def link(links: Links, transport: str, client: str) -> Iterator[Link]:
    """Take a client's link with a gate, and see that its connection has outlived the test."""
    link = links.link(transport, client)
    yield link
    link.exchange(plain(link))
    assert link.watching.silent(), "the connection was lost"


@pytest.fixture(scope="module")
def drained(links: Links, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Drained]]:
    """Drain and restart a gate once on each transport, for all clients together."""
    return cache(lambda transport: drain(links, transport, tmp_path_factory.mktemp("drain")))


def plain(link: Link) -> Exchange:
    """Make a check that is allowed."""
    return Exchange(method=f"{GATE}CheckSend", request=check(link.place), response={"allowed": True})


@pytest.mark.parametrize(("kind", "case"), [*(("tcp", case) for case in CASES), *(("unix", case) for case in ON_UNIX)])
def test_calls_and_answers(link: Link, kind: str, case: str) -> None:
    """Each call ends with the code, message, details and response that the contract promises."""
    target = link.gate.data if kind == "unix" else link.gate.tcp("data")
    for exchange in CASES[case](link.place):
        link.exchange(exchange, target=target)


def test_every_field_of_a_suppression(link: Link) -> None:
    """A denial carries suppressions of the channel and of all channels, field by field."""
    place = link.place
    link.exchange(Exchange(method=f"{GATE}RecordEvent", request={"event": failed(place, "1")}))
    contact = control.set_dnd(link.gate, "c1", control.ON, location_id=place)
    (manual,) = contact.suppressions
    everywhere = {
        "all_channels": True,
        "cause": "CAUSE_MANUAL",
        "permanence": "PERMANENCE_TEMPORARY",
        "removers": ["REMOVER_USER"],
        "set_time": manual.set_time.ToJsonString(),
        "event_id": manual.event_id,
    }
    answer = denied(everywhere, unreachable("1")) | {"deny_reason": "DENY_REASON_DND_ALL_CHANNELS"}
    link.exchange(Exchange(method=f"{GATE}CheckSend", request=check(place), response=answer))


def test_a_deadline_that_is_too_short(link: Link) -> None:
    """The call ends with DEADLINE_EXCEEDED, and those after it are answered."""
    with link.frozen():
        late = link.order("call", f"{GATE}CheckSend", check(link.place), timeout_s=TOO_SHORT_S)
        assert late.end().code == "DEADLINE_EXCEEDED"

    link.exchange(plain(link))


def test_cancel_in_mid_call(link: Link) -> None:
    """The call ends with CANCELLED while the gate has it, and those after it are answered."""
    with link.frozen():
        call = link.begin(plain(link))
        link.wait_until_unread(1)
        assert call.stop().end().code == "CANCELLED"

    link.exchange(plain(link))


def test_cancel_of_a_stream(link: Link) -> None:
    """A watch that the client ends does so at once, and others go on."""
    watch = link.watch()
    assert watch.response() == SERVING
    assert watch.stop().end().code == "CANCELLED"


def test_many_calls_at_once_on_one_channel(link: Link) -> None:
    """All are under way together, and each gets the answer to its own question."""
    place = link.place
    link.exchange(Exchange(method=f"{GATE}RecordEvent", request={"event": failed(place, "1")}))
    answers = [{"allowed": True}, denied(unreachable("1"))]
    asked = [
        Exchange(method=f"{GATE}CheckSend", request=check(place, f"c{number % 2}"), response=answers[number % 2])
        for number in range(AT_ONCE)
    ]
    with link.frozen():
        orders = [link.begin(exchange) for exchange in asked]
        link.wait_until_unread(AT_ONCE * 20)

    for exchange, order in zip(asked, orders, strict=True):
        compare(exchange, order)


def test_many_channels_at_once(link: Link) -> None:
    """Each channel has a connection of its own, and all are answered."""
    asked = [plain(link) for _ in range(CHANNELS)]
    orders = [link.begin(exchange, name=f"channel {number}") for number, exchange in enumerate(asked)]
    for exchange, order in zip(asked, orders, strict=True):
        compare(exchange, order)


def test_drain_and_reconnect(
    links: Links, drained: Callable[[str], dict[str, Drained]], transport: str, client: str
) -> None:
    """While a gate is told to stop and started again, a watcher is warned first and no call fails that may wait."""
    links.client(client)
    told = drained(transport)[client]

    assert told.watch.responses == [SERVING, NOT_SERVING]
    for loop in told.loops:
        assert (loop.code, loop.responses) == ("OK", [{"allowed": True}]), loop
        assert loop.calls > 1


def test_keepalive_pings(link: Link) -> None:
    """A connection on which the client pings every ten seconds is kept, the third ping on an idle one too."""
    third_answered_s = 3 * KEEPALIVE["keepalive_s"] + KEEPALIVE["keepalive_timeout_s"]

    assert link.kept.silent(third_answered_s - link.age_s()), "the watch ended"
    link.exchange(plain(link), **KEEPALIVE)
