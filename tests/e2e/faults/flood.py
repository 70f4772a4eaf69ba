"""Far more calls than a gate can answer, from a process of its own: batches at a rate, whatever comes of them.

Each is dealt with by where it stands in line: half are batches of checks, half are batches of events. Ends when its
input does, and then writes how the calls ended as one JSON object.
"""

import asyncio
import itertools
import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import grpc
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.faults.calls import reply

BATCH: Final = 1_000
DEADLINE_S: Final = 5.0
CONNECTIONS: Final = 8
IN_FLIGHT: Final = 400
"""Calls that a connection has open at most: the calls that are due beyond that are counted and not made."""

_SERVICE: Final = "/sendgate.v1.SendGateService/"
_PLACE: Final = "flooded."
"""Stands in the events for what they are told apart by."""

_TICK_S: Final = 0.02


def bodies() -> Iterator[tuple[str, bytes]]:
    """Make requests: checks of ever the same contacts, and opt-outs of ever new ones."""
    checks = [pb.CheckSendRequest(contact_id=f"checked-{number}", channel=pb.CHANNEL_SMS) for number in range(BATCH)]
    check = pb.BatchCheckSendRequest(checks=checks).SerializeToString()
    events = [reply(f"{_PLACE}-{number}") for number in range(BATCH)]
    record = pb.BatchRecordEventsRequest(events=events).SerializeToString()
    for number in itertools.count():
        for _ in range(CONNECTIONS):
            yield f"{_SERVICE}BatchCheckSend", check
        for place in range(CONNECTIONS):
            name = str(number * CONNECTIONS + place).zfill(len(_PLACE))
            yield f"{_SERVICE}BatchRecordEvents", record.replace(_PLACE.encode("ascii"), name.encode("ascii"))


class Flood:
    """Calls on several connections; what they are answered with is not even read."""

    def __init__(self, target: str) -> None:
        self._channels = [
            grpc.aio.insecure_channel(target, options=[("grpc.use_local_subchannel_pool", 1)])
            for _ in range(CONNECTIONS)
        ]
        self._bodies = bodies()
        self._running: set[asyncio.Task[None]] = set()
        self.ended: Counter[str] = Counter()

    async def run(self, rate: float, seconds: float) -> float:
        """Call so many times a second, or as often as it is answered for a rate of 0. Return the calls per second."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        begun = 0
        before = self.ended["OK"]
        while loop.time() < began + seconds:
            due = int((loop.time() - began) * rate) if rate else begun + CONNECTIONS - len(self._running)
            for number in range(begun, due):
                self.ended["due"] += 1
                if len(self._running) < IN_FLIGHT * CONNECTIONS:
                    self._call(number)
                else:
                    self.ended["not made"] += 1
            begun = max(begun, due)
            await (asyncio.sleep(_TICK_S) if rate else asyncio.sleep(0.001))
        took = loop.time() - began
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        return (self.ended["OK"] - before) / took

    def _call(self, number: int) -> None:
        channel = self._channels[number % CONNECTIONS]
        path, body = next(self._bodies)
        task = asyncio.create_task(self._ask(channel, path, body))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _ask(self, channel: grpc.aio.Channel, path: str, body: bytes) -> None:
        call: Any = channel.unary_unary(path)
        try:
            await call(body, timeout=DEADLINE_S)
        except grpc.aio.AioRpcError as error:
            self.ended[error.code().name] += 1
        else:
            self.ended["OK"] += 1

    async def close(self) -> None:
        """Hang up."""
        for channel in self._channels:
            await channel.close()


async def _main(target: str, times: float, calm: float, seconds: float) -> None:
    """Find out what is sustained, tell it, wait for a line, and then call so many times as often."""
    flood = Flood(target)
    await flood.run(0, calm)
    sustained = await flood.run(0, calm)
    flood.ended.clear()
    sys.stdout.write(f"{json.dumps(sustained)}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    await flood.run(times * sustained, seconds)
    await flood.close()
    sys.stdout.write(f"{json.dumps(flood.ended)}\n")


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], *map(float, sys.argv[2:5])))
