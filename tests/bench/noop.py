"""A grpc.aio server that allows every send without a thought: what the library alone costs."""

import asyncio
import sys
from typing import Final

import grpc
from sendgate.v1 import send_gate_pb2 as pb

from gate.control import server
from gate.status import Context

_ALLOWED: Final = pb.CheckSendResponse(allowed=True)


async def _check_send(_: pb.CheckSendRequest, __: Context) -> pb.CheckSendResponse:
    return _ALLOWED


async def _serve(address: str) -> None:
    """Serve the one method as generated code does, with the gate's own messages and server options."""
    method = grpc.unary_unary_rpc_method_handler(
        _check_send,
        request_deserializer=pb.CheckSendRequest.FromString,
        response_serializer=pb.CheckSendResponse.SerializeToString,
    )
    listening = server.create()
    listening.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("sendgate.v1.SendGateService", {"CheckSend": method}),)
    )
    server.bind(listening, [address])
    await listening.start()
    await listening.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
