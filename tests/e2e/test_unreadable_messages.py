"""Messages that are no protobuf: INTERNAL at every method, on every plane and transport, in the same words."""

from collections.abc import Iterator
from typing import Any, Final

import grpc
import pytest
from grpc_health.v1 import health_pb2
from sendgate.v1 import channel_pb2, contact_pb2, opt_in_review_pb2
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.server import DEADLINE_S, Server, eventually

UNREADABLE: Final = b"\x0a\x05ab"
"""A field of five bytes, of which two are there."""

TOLD: Final = (grpc.StatusCode.INTERNAL, "the message is not what the method takes", ())


def methods() -> Iterator[tuple[str, str]]:
    """List each method of each plane, by its path."""
    for file in (pb, health_pb2, contact_pb2, opt_in_review_pb2, channel_pb2):
        for service in file.DESCRIPTOR.services_by_name.values():
            for plane in ("data", "control") if file in {pb, health_pb2} else ("control",):
                yield from ((plane, f"/{service.full_name}/{method.name}") for method in service.methods)


def refusal(gate: Server, plane: str, path: str, *messages: bytes) -> tuple[Any, ...]:
    """Send messages as they are; tell the code, the words, and the names of the trailers."""
    call: Any = gate.channel(gate.data if plane == "data" else gate.control).stream_stream(path)
    with pytest.raises(grpc.RpcError) as failure:
        list(call(iter(messages), timeout=DEADLINE_S))
    told: Any = failure.value
    return told.code(), told.details(), tuple(name for name, _ in told.trailing_metadata())


@pytest.mark.parametrize(("plane", "path"), list(methods()))
def test_a_message_that_is_none(shared_gate: Server, plane: str, path: str) -> None:
    """The caller is told whose fault it is and nothing of Python; the log has no defect."""
    assert refusal(shared_gate, plane, path, UNREADABLE) == TOLD

    assert "ERROR" not in shared_gate.log


def test_a_message_that_is_none_ends_an_import(shared_gate: Server) -> None:
    """What came before it is imported, as where an import breaks off."""
    contact = contact_pb2.LegacyContact(location_id="here", contact_id="ann", dnd=True)
    request = contact_pb2.ImportContactsRequest(entries=[contact_pb2.ImportEntry(legacy_contact=contact)])
    path = "/sendgate.v1.ContactService/ImportContacts"

    assert refusal(shared_gate, "control", path, request.SerializeToString(), UNREADABLE) == TOLD

    check = pb.CheckSendRequest(location_id="here", contact_id="ann", channel=pb.CHANNEL_SMS)
    eventually(lambda: not shared_gate.stub().CheckSend(check).allowed, "the import's first message")


@pytest.mark.parametrize("plane", ["data", "control"])
@pytest.mark.parametrize("path", ["/sendgate.v1.SendGateService/CheckSend", "/grpc.health.v1.Health/Watch"])
def test_no_message(shared_gate: Server, plane: str, path: str) -> None:
    """A call that ends before its message is told so."""
    told = (grpc.StatusCode.UNIMPLEMENTED, "a call without a message; send exactly one", ())

    assert refusal(shared_gate, plane, path) == told
