"""A caller of one location learns nothing of another, from any method that the contract has.

The methods come from the contract's descriptors, so that a new one is asked as well.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import grpc
import pytest
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc.status_pb2 import Status
from sendgate.v1 import channel_pb2, contact_pb2, opt_in_review_pb2
from sendgate.v1 import send_gate_pb2 as pb

from gate.service.caller import Role
from gate.status import DETAILS_KEY
from tests.e2e.control import refused
from tests.e2e.identities import Calls, Identities
from tests.e2e.methods import ADMIN, BY_ID, METHODS, SMS, evidence, stop
from tests.e2e.server import DEADLINE_S, TRANSPORTS, Server

HERE: Final = "acme"
THERE: Final = "bolt"
NOWHERE: Final = "there is no such location"
PERSON: Final = "c1"
"""Whom the table's calls name."""

DENIED: Final = grpc.StatusCode.PERMISSION_DENIED
FILES: Final = (pb, contact_pb2, opt_in_review_pb2, channel_pb2)
SERVICES: Final = [service for file in FILES for service in file.DESCRIPTOR.services_by_name.values()]
CONTRACT: Final = [method for service in SERVICES for method in service.methods]
IDS: Final = {"review_id": "0" * 32, "phrase_id": "999999"}
"""Fields that lead to one location without naming it, and such an id that nothing has."""

LOCATION: Final = "location_id"


class Gate(NamedTuple):
    """A gate with a location that has something of everything, and callers of another one."""

    identities: Identities
    targets: list[str]
    """The data plane's address and the control plane's."""
    strangers: dict[Role, str]
    owner: Calls
    ids: dict[str, list[str]]
    """What there is in that location, by the field that names it: undecided, decided."""


@pytest.fixture(scope="module", params=TRANSPORTS)
def gate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """Start a gate on each transport, and put something of everything into a location."""
    directory: Path = tmp_path_factory.mktemp("gate")
    identities = Identities(directory)
    everywhere = identities.token("everywhere", ADMIN)
    strangers = {role: identities.token(f"{role}-here", role, at=[HERE]) for role in Role}
    with Server(directory, **TRANSPORTS[request.param], **identities.settings) as server:
        targets = [server.tcp(plane) for plane in ("data", "control")]
        owner = Calls(*(identities.channel(target, everywhere) for target in targets))
        yield Gate(identities, targets, strangers, owner, furnish(owner))


def furnish(owner: Calls) -> dict[str, list[str]]:
    """Put something of everything into the other location."""
    name: dict[str, Any] = {LOCATION: THERE, "contact_id": PERSON}
    owner.channels.ConnectChannel(channel_pb2.ConnectChannelRequest(location_id=THERE, channel=SMS))
    owner.gate.RecordEvent(pb.RecordEventRequest(event=stop(THERE, "erased")))
    owner.contacts.EraseContact(contact_pb2.EraseContactRequest(location_id=THERE, contact_id="erased"))
    owner.gate.RecordEvent(pb.RecordEventRequest(event=stop(THERE, PERSON)))
    owner.contacts.LinkAddress(contact_pb2.LinkAddressRequest(**name, address="a@example.com"))
    for body in ("please stop texting me", "please stop"):
        owner.gate.RecordEvent(pb.RecordEventRequest(event=stop(THERE, PERSON, body)))
    listing = opt_in_review_pb2.ListPossibleOptOutsRequest(location_id=THERE)
    phrases = [each.phrase_id for each in owner.reviews.ListPossibleOptOuts(listing).possible_opt_outs]
    reviews = [owner.reviews.SubmitOptIn(evidence(THERE)).review.review_id for _ in range(2)]
    owner.reviews.DismissPossibleOptOut(opt_in_review_pb2.DismissPossibleOptOutRequest(phrase_id=phrases[1]))
    owner.reviews.RejectOptIn(opt_in_review_pb2.RejectOptInRequest(review_id=reviews[1]))
    return {"phrase_id": phrases, "review_id": reviews}


def submessages(kind: Descriptor) -> Iterator[tuple[str, Descriptor]]:
    """Find the fields of a message that hold messages of the contract."""
    for field in kind.fields:
        if field.message_type is not None and field.message_type.full_name.startswith("sendgate."):
            yield field.name, field.message_type


def where(kind: Descriptor) -> set[str]:
    """Find which fields of a request, however deep in it, say or imply its location."""
    own = {field.name for field in kind.fields} & {LOCATION, *IDS}
    return own.union(*(where(part) for _, part in submessages(kind)))


def bare(kind: Descriptor, at: str) -> Message:
    """Make a request that says its location wherever it can, and nothing else."""
    message: Any = GetMessageClass(kind)()
    if LOCATION in kind.fields_by_name:
        setattr(message, LOCATION, at)
    for name, part in submessages(kind):
        held = getattr(message, name)
        if hasattr(held, "append"):
            held.append(bare(part, at))
        else:
            held.CopyFrom(bare(part, at))
    return cast("Message", message)


def send(channel: grpc.Channel, method: MethodDescriptor, request: Message) -> Any:
    """Call a method, whatever kind it is."""
    kind = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
    call = getattr(channel, kind)(
        f"/{method.containing_service.full_name}/{method.name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    answer = call(iter([request]) if method.client_streaming else request, timeout=DEADLINE_S)
    return list(answer) if method.server_streaming else answer


def all_of(call: Callable[[], Any], name: str = "") -> tuple[Any, ...]:
    """Make a call and tell all that its caller is told: an error whole, but for the id asked for, or the answer."""
    try:
        answer = call()
    except grpc.RpcError as failure:
        error: Any = cast("grpc.Call", failure)
        trailers = dict(error.trailing_metadata())
        status = Status.FromString(trailers.get(DETAILS_KEY, b""))
        status.message = status.message.replace(repr(name), "ID")
        return error.code(), error.details().replace(repr(name), "ID"), status.SerializeToString(), sorted(trailers)
    return grpc.StatusCode.OK, answer if isinstance(answer, list) else answer.SerializeToString(deterministic=True)


@pytest.fixture(params=[pytest.param(method, id=method.name) for method in CONTRACT])
def method(request: pytest.FixtureRequest) -> MethodDescriptor:
    """Take each method of the contract."""
    return cast("MethodDescriptor", request.param)


def test_every_request_says_or_implies_its_location(method: MethodDescriptor) -> None:
    """Each method names its location, or something by an id that is asked for below; and it is in the table."""
    names = where(method.input_type)

    assert names
    assert (method.name in BY_ID) == (LOCATION not in names)
    assert method.name in METHODS


def answers_to(gate: Gate, method: MethodDescriptor, channel: grpc.Channel) -> Iterator[tuple[Any, ...]]:
    """Ask a method for what there is elsewhere, and for what is nowhere; the answers should be the same."""
    _, call = METHODS[method.name]
    to, fields = Calls(channel, channel), where(method.input_type)
    if LOCATION in fields:
        for at in (THERE, NOWHERE):
            full = all_of(partial(call, to, at))
            yield *full, *all_of(partial(send, channel, method, bare(method.input_type, at)))
        return
    (field,) = fields
    for which in (*gate.ids[field], IDS[field]):
        answer = all_of(partial(call, to, which), which)
        assert answer[0] is not grpc.StatusCode.OK
        yield answer


@pytest.mark.parametrize("role", list(Role))
def test_the_same_answer_of_what_there_is_and_what_is_not(gate: Gate, method: MethodDescriptor, role: Role) -> None:
    """Whether another location has it, or there is none such: what a caller is told is the same to the byte."""
    for target in gate.targets:
        first, *others = answers_to(gate, method, gate.identities.channel(target, gate.strangers[role]))

        assert others
        assert all(other == first for other in others)


def test_what_is_asked_for_is_there(gate: Gate) -> None:
    """Whoever may see that location gets something else than the refusal, by the same calls: it proves the above."""
    for name in ("GetContact", "ListHistory", "ListOptIns", "ListPossibleOptOuts", "ListChannels", "ExportContacts"):
        (method,) = (each for each in CONTRACT if each.name == name)
        _, call = METHODS[method.name]
        there, nowhere = (all_of(partial(call, gate.owner, at)) for at in (THERE, NOWHERE))

        assert there[0] is nowhere[0] is grpc.StatusCode.OK
        assert there != nowhere, name


def test_an_export_with_tombstones(gate: Gate) -> None:
    """Salts are the gate's: a caller of one location exports it as long as nobody was erased there, then is refused."""
    request = contact_pb2.ExportContactsRequest(location_id=HERE)
    channel = gate.identities.channel(gate.targets[1], gate.strangers[Role.USER])
    here = Calls(channel, channel)
    gate.owner.gate.RecordEvent(pb.RecordEventRequest(event=stop(HERE, "erased here")))
    states = [each.state for each in here.contacts.ExportContacts(request)]
    assert states
    assert not [state for state in states if state.salts]

    here.contacts.EraseContact(contact_pb2.EraseContactRequest(location_id=HERE, contact_id="erased here"))

    refusal = refused(lambda: list(here.contacts.ExportContacts(request)))
    assert (refusal.code, refusal.reason) == (DENIED, "LOCATION_DENIED")
    assert "call with a credential for all locations" in refusal.message
    assert [state for state in (each.state for each in gate.owner.contacts.ExportContacts(request)) if state.salts]
