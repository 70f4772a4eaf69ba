"""The composition root: build a gate from its settings, run it, drain it."""

import asyncio
import logging
import signal
import time
from typing import Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sendgate.v1 import send_gate_pb2, send_gate_pb2_grpc

from gate.cache import States
from gate.control import server
from gate.control.health import Health
from gate.service.check import Checker
from gate.service.record import Recorder
from gate.servicers.send_gate import SendGateServicer
from gate.settings import Settings
from gate.tables import load_rulebook
from gate.wire.address import address_reader
from store.store import Store

SERVICES: Final = (
    send_gate_pb2.DESCRIPTOR.services_by_name["SendGateService"].full_name,
    health_pb2.DESCRIPTOR.services_by_name["Health"].full_name,
)
_log: Final = logging.getLogger(__name__)


class Gate:
    """A gate with everything it is made of. Building it opens nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = Store(settings.database)
        self._health = Health()
        self._states = States(self._store, settings.cache_size)
        rulebook = load_rulebook(settings.keyword_profile, enforce_possible=settings.possible_opt_outs == "enforce")
        self._recorder = Recorder(self._store, self._states, rulebook, time.time_ns, self._durable)
        self._servicer = SendGateServicer(
            Checker(self._states), self._recorder, address_reader(settings.default_region), time.time_ns
        )
        self._reports: set[asyncio.Task[None]] = set()

    async def listen(self) -> list[grpc.aio.Server]:
        """Answer on all addresses; nothing is served yet but health, NOT_SERVING. Raises StartError."""
        await self._health.starting()
        servers = []
        for plane, addresses in (("data", self._settings.listen), ("control", self._settings.control_listen)):
            listening = server.create()
            send_gate_pb2_grpc.add_SendGateServiceServicer_to_server(self._servicer, listening)
            health_pb2_grpc.add_HealthServicer_to_server(self._health.servicer, listening)
            if plane == "control":
                server.add_reflection(listening, SERVICES)
            for address in server.bind(listening, addresses):
                _log.info("%s plane listens on %s", plane, address)
            servers.append(listening)
        for listening in servers:
            await listening.start()
        return servers

    async def open(self) -> None:
        """Open the database, build the filter, and serve. Raises StartError and StoreUnavailableError."""
        began = time.monotonic()
        await self._store.open()
        await self._states.open()
        self._recorder.open()
        await self._health.ready()
        _log.info("serving %s after %.1f s", self._settings.database, time.monotonic() - began)

    async def drain(self) -> None:
        """Let probes see NOT_SERVING, while everything is still served."""
        await self._health.draining()

    async def close(self) -> None:
        """Finish the events that were taken and let the database go."""
        await self._recorder.close()
        await self._store.close()

    def _durable(self, durable: bool) -> None:
        report = asyncio.create_task(self._health.durable(durable=durable))
        self._reports.add(report)
        report.add_done_callback(self._reports.discard)


async def serve(settings: Settings) -> None:
    """Run a gate until SIGTERM or SIGINT, then drain it. Raises StartError and StoreUnavailableError."""
    told_to_stop = _signals()
    gate = Gate(settings)
    servers: list[grpc.aio.Server] = []
    try:
        servers = await gate.listen()
        opening = asyncio.create_task(gate.open())
        stopping = asyncio.create_task(told_to_stop.wait())
        await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
        if opening.done():
            await opening
            await stopping
        else:
            opening.cancel()
        await gate.drain()
        await _pause(settings.drain_delay, told_to_stop)
        _log.info("draining")
    finally:
        await asyncio.gather(*(each.stop(settings.drain_grace) for each in servers))
        await gate.close()
    _log.info("stopped")


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
