"""A gate that is stopped and started again under the calls of all clients."""

import json
import random
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.e2e.clients.build import CLIENTS
from tests.e2e.clients.cases import GATE, HEALTH, check
from tests.e2e.clients.driver import Answer, Client, Order
from tests.e2e.clients.links import Links
from tests.e2e.server import TRANSPORTS, Server

RETRIED: Final = {"native": ["UNAVAILABLE"], "grpcio": ["UNAVAILABLE", "CANCELLED"]}
"""With what a call may end that is safe to repeat while a gate stops. grpc.aio leaves calls that reach it after it was
told to stop to themselves, and cancels them when the grace is over."""


def retries(transport: str) -> str:
    """Write a service config as an operator would hand it to senders; every client understands it."""
    policy = {
        "maxAttempts": 5,
        "initialBackoff": "0.05s",
        "maxBackoff": "0.5s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": RETRIED[transport],
    }
    return json.dumps({"methodConfig": [{"name": [{}], "retryPolicy": policy}]})


class Drained(NamedTuple):
    """What a client saw: the health until the gate stopped, and calls one after the other from before it to after."""

    watch: Answer
    loops: list[Answer]


def drain(links: Links, transport: str, directory: Path) -> dict[str, Drained]:
    """Stop and start a gate while every client that can be built calls it over TCP and the Unix socket."""
    tcp = f"127.0.0.1:{free_port()}"
    gate = Server(directory, listen=f"unix:{directory}/data.sock,{tcp}", drain_delay="0.2", **TRANSPORTS[transport])
    clients = {}
    for name in CLIENTS:
        with suppress(pytest.skip.Exception):
            clients[name] = links.client(name)
    with gate:
        watches = {name: watch(client, tcp) for name, client in clients.items()}
        config = retries(transport)
        loops = {name: [loop(client, each, config) for each in (tcp, gate.data)] for name, client in clients.items()}
        gate.restart()
        for order in (order for orders in loops.values() for order in orders):
            order.stop()
        return {name: Drained(watches[name].end(), [order.end() for order in loops[name]]) for name in clients}


def watch(client: Client, target: str) -> Order:
    """Let a client follow the health, and wait until it does."""
    order = client.order("watch", method=f"{HEALTH}Watch", request={}, timeout_s=60, channel={"target": target})
    order.response()
    return order


def loop(client: Client, target: str, config: str) -> Order:
    """Let a client call one after the other, and wait for its first answer."""
    channel = {"target": target, "service_config": config}
    order = client.order("loop", method=f"{GATE}CheckSend", request=check("drain"), timeout_s=20, channel=channel)
    order.response()
    return order


def free_port() -> int:
    """Find a port that is free and that no client is given for its own end, so that it is free a second time."""
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311  no secret
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
