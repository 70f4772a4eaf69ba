"""Clients, each on connections to a gate that no scenario may cost it."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeVar

from tests.e2e.clients.build import CLIENTS, command
from tests.e2e.clients.cases import HEALTH, Exchange, Json
from tests.e2e.clients.driver import PATIENCE_S, Client, Order
from tests.e2e.server import TRANSPORTS, Server, eventually

KEEPALIVE: Final = {"keepalive_s": 10, "keepalive_timeout_s": 10}
"""As often as the gate permits, and some of the clients refuse to ping oftener; a machine may be busy meanwhile."""

SERVING: Final = {"status": "SERVING"}
NOT_SERVING: Final = {"status": "NOT_SERVING"}

ESTABLISHED: Final = "01"
"""The kernel's word for a connection on which both sides may send."""

Made = TypeVar("Made")

_places: Final = count(1)


class Link:
    """One client and one gate."""

    def __init__(self, name: str, client: Client, gate: Server) -> None:
        self.gate = gate
        self._name = name
        self._client = client
        self.watching = self.watch()
        """Follows the health over the connection of all calls, so that the loss of the connection shows."""
        self.kept = self.watch(**KEEPALIVE)
        """Follows the health over a connection that is kept alive by pings."""
        self._opened = time.monotonic()
        for watch in (self.watching, self.kept):
            assert watch.response() == SERVING

    @property
    def place(self) -> str:
        """A location of the scenario's own."""
        return f"{self._name} {next(_places)}"

    def order(self, do: str, method: str, request: Json, *, timeout_s: float = PATIENCE_S, **more: Any) -> Order:
        """Let the client begin a call over TCP, unless the channel names another target."""
        channel = {"target": self.gate.tcp("data")} | more.pop("channel", {})
        return self._client.order(do, method=method, request=request, timeout_s=timeout_s, channel=channel, **more)

    def begin(self, exchange: Exchange, **channel: Any) -> Order:
        """Let the client begin an exchange."""
        channel = exchange.channel | channel
        return self.order("call", exchange.method, exchange.request, channel=channel, **exchange.order)

    def exchange(self, exchange: Exchange, **channel: Any) -> None:
        """Let the client make an exchange and compare what it was told."""
        compare(exchange, self.begin(exchange, **channel))

    def watch(self, **channel: Any) -> Order:
        """Let the client follow the health for as long as the tests may take."""
        return self.order("watch", f"{HEALTH}Watch", {}, timeout_s=600, channel=channel)

    def age_s(self) -> float:
        """Tell for how long the link has been there."""
        return time.monotonic() - self._opened

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Keep the gate's process from doing anything, so that calls are under way for as long as it takes."""
        assert self.gate.process
        self.gate.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.gate.process.send_signal(signal.SIGCONT)

    def wait_until_unread(self, least: int) -> None:
        """Wait until so many bytes lie in the gate's sockets that a frozen gate has not read."""
        eventually(lambda: unread(self.gate.tcp("data")) >= least, f"{least} bytes for a frozen gate")


class Links:
    """All links of a module, made when they are first asked for and open until its end."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._pool = ThreadPoolExecutor(2)
        self._commands: dict[str, Future[list[str]]] = {name: self._pool.submit(command, name) for name in CLIENTS}
        self._open = ExitStack()
        # What failed once fails for every test, but only the first has to wait for it.
        self.gate = once(self._gate)
        self.client = once(self._client)
        self.link = once(self._link)

    def _link(self, transport: str, name: str) -> Link:
        """Connect a client with the gate on a transport. Skips where the client cannot be built."""
        return Link(name, self.client(name), self.gate(transport))

    def _client(self, name: str) -> Client:
        """Start a client's only process."""
        client = Client(self._commands[name].result(), self._directory / f"{name}.log")
        self._open.callback(client.close)
        return client

    def _gate(self, transport: str) -> Server:
        """Start the gate on a transport."""
        directory = self._directory / transport
        directory.mkdir()
        return self._open.enter_context(Server(directory, **TRANSPORTS[transport]))

    def close(self) -> None:
        """End all clients and gates, and see that they ended well."""
        self._pool.shutdown(cancel_futures=True)
        self._open.close()


def once(make: Callable[..., Made]) -> Callable[..., Made]:
    """Make a thing once for the same arguments, and fail again as the first time."""

    @cache
    def attempt(*arguments: Any) -> Future[Made]:
        made: Future[Made] = Future()
        try:
            made.set_result(make(*arguments))
        except BaseException as error:  # a skip is one that is no Exception
            made.set_exception(error)
        return made

    return lambda *arguments: attempt(*arguments).result()


def compare(exchange: Exchange, order: Order) -> None:
    """Compare how a call ended with how it has to."""
    answer = order.end()
    assert answer.code == exchange.code, answer
    if exchange.response is not None:
        told = without_revisions(answer.response)
        assert told == exchange.response, difference(told, exchange.response)
    if exchange.message is not None:
        assert answer.message == exchange.message, answer
    if exchange.status is not None:
        assert answer.status == exchange.status, answer


def difference(told: Any, wanted: Any, path: str = "") -> str:
    """Tell where two answers differ first, which may be too long to be shown; empty where they do not."""
    if isinstance(told, dict) and isinstance(wanted, dict) and told.keys() == wanted.keys():
        parts = [(f"{path}.{name}", told[name], wanted[name]) for name in wanted]
    elif isinstance(told, list) and isinstance(wanted, list) and len(told) == len(wanted):
        parts = [(f"{path}[{place}]", *pair) for place, pair in enumerate(zip(told, wanted, strict=True))]
    else:
        return "" if told == wanted else f"{path}: {told!r:.2000} is not {wanted!r:.2000}"
    return next((found for name, one, other in parts if (found := difference(one, other, name))), "")


def without_revisions(response: Json) -> Json:
    """Leave out the one thing in an answer that is opaque."""
    for each in (response, *(result.get("response", {}) for result in response.get("results", ()))):
        each.pop("revision", None)
    return response


def unread(address: str) -> int:
    """Count the bytes that connections to an address hold and that the gate has not read, as the kernel tells."""
    port = f":{int(address.rpartition(':')[2]):04X}"
    lines = [line for table in ("tcp", "tcp6") for line in Path("/proc/net", table).read_text("ascii").splitlines()]
    rows = [row for row in map(str.split, lines) if row[1].endswith(port) and row[3] == ESTABLISHED]
    return sum(int(row[4].partition(":")[2], 16) for row in rows)
