"""The composition root: build a gate from its settings, run it, drain it."""

import asyncio
import gc
import logging
import signal
import time
from typing import Final

import grpc
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

from gate.cache import States
from gate.connections import Connections
from gate.control import server
from gate.service.channels import Channels
from gate.service.check import Checker
from gate.service.contacts import Contacts
from gate.service.record import Recorder
from gate.service.reviews import Reviews
from gate.service.transfer import Transfer
from gate.servicers.channels import ChannelServicer
from gate.servicers.contacts import ContactServicer
from gate.servicers.health import Health
from gate.servicers.reviews import OptInReviewServicer
from gate.servicers.send_gate import SendGateServicer
from gate.settings import Settings
from gate.tables import load_rulebook
from gate.wire.address import address_reader
from store.store import Store

SERVICES: Final = tuple(
    service.full_name
    for file in (send_gate_pb2, contact_pb2, opt_in_review_pb2, channel_pb2, health_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
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
        self._connections = Connections()
        self._recorder = Recorder(
            self._store, self._states, self._connections, rulebook, time.time_ns, self._health.durable
        )
        read_address = address_reader(settings.default_region)
        checker = Checker(self._states, self._connections)
        contacts = Contacts(self._store, self._states, self._recorder, self._connections)
        self._send_gate = SendGateServicer(checker, self._recorder, read_address, time.time_ns)
        self._contacts = ContactServicer(contacts, Transfer(self._store, self._recorder), read_address, time.time_ns)
        self._reviews = OptInReviewServicer(Reviews(self._store, self._recorder, contacts))
        self._channels = ChannelServicer(Channels(self._recorder, self._connections))

    async def listen(self) -> list[grpc.aio.Server]:
        """Answer on all addresses; nothing is served yet but health, NOT_SERVING. Raises StartError."""
        data, control = server.create(), server.create()
        for plane in (data, control):
            send_gate_pb2_grpc.add_SendGateServiceServicer_to_server(self._send_gate, plane)
            health_pb2_grpc.add_HealthServicer_to_server(self._health, plane)
        contact_pb2_grpc.add_ContactServiceServicer_to_server(self._contacts, control)
        opt_in_review_pb2_grpc.add_OptInReviewServiceServicer_to_server(self._reviews, control)
        channel_pb2_grpc.add_ChannelServiceServicer_to_server(self._channels, control)
        server.add_reflection(control, SERVICES)
        for name, plane, addresses in (
            ("data", data, self._settings.listen),
            ("control", control, self._settings.control_listen),
        ):
            for address in server.bind(plane, addresses):
                _log.info("%s plane listens on %s", name, address)
        for plane in (data, control):
            await plane.start()
        return [data, control]

    async def open(self) -> None:
        """Open the database, build the filter, and serve. Raises StartError and StoreUnavailableError."""
        began = time.monotonic()
        await self._store.open()
        self._connections.publish(self._store.connections())
        await self._states.open()
        self._recorder.open()
        # What was built until now lives as long as the gate: no later collection need look at it again.
        gc.collect()
        gc.freeze()
        # States and rows in flight are many small objects without cycles; the default thresholds stall the loop.
        gc.set_threshold(50_000, 20, 100)
        self._health.ready()
        _log.info("serving %s after %.1f s", self._settings.database, time.monotonic() - began)

    def drain(self) -> None:
        """Let probes see NOT_SERVING, while everything is still served."""
        self._health.drain()

    def end_watches(self) -> None:
        """Let probes go that watch, so that the servers can stop."""
        self._health.close()

    async def close(self) -> None:
        """Finish the events that were taken and let the database go."""
        await self._recorder.close()
        await self._store.close()


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
        gate.drain()
        await _pause(settings.drain_delay, told_to_stop)
        _log.info("draining")
    finally:
        gate.end_watches()
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
