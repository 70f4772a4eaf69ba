"""The composition root: build a gate from its settings, run it, drain it."""

import asyncio
import gc
import logging
import resource
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from grpc_health.v1 import health_pb2, health_pb2_grpc
from sendgate.v1 import (
    channel_pb2,
    channel_pb2_grpc,
    contact_pb2,
    contact_pb2_grpc,
    opt_in_review_pb2,
    opt_in_review_pb2_grpc,
    send_gate_pb2,
    send_gate_pb2_grpc,
)

from gate import __version__
from gate.cache import States
from gate.connections import Connections
from gate.control.server import Server as ControlServer
from gate.identity.door import Door
from gate.identity.live import LiveRegistry, watch
from gate.identity.tls import Tls, TlsFiles
from gate.logs import lines
from gate.logs.tell import keep_telling_left_out, tell, tell_background_failure, tell_left_out
from gate.metrics.lag import Lag
from gate.service.channels import Channels
from gate.service.check import Checker
from gate.service.contacts import Contacts
from gate.service.record import Recorder
from gate.service.retention import Retention
from gate.service.reviews import Reviews
from gate.service.transfer import Transfer
from gate.servicers.channels import ChannelServicer
from gate.servicers.contacts import ContactServicer
from gate.servicers.guarded import GuardedSendGateServicer
from gate.servicers.health import Health
from gate.servicers.identity import Identify, Identity, anybody
from gate.servicers.reviews import OptInReviewServicer
from gate.servicers.send_gate import SendGateServicer
from gate.settings import NATIVE, Settings
from gate.tables import load_rulebook
from gate.traffic import Traffic
from gate.trim import keep_trim
from gate.wire.address import address_reader, warm
from store.store import Store
from store.verify import verify

if TYPE_CHECKING:
    from gate.metrics.endpoint import Endpoint

SERVICES: Final = tuple(
    service.full_name
    for file in (send_gate_pb2, contact_pb2, opt_in_review_pb2, channel_pb2, health_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
)
_log: Final = logging.getLogger(__name__)


class Plane(Protocol):
    """A server of some services on some addresses."""

    methods: Any
    """Where the generated code registers services."""

    async def listen(self, addresses: Iterable[str]) -> list[str]:
        """Answer on every address; return them as they are bound. Raises StartError."""

    def traffic(self) -> Traffic:
        """Tell what is going on, from any thread."""

    async def stop(self, grace: float) -> None:
        """Take no more calls, and let those in flight end within `grace` seconds."""


class Gate:
    """A gate with everything it is made of. Building it opens nothing, but reads credentials and certificates.

    Raises SettingsError where they cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._native = settings.data_transport == NATIVE
        self._planes: list[Plane] = []
        self._store = Store(settings.database)
        self._health = Health()
        self._states = States(self._store, settings.cache_size)
        rulebook = load_rulebook(settings.keyword_profile, enforce_possible=settings.possible_opt_outs == "enforce")
        self._connections = Connections()
        self._recorder = Recorder(
            self._store,
            self._states,
            self._connections,
            rulebook,
            time.time_ns,
            self._health.durable,
            settings.queue_events,
        )
        self._store.database.when_damaged = self._recorder.doubt
        self._retention = Retention(self._store, settings.event_retention, time.time_ns, self._recorder.doubt)
        self._tasks: list[asyncio.Task[None]] = []
        self._registry = None if settings.tokens is None else LiveRegistry(settings.tokens)
        self._tls = _tls(settings)
        self._identity = identity = None if self._registry is None else Identity(self._registry)
        caller: Identify = identity or anybody
        self._read_address = read_address = address_reader(settings.default_region)
        self._lag = Lag()
        self._endpoint: Endpoint | None = None
        self._checker = checker = Checker(self._states, self._connections)
        contacts = Contacts(self._store, self._states, self._recorder, self._connections)
        self._send_gate = (
            SendGateServicer(checker, self._recorder, read_address, time.time_ns)
            if identity is None
            else GuardedSendGateServicer(checker, self._recorder, read_address, time.time_ns, identity)
        )
        transfer = Transfer(self._store, self._recorder)
        self._contacts = ContactServicer(contacts, transfer, read_address, time.time_ns, caller)
        self._reviews = OptInReviewServicer(Reviews(self._store, self._recorder, contacts), caller)
        self._channels = ChannelServicer(Channels(self._recorder, self._connections), caller)

    async def listen(self) -> None:
        """Answer on all addresses; nothing is served yet but health, NOT_SERVING. Raises StartError."""
        door = Door(self._tls, self._settings.unix_mode, self._settings.unix_peers)
        counted = self._settings.metrics_listen is not None
        control = ControlServer(door, counted=counted)
        data: Plane = _native(door) if self._native else ControlServer(door, counted=counted)
        for each in (data, control):
            send_gate_pb2_grpc.add_SendGateServiceServicer_to_server(self._send_gate, each.methods)
            health_pb2_grpc.add_HealthServicer_to_server(self._health, each.methods)
        contact_pb2_grpc.add_ContactServiceServicer_to_server(self._contacts, control.methods)
        opt_in_review_pb2_grpc.add_OptInReviewServiceServicer_to_server(self._reviews, control.methods)
        channel_pb2_grpc.add_ChannelServiceServicer_to_server(self._channels, control.methods)
        control.add_reflection(SERVICES)
        for name, each, addresses in (
            ("data", data, self._settings.listen),
            ("control", control, self._settings.control_listen),
        ):
            self._planes.append(each)
            for address in await each.listen(addresses):
                tell(_log, lines.LISTENING, plane=name, address=address)
        if self._settings.metrics_listen is not None:
            self._serve_metrics(self._settings.metrics_listen, {"data": data, "control": control})
        self._begin(self._lag.watch())
        self._begin(keep_telling_left_out())
        if self._registry is not None:
            self._begin(watch(self._registry, "credentials"))
        if self._tls is not None:
            self._begin(watch(self._tls, "certificates"))

    async def open(self) -> None:
        """Open the database, build the filter, and serve. Raises StartError and StoreUnavailableError."""
        began = time.monotonic()
        await self._store.open()
        self._connections.publish(self._store.connections())
        reading = asyncio.create_task(self._states.open())
        try:
            await verify(self._store.database)
            await reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        self._recorder.open()
        self._begin(self._retention.run())
        self._begin(keep_trim())
        self._begin(asyncio.to_thread(warm, self._read_address))
        # What was built until now lives as long as the gate: no later collection need look at it again.
        gc.collect()
        gc.freeze()
        # States and rows in flight are many small objects without cycles; the default thresholds stall the loop. Each
        # call that the library serves leaves five objects in a cycle, and 4 KiB of its own: 8 MiB in 10,000 of them.
        gc.set_threshold(50_000 if self._native else 2_000, 20, 100)
        # Between its statements the writer's thread waits for the interpreter; 5 ms each time, if nothing is said.
        sys.setswitchinterval(0.0005)
        self._health.ready()
        tell(_log, lines.SERVING, database=self._settings.database, seconds=time.monotonic() - began)

    def drain(self) -> None:
        """Let probes see NOT_SERVING, while everything is still served."""
        self._health.drain()

    async def close(self) -> None:
        """Let calls in flight end, finish the events that were taken, and let the database go."""
        # Probes that watch would hold up the servers' stop.
        self._health.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(plane.stop(self._settings.drain_grace) for plane in self._planes))
        await self._recorder.close()
        await self._store.close()
        if self._endpoint is not None:
            await asyncio.to_thread(self._endpoint.close)

    def _serve_metrics(self, address: str, planes: Mapping[str, Plane]) -> None:
        from gate.metrics.collector import GateCollector, Sources  # noqa: PLC0415  as in `_native`
        from gate.metrics.endpoint import Endpoint  # noqa: PLC0415

        sources = Sources(
            planes, self._health, self._recorder, self._states, self._checker, self._lag, self._settings.database
        )
        collector = GateCollector(sources, self._settings.data_transport)
        self._endpoint = Endpoint(collector, self._tls, self._identity)
        tell(_log, lines.METRICS_LISTENING, address=self._endpoint.listen(address))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(work))


def run(settings: Settings) -> None:
    """Run a gate to its end, as `serve` does.

    What the library serves crosses the event loop several times a call, and takes an eighth less on uvloop; for our own
    transport it would be another implementation of sockets and TLS (docs/decisions/0028).
    """
    with asyncio.Runner(loop_factory=None if settings.data_transport == NATIVE else _uvloop()) as runner:
        runner.run(serve(settings))


async def serve(settings: Settings) -> None:
    """Run a gate until SIGTERM or SIGINT, then drain it. Raises StartError and StoreUnavailableError."""
    told_to_stop = _signals()
    _allow_descriptors()
    asyncio.get_running_loop().set_exception_handler(tell_background_failure)
    tell(_log, lines.STARTING, version=__version__, transport=settings.data_transport)
    gate = Gate(settings)
    try:
        await gate.listen()
        opening = asyncio.create_task(gate.open())
        stopping = asyncio.create_task(told_to_stop.wait())
        await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
        if opening.done():
            await opening
            await stopping
        else:
            opening.cancel()
        gate.drain()
        tell(_log, lines.DRAINING, seconds=settings.drain_delay)
        await _pause(settings.drain_delay, told_to_stop)
        tell(_log, lines.CLOSING, seconds=settings.drain_grace)
    finally:
        await gate.close()
    tell_left_out(all_of_it=True)
    tell(_log, lines.STOPPED)


def _native(door: Door) -> Plane:
    # Who waits for a gate to start need not wait for what it will not use.
    from gate.dataplane.server import Server  # noqa: PLC0415

    return Server(door=door)


def _uvloop() -> Callable[[], asyncio.AbstractEventLoop]:
    import uvloop  # noqa: PLC0415

    return uvloop.new_event_loop


def _tls(settings: Settings) -> Tls | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return Tls(TlsFiles(settings.tls_cert, settings.tls_key, settings.tls_client_ca))


def _allow_descriptors() -> None:
    """Open as many connections as the operator allows: what is allowed without asking is often less than our bound."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _signals() -> asyncio.Event:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    return told


async def _pause(seconds: float, told_again: asyncio.Event) -> None:
    """Wait for the delay, or for a second signal."""
    told_again.clear()
    try:
        await asyncio.wait_for(told_again.wait(), seconds)
    except TimeoutError:
        return
