"""Who may do what, where: every role at every method, and nothing of another location, not even by its errors."""

from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import grpc
import pytest
from sendgate.v1 import channel_pb2, contact_pb2, opt_in_review_pb2
from sendgate.v1 import send_gate_pb2 as pb

from gate.service.caller import Role
from tests.e2e.control import refused
from tests.e2e.identities import Calls, Identities
from tests.e2e.methods import ADMIN, BY_ID, CONTROL, METHODS, SEND_GATE, SMS, Call, check, evidence, legacy, stop
from tests.e2e.server import TRANSPORTS, Server, eventually

A: Final = "acme"
B: Final = "bolt"
_ids: Final = count()


class Gate(NamedTuple):
    """A running gate with tokens of all roles, everywhere and in one location."""

    server: Server
    identities: Identities
    everywhere: Mapping[Role, str]
    at_a: Mapping[Role, str]

    def calls(self, token: str = "", plane: str = "data") -> Calls:
        """Call as whoever has a token, over TLS; `plane` is where SendGateService is asked."""
        data, control = (self.identities.channel(self.server.tcp(each), token) for each in (plane, "control"))
        return Calls(data, control)


@pytest.fixture(scope="module", params=TRANSPORTS)
def gate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """Start a gate that asks for tokens, on each transport."""
    directory: Path = tmp_path_factory.mktemp("gate")
    identities = Identities(directory)
    everywhere = {role: identities.token(f"{role}-everywhere", role) for role in Role}
    at_a = {role: identities.token(f"{role}-at-a", role, at=[A]) for role in Role}
    with Server(directory, log_level="debug", **TRANSPORTS[request.param], **identities.settings) as server:
        yield Gate(server, identities, everywhere, at_a)


def outcome(call: Call, to: Calls, at: str) -> grpc.StatusCode:
    """Make a call and tell its status; a batch's is that of its one item."""
    try:
        answer = call(to, at)
    except grpc.RpcError as error:
        return cast("grpc.Call", error).code()
    items = [item for field in ("errors", "results") for item in getattr(answer, field, ())]
    return CODES[items[0].error.code] if items else grpc.StatusCode.OK


CODES: Final = {code.value[0]: code for code in grpc.StatusCode}
DENIED: Final = grpc.StatusCode.PERMISSION_DENIED


def test_every_method_is_in_the_table() -> None:
    """The table of methods and roles has each method of the contract."""
    files = (pb, contact_pb2, opt_in_review_pb2, channel_pb2)
    services = [service for file in files for service in file.DESCRIPTOR.services_by_name.values()]

    assert METHODS.keys() == {method.name for service in services for method in service.methods}


@pytest.mark.parametrize("role", list(Role))
def test_every_role_at_every_method(gate: Gate, role: Role) -> None:
    """A role opens the methods that are its own, and none of the others; in which order they are asked is the same."""
    for plane in ("data", "control"):
        to = gate.calls(gate.everywhere[role], plane)
        asked = SEND_GATE if plane == "data" else METHODS
        denied = {name for name, (_, call) in asked.items() if outcome(call, to, "roles") is DENIED}

        assert denied == {name for name, (roles, _) in asked.items() if role not in roles}


@pytest.mark.parametrize("token", ["", "sendgate_0123456789ab_wrong", "no token"])
def test_without_a_credential_nothing_but_health(gate: Gate, token: str) -> None:
    """Each method answers UNAUTHENTICATED with the same words; health answers."""
    told = set()
    for plane in ("data", "control"):
        to = gate.calls(token, plane)
        for _, call in METHODS.values():
            refusal = refused(lambda to=to, call=call: call(to, A))
            told.add((refusal.code, refusal.reason, refusal.message))

    assert [(code, reason) for code, reason, _ in told] == [(grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")]
    gate.server.wait_until_serving()


def test_the_same_on_a_unix_socket(gate: Gate) -> None:
    """A Unix socket asks for a token as the others do."""
    for target in (gate.server.data, gate.server.control):
        channels = [gate.identities.channel(target, token) for token in ("", gate.at_a[Role.SENDER])]
        nobody, sender = (Calls(channel, channel) for channel in channels)

        assert refused(nobody.gate.CheckSend, check(A)).reason == "UNAUTHENTICATED"
        assert outcome(SEND_GATE["CheckSend"][1], sender, A) is grpc.StatusCode.OK


def test_another_location_is_refused_everywhere(gate: Gate) -> None:
    """An admin of one location is denied at each method that names another, and none that names its own."""
    to = gate.calls(gate.at_a[ADMIN])

    for name, (_, call) in {**SEND_GATE, **CONTROL}.items():
        assert outcome(call, to, A) is not DENIED, name
        for other in (B, "", "acme "):
            assert outcome(call, to, other) is DENIED, (name, other)


def test_a_review_of_another_location_is_not_there(gate: Gate) -> None:
    """By its id it cannot be told from one that never was: the same refusal, and nothing happens to it."""
    owner = gate.calls(gate.everywhere[ADMIN])
    review = owner.reviews.SubmitOptIn(evidence(B)).review
    owner.gate.RecordEvent(pb.RecordEventRequest(event=stop(B, "phrase", "please stop texting me")))
    listing = opt_in_review_pb2.ListPossibleOptOutsRequest(location_id=B)
    phrase = owner.reviews.ListPossibleOptOuts(listing).possible_opt_outs[0]
    to = gate.calls(gate.at_a[ADMIN])

    for name, (_, call) in BY_ID.items():
        there, nowhere = (phrase.phrase_id, "999999") if "Possible" in name else (review.review_id, "0" * 32)
        seen, unseen = (refused(call, to, which) for which in (there, nowhere))

        assert (seen.code, seen.reason) == (unseen.code, unseen.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
        assert seen.message.replace(there, "ID") == unseen.message.replace(nowhere, "ID")

    state = owner.reviews.GetOptIn(opt_in_review_pb2.GetOptInRequest(review_id=review.review_id)).review.state
    assert state == opt_in_review_pb2.OPT_IN_STATE_PENDING
    assert owner.reviews.ListPossibleOptOuts(listing).possible_opt_outs[0].state == phrase.state


@pytest.mark.parametrize("plane", ["data", "control"])
def test_a_batch_of_mixed_locations(gate: Gate, plane: str) -> None:
    """Each item is judged by itself: the caller's own are answered, the others denied, each in its place."""
    contact = f"mixed {plane}"
    to, owner = (gate.calls(token, plane) for token in (gate.at_a[ADMIN], gate.everywhere[ADMIN]))

    recorded = to.gate.BatchRecordEvents(
        pb.BatchRecordEventsRequest(events=[stop(A, contact), stop(B, contact), pb.Event(location_id=A)])
    )
    checked = to.gate.BatchCheckSend(
        pb.BatchCheckSendRequest(checks=[check(B, contact), check(A, contact), check(B, "x"), pb.CheckSendRequest()])
    )

    assert [result.error.code for result in recorded.results] == [0, DENIED.value[0], 3]
    assert "events[2].event_id" in recorded.results[2].error.message
    assert [result.error.code for result in checked.results] == [DENIED.value[0], 0, DENIED.value[0], DENIED.value[0]]
    assert len({result.error.SerializeToString() for result in checked.results if result.error.code}) == 1
    assert not checked.results[1].response.allowed
    assert owner.gate.CheckSend(check(B, contact)).allowed


@pytest.mark.parametrize("plane", ["data", "control"])
def test_a_bad_request_of_somebody_known(gate: Gate, plane: str) -> None:
    """It is refused for what is wrong with it, as it would be where nobody is asked who they are."""
    to = gate.calls(gate.everywhere[ADMIN], plane).gate
    calls: tuple[tuple[Any, Any], ...] = (
        (to.CheckSend, pb.CheckSendRequest(channel=SMS)),
        (to.BatchCheckSend, pb.BatchCheckSendRequest(checks=[check(A)] * 1_001)),
        (to.ScreenContacts, pb.ScreenContactsRequest()),
        (to.RecordEvent, pb.RecordEventRequest()),
        (to.BatchRecordEvents, pb.BatchRecordEventsRequest(events=[pb.Event()] * 1_001)),
    )

    told = [refused(call, request) for call, request in calls]

    assert {each.code for each in told} == {grpc.StatusCode.INVALID_ARGUMENT}
    assert [each.fields for each in told] == [["contact_id"], ["checks"], ["channel"], ["event"], ["events"]]


def test_an_import_of_mixed_locations(gate: Gate) -> None:
    """Entries of other locations are refused one by one, and so are salts, which are every location's."""
    to = gate.calls(gate.at_a[Role.USER])
    salted = contact_pb2.ImportEntry(state=contact_pb2.ExportedState(location_id=A, salts=[bytes(16)]))
    entries = [*legacy(B).entries, *legacy(A).entries, salted]

    response = to.contacts.ImportContacts(iter([contact_pb2.ImportContactsRequest(entries=entries)]))

    assert (response.received, response.imported, response.refused) == (3, 1, 2)
    assert [(error.index, error.error.code) for error in response.errors] == [(0, 7), (2, 7)]


def test_the_history_names_who_did_it(gate: Gate) -> None:
    """What a person did is shown with the name of the credential that it was done with."""
    to = gate.calls(gate.at_a[Role.USER])
    name: dict[str, Any] = {"location_id": A, "contact_id": f"history {next(_ids)}"}
    to.contacts.SetDnd(contact_pb2.SetDndRequest(**name, setting=contact_pb2.DND_SETTING_ON, all_channels=True))

    (entry,) = to.contacts.ListHistory(contact_pb2.ListHistoryRequest(**name)).entries

    assert entry.actor == "user-at-a"


def test_tokens_change_while_the_gate_runs(gate: Gate) -> None:
    """A new token is taken and a revoked one refused within seconds; a broken file changes nothing and is told."""
    identities, server = gate.identities, gate.server
    to = gate.calls(identities.token("late", Role.SENDER, at=[A]))
    eventually(lambda: outcome(SEND_GATE["CheckSend"][1], to, A) is grpc.StatusCode.OK, "a new token")

    identities.tokens.write_text("[[token]]")
    eventually(lambda: "credentials: not taken, what was in force stays: " in server.log, "a complaint")
    assert outcome(SEND_GATE["CheckSend"][1], to, A) is grpc.StatusCode.OK

    identities.revoke("late")
    eventually(lambda: outcome(SEND_GATE["CheckSend"][1], to, A) is grpc.StatusCode.UNAUTHENTICATED, "a revocation")
    assert refused(to.gate.CheckSend, check(A)).reason == "UNAUTHENTICATED"
    left = len(identities.credentials)
    assert f"credentials: taken anew, {left:,} of them; before {left + 1:,}\n" in server.log
    assert f"not taken, what was in force stays: {identities.tokens}: token 1: " in server.log


def test_an_expired_token_is_none(gate: Gate) -> None:
    """A token whose time is over is refused in the words for one that never was."""
    expired = gate.calls(gate.identities.token("expired", Role.SENDER, days=-1))
    never = gate.calls("sendgate_0123456789ab_wrong")
    eventually(lambda: gate.server.log.count("credentials: taken anew") > 0, "the new file")

    first, second = (refused(to.gate.CheckSend, check(A)) for to in (expired, never))

    assert (first.code, first.message) == (second.code, second.message)


def test_no_token_is_in_the_log(gate: Gate) -> None:
    """Whatever is called, and however it fails: neither a token nor its secret is logged, at the finest level."""
    for token in (*gate.everywhere.values(), "sendgate_0123456789ab_wrongsecret"):
        to = gate.calls(token)
        for _, call in SEND_GATE.values():
            outcome(call, to, B)

    secrets = [token.split("_", 2)[2] for token in (*gate.everywhere.values(), *gate.at_a.values())]
    assert not [secret for secret in (*secrets, "wrongsecret") if secret in gate.server.log]
