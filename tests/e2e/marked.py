"""Calls of every method whose every text is marked, to be looked for where it must not be."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import grpc
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from sendgate.v1 import channel_pb2, contact_pb2, opt_in_review_pb2
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.server import DEADLINE_S, Server

SERVICES: Final = [
    service
    for file in (pb, contact_pb2, opt_in_review_pb2, channel_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
]

BODY, ADDRESSES, TOKEN = "Xyzzywords", ("+12025557777", "xyzzyone@example.com"), "sendgate_0123_xyzzysecret"
MARKS: Final = re.compile("(?i)xyzzy|2025557777")


def filled(descriptor: Descriptor, address: str, depth: int = 0) -> Message:
    """Make a message with marks in every text, the first known value of every enum, and one of each repeated field."""
    message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        value: Any = address if "address" in field.name else f"{BODY} {field.name} {address}"
        if field.message_type is not None:
            if depth > 3 or field.message_type.full_name.startswith("google."):
                continue
            value = filled(field.message_type, address, depth + 1)
        elif field.type == FieldDescriptor.TYPE_ENUM:
            value = 1
        elif field.type == FieldDescriptor.TYPE_BYTES:
            value = b"x" * 16
        elif field.type != FieldDescriptor.TYPE_STRING:
            value = field.type == FieldDescriptor.TYPE_BOOL or 1
        if field.is_repeated:
            getattr(message, field.name).extend([value])
        elif field.message_type is not None:
            getattr(message, field.name).CopyFrom(value)
        else:
            setattr(message, field.name, value)
    return message


def call(channel: grpc.Channel, method: MethodDescriptor, request: Message) -> None:
    """Make a call with a token that nobody knows, whatever comes of it."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    kind = "stream" if method.client_streaming else "unary"
    make: Callable[..., Any] = getattr(channel, f"{kind}_{'stream' if method.server_streaming else 'unary'}")
    metadata = (("authorization", f"Bearer {TOKEN}"),)
    with suppress(grpc.RpcError):
        answer = make(path, lambda each: each.SerializeToString(), lambda octets: octets)(
            iter([request]) if method.client_streaming else request, metadata=metadata, timeout=DEADLINE_S
        )
        if method.server_streaming:
            list(answer)


def calls() -> Iterator[tuple[MethodDescriptor, Message]]:
    """Make calls of every method: with two addresses, of which one is wrong, and with each detail of an event."""
    for service in SERVICES:
        for method in service.methods:
            for address in ADDRESSES:
                yield method, filled(method.input_type, address)
    (record,) = [each for each in SERVICES[0].methods if each.name == "RecordEvent"]
    for number, detail in enumerate(pb.Event.DESCRIPTOR.oneofs_by_name["detail"].fields):
        event = pb.Event(event_id=f"{BODY}{number}", contact_id=f"{BODY}", address=ADDRESSES[0])
        assert detail.message_type is not None
        getattr(event, detail.name).CopyFrom(filled(detail.message_type, ADDRESSES[0]))
        yield record, pb.RecordEventRequest(event=event)


def call_all(gate: Server) -> None:
    """Make all those calls, each where it is served."""
    for method, request in calls():
        both = method.containing_service is SERVICES[0]
        for target in (gate.data, gate.control) if both else (gate.control,):
            call(gate.channel(target), method, request)
