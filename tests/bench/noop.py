"""A grpc.aio server that allows every send without a thought: what the library alone costs."""

import asyncio
import sys
from typing import Final

from sendgate.v1 import send_gate_pb2 as pb
from sendgate.v1 import send_gate_pb2_grpc as rpc

from gate.control import server
from gate.status import Context

_ALLOWED: Final = pb.CheckSendResponse(allowed=True)


class _AllowAll(rpc.SendGateServiceServicer):
    async def CheckSend(self, request: pb.CheckSendRequest, context: Context) -> pb.CheckSendResponse:  # noqa: N802
        """Allow."""
        del request, context
        return _ALLOWED


async def _serve(address: str) -> None:
    """Serve by the generated code's own registration, with the gate's own messages and server options."""
    listening = server.create()
    rpc.add_SendGateServiceServicer_to_server(_AllowAll(), listening)  # type: ignore[abstract]  # only it is called
    server.bind(listening, [address])
    await listening.start()
    await listening.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
