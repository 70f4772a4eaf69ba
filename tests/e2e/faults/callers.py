"""Callers at a steady rate, each answer judged: run as a process of its own beside a gate that comes and goes.

An opt-out that was acknowledged must deny from then on, whoever never opted out must be allowed, and no check fails.
Writes how many calls are in flight ten times a second. Ends when its input does, and then writes what it saw as one
JSON object. The gate has the same cores: these callers run on uvloop, and take no core from a thread that has one.
"""

import asyncio
import json
import os
import random
import sys
from collections import Counter
from typing import Any, Final

import grpc
import uvloop
from sendgate.v1 import send_gate_pb2 as pb
from sendgate.v1 import send_gate_pb2_grpc as rpc

_TICK_S: Final = 0.02
_CATCH_UP_S: Final = 0.2
_TELL_S: Final = 0.1
_OPTIONS: Final = [
    # A client's default is to wait for a second or more between two attempts to connect. Each looks at all who wait.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 200),
]


class Callers:
    """Checks and events so many times a second, on one connection."""

    def __init__(self, stub: "rpc.SendGateServiceAsyncStub", deadline: float, seed: int) -> None:
        self._stub = stub
        self._deadline = deadline
        self._random = random.Random(seed)  # noqa: S311  no secret
        self._running: set[asyncio.Task[None]] = set()
        self._acknowledged: list[str] = []
        self._recorded = 0
        self.checks = 0
        self.wrong: list[str] = []
        self.failed: Counter[str] = Counter()
        self.events_failed: Counter[str] = Counter()
        self.endless = 0
        """Calls that did not end by their deadline, nor long after it: the client's own fault."""

    async def run(self, checks: float, events: float, over: asyncio.Event) -> None:
        """Call at rates per second until it is over; a machine that is too slow for them is not asked for more."""
        loop = asyncio.get_running_loop()
        most = (checks + events) * self._deadline
        due = [0.0, 0.0]
        last = told = loop.time()
        while not over.is_set():
            await asyncio.sleep(_TICK_S)
            passed = min(loop.time() - last, _CATCH_UP_S)
            last = loop.time()
            for place, (rate, call) in enumerate(((checks, self._check), (events, self._record))):
                due[place] += rate * passed
                while due[place] >= 1 and len(self._running) < most:
                    due[place] -= 1
                    task = asyncio.create_task(call())
                    self._running.add(task)
                    task.add_done_callback(self._running.discard)
            if last > told + _TELL_S:
                told = last
                sys.stdout.write(f"{len(self._running)}\n")
                sys.stdout.flush()
        if self._running:
            _, endless = await asyncio.wait(self._running, timeout=3 * self._deadline)
            self.endless = len(endless)

    async def _check(self) -> None:
        number = self._random.randrange(1_000)
        stopped = bool(self._acknowledged) and number % 2 == 1
        contact = self._random.choice(self._acknowledged) if stopped else f"never-{number}"
        request = pb.CheckSendRequest(contact_id=contact, channel=pb.CHANNEL_SMS)
        try:
            answer = await self._stub.CheckSend(request, timeout=self._deadline, wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            self.failed[f"{error.code().name}: {error.details()}"] += 1
        else:
            self.checks += 1
            if answer.allowed == stopped:
                self.wrong.append(contact)

    async def _record(self) -> None:
        self._recorded += 1
        contact = f"stopped-{self._recorded}"
        message = pb.InboundMessage(channel=pb.CHANNEL_SMS, body="STOP")
        event = pb.Event(event_id=contact, contact_id=contact, inbound_message=message)
        request = pb.RecordEventRequest(event=event)
        try:
            await self._stub.RecordEvent(request, timeout=self._deadline, wait_for_ready=True)
        except grpc.aio.AioRpcError as error:
            self.events_failed[f"{error.code().name}: {error.details()}"] += 1
        else:
            self._acknowledged.append(contact)

    def told(self) -> dict[str, Any]:
        """Say what was seen."""
        return {
            "checks": self.checks,
            "wrong": self.wrong,
            "failed": self.failed,
            "events_failed": self.events_failed,
            "endless": self.endless,
            "acknowledged": self._acknowledged,
        }


async def _main(target: str, config: str, deadline: float, checks: float, events: float, seed: int) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(sys.stdin)  # an end stays readable, and the loop would do nothing but read it
        over.set()

    loop.add_reader(sys.stdin, end)
    channel = grpc.aio.insecure_channel(target, options=[*_OPTIONS, ("grpc.service_config", config)])
    stub: rpc.SendGateServiceAsyncStub = rpc.SendGateServiceStub(channel)
    callers = Callers(stub, deadline, seed)
    await callers.run(checks, events, over)
    json.dump(callers.told(), sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # to close a channel waits for calls that do not end


if __name__ == "__main__":
    to, with_config, patience, checks_per_s, events_per_s, seeded = sys.argv[1:]
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    uvloop.run(_main(to, with_config, float(patience), float(checks_per_s), float(events_per_s), int(seeded)))
