"""Unix sockets: their mode, and who may connect, as the kernel tells it."""

import os
import stat
from pathlib import Path

import grpc
import pytest
from sendgate.v1 import send_gate_pb2 as pb
from sendgate.v1 import send_gate_pb2_grpc as rpc

from tests.e2e.identities import code_of
from tests.e2e.server import TRANSPORTS, ExecutedServer, Server, eventually

CHECK = pb.CheckSendRequest(contact_id="c1", channel=pb.CHANNEL_SMS)
OTHERS = str(os.getuid() + 4_711)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(("peers", "mode"), [(f"{OTHERS},{os.getuid()}", "0660"), (OTHERS, "600")])
def test_who_may_connect(tmp_path: Path, transport: str, peers: str, mode: str) -> None:
    """The sockets have the mode that was named; a user who is not listed is hung up on, one who is is answered."""
    code = grpc.StatusCode.OK if str(os.getuid()) in peers.split(",") else grpc.StatusCode.UNAVAILABLE
    with Server(tmp_path, unix_mode=mode, unix_peers=peers, **TRANSPORTS[transport]).start() as gate:
        eventually(lambda: "serving" in gate.log, "the gate serves")
        for target in (gate.data, gate.control):
            assert stat.S_IMODE(Path(target.removeprefix("unix:")).stat().st_mode) == int(mode, 8)
            with grpc.insecure_channel(target) as channel:
                assert code_of(rpc.SendGateServiceStub(channel).CheckSend, CHECK) is code
        with grpc.insecure_channel(gate.tcp("data")) as channel:
            assert code_of(rpc.SendGateServiceStub(channel).CheckSend, CHECK) is grpc.StatusCode.OK
    assert "Traceback" not in gate.log


def test_sockets_are_the_owners_alone_unless_told_otherwise(tmp_path: Path) -> None:
    """Without a setting nobody else may connect, whatever the process's mask."""
    mask = os.umask(0)
    try:
        with ExecutedServer(tmp_path) as gate:
            modes = {Path(each.removeprefix("unix:")).stat().st_mode & 0o777 for each in (gate.data, gate.control)}
    finally:
        os.umask(mask)

    assert modes == {0o600}
