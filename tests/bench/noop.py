"""Python gRPC servers that allow every send without a thought: what the libraries alone cost."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import grpc
from sendgate.v1 import send_gate_pb2 as pb
from sendgate.v1 import send_gate_pb2_grpc as rpc

_ALLOWED: Final = pb.CheckSendResponse(allowed=True)
_THREADS: Final = 8


class _AllowAll(rpc.SendGateServiceServicer):
    async def CheckSend(self, request: pb.CheckSendRequest, context: Any) -> pb.CheckSendResponse:  # noqa: N802
        """Allow."""
        del request, context
        return _ALLOWED


class _AllowAllInThreads(rpc.SendGateServiceServicer):
    def CheckSend(self, request: pb.CheckSendRequest, context: Any) -> pb.CheckSendResponse:  # noqa: N802
        """Allow."""
        del request, context
        return _ALLOWED


async def _serve_aio(address: str) -> None:
    server = grpc.aio.server()
    rpc.add_SendGateServiceServicer_to_server(_AllowAll(), server)  # type: ignore[abstract]  # only it is called
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


def _serve_threads(address: str) -> None:
    server = grpc.server(ThreadPoolExecutor(_THREADS))
    rpc.add_SendGateServiceServicer_to_server(_AllowAllInThreads(), server)  # type: ignore[abstract]  # likewise
    server.add_insecure_port(address)
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    if sys.argv[1] == "aio":
        asyncio.run(_serve_aio(f"127.0.0.1:{sys.argv[2]}"))
    else:
        _serve_threads(f"127.0.0.1:{sys.argv[2]}")
