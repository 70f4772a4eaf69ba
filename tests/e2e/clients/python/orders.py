"""What both Python clients share: orders as calls with generated messages, and answers as JSON lines."""

import base64
import json
import sys
from typing import Any, Final

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2_grpc
from sendgate.v1 import contact_pb2_grpc, send_gate_pb2_grpc

Order = dict[str, Any]

_STUBS: Final[dict[str, Any]] = {
    "sendgate.v1.SendGateService": send_gate_pb2_grpc.SendGateServiceStub,
    "sendgate.v1.ContactService": contact_pb2_grpc.ContactServiceStub,
    "grpc.health.v1.Health": health_pb2_grpc.HealthStub,
}
_DETAILS: Final = error_details_pb2.DESCRIPTOR
"""Its import lets details be written as JSON."""


def channel_options(channel: Order) -> list[tuple[str, Any]]:
    """Read the options of an order's channel; no two channels share a connection."""
    options: list[tuple[str, Any]] = [("grpc.use_local_subchannel_pool", 1)]
    if "service_config" in channel:
        options.append(("grpc.service_config", channel["service_config"]))
    if "keepalive_s" in channel:
        options += [
            ("grpc.keepalive_time_ms", int(channel["keepalive_s"] * 1000)),
            ("grpc.keepalive_timeout_ms", int(channel["keepalive_timeout_s"] * 1000)),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.max_pings_without_data", 0),
        ]
    return options


def method(channel: Any, order: Order) -> Any:
    """Find the stub's method, or make one that the contract does not have."""
    service, name = _path(order)
    stub = _STUBS.get(service)
    known = stub and getattr(stub(channel), name, None)
    return known or channel.unary_unary(order["method"], Empty.SerializeToString, Empty.FromString)


def request(order: Order) -> Message:
    """Read the order's request."""
    try:
        found = descriptor_pool.Default().FindMethodByName(".".join(_path(order)))
    except KeyError:
        return Empty()
    return ParseDict(order.get("request", {}), message_factory.GetMessageClass(found.input_type)())


def call_options(order: Order) -> dict[str, Any]:
    """Read the options of an order's call."""
    metadata = [
        (name, base64.b64decode(value) if name.endswith("-bin") else value) for name, value in order.get("metadata", ())
    ]
    compression = grpc.Compression.Gzip if order["channel"].get("gzip") else None
    return {"timeout": order["timeout_s"], "metadata": metadata, "wait_for_ready": True, "compression": compression}


def tell(order: Order, **answer: Any) -> None:
    """Print one answer."""
    sys.stdout.write(json.dumps({"id": order["id"], **answer}) + "\n")
    sys.stdout.flush()


def tell_response(order: Order, response: Message) -> None:
    """Print a response."""
    tell(order, response=MessageToDict(response, preserving_proto_field_name=True))


def tell_end(order: Order, call: Any, trailing: Any, details: str, **more: Any) -> None:
    """Print how a call ended: its code, its message, and the status in the trailers where there is one."""
    for name, value in trailing or ():
        if name == "grpc-status-details-bin":
            more["status"] = MessageToDict(Status.FromString(value), preserving_proto_field_name=True)
    tell(order, code=call.name, message=details, **more)


def _path(order: Order) -> tuple[str, str]:
    _, service, name = order["method"].split("/")
    return service, name
