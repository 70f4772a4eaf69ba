"""The zero value always means "do not send"."""

import pytest
from sendgate.v1 import send_gate_pb2 as pb


def test_an_empty_answer_denies() -> None:
    """A response of which nothing arrived does not allow anything."""
    assert pb.CheckSendResponse.FromString(b"").allowed is False
    assert pb.BatchCheckSendResult.FromString(b"").WhichOneof("result") is None
    assert pb.BatchCheckSendResult.FromString(b"").response.allowed is False
    assert list(pb.ScreenContactsResponse.FromString(b"").allowed) == []


@pytest.mark.parametrize("name", sorted(pb.DESCRIPTOR.enum_types_by_name))
def test_no_enum_says_anything_by_default(name: str) -> None:
    """The zero of every enum is UNSPECIFIED, and none of its values says that a message may be sent."""
    values = pb.DESCRIPTOR.enum_types_by_name[name].values_by_number
    assert values[0].name.endswith("_UNSPECIFIED")
    assert not [value.name for value in values.values() if "ALLOW" in value.name]


def test_a_denial_is_all_that_a_response_needs_to_leave_out() -> None:
    """`allowed` is the only field that opens anything: a response with every other field set still denies."""
    response = pb.CheckSendResponse(deny_reason=pb.DENY_REASON_DND_CHANNEL, suppressions=[pb.Suppression()])
    assert not response.allowed
