"""Many callers at once: nobody sees an answer older than their own acknowledged event."""

import asyncio
from typing import Final

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sendgate.v1 import send_gate_pb2 as pb
from sendgate.v1 import send_gate_pb2_grpc as rpc

from tests.e2e.conftest import StartServer
from tests.e2e.server import DEADLINE_S

CALLERS: Final = 64
CONTACTS: Final = 4
TURNS: Final = 4
NOON: Final = 1_772_452_800


class Caller:
    """One sender with a number of its own on a contact that others share.

    Nobody else reports anything of that number, and nothing stands on the contact itself, so whatever the others
    do, a STOP of the number denies until the number's own START, and the number by itself is free after it.
    """

    def __init__(self, stub: "rpc.SendGateServiceAsyncStub", number: int) -> None:
        self._stub = stub
        self._contact = f"c{number % CONTACTS}"
        self._address = f"+120255501{number:02}"
        self._time = NOON

    async def run(self) -> None:
        """Stop and start in turns; after each acknowledgement ask in every way."""
        for _ in range(TURNS):
            await self._reply("STOP")
            by_number, by_contact, by_both = await self._ask()
            assert not by_number
            assert not by_contact
            assert not by_both
            await self._reply("START")
            by_number, _, _ = await self._ask()
            assert by_number

    async def _reply(self, body: str) -> None:
        self._time += 1
        event = pb.Event(
            event_id=f"{self._address} {self._time}",
            contact_id=self._contact,
            address=self._address,
            occur_time=Timestamp(seconds=self._time),
            inbound_message=pb.InboundMessage(channel=pb.CHANNEL_SMS, body=body),
        )
        response = await self._stub.RecordEvent(pb.RecordEventRequest(event=event), timeout=DEADLINE_S)
        assert response.outcome == pb.OUTCOME_APPLIED

    async def _ask(self) -> list[bool]:
        checks = [
            pb.CheckSendRequest(contact_id=contact, address=address, channel=pb.CHANNEL_SMS)
            for contact, address in (("", self._address), (self._contact, ""), (self._contact, self._address))
        ]
        responses = await asyncio.gather(*(self._stub.CheckSend(check, timeout=DEADLINE_S) for check in checks))
        return [response.allowed for response in responses]


@pytest.mark.parametrize("cache_size", ["2", "200000"])
async def test_nobody_sees_less_than_their_own_acknowledged_event(serve: StartServer, cache_size: str) -> None:
    """64 callers on 4 contacts: no ALLOW after one's own STOP, no DENY of one's number after its START."""
    gate = serve(cache_size=cache_size)
    async with grpc.aio.insecure_channel(gate.data) as channel:
        stub: rpc.SendGateServiceAsyncStub = rpc.SendGateServiceStub(channel)
        await asyncio.gather(*(Caller(stub, number).run() for number in range(CALLERS)))
