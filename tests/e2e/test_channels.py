"""A location's channels: what it has, what dropped, and what that means for checks, events and switches."""

from typing import Any

import grpc
import pytest
from sendgate.v1 import channel_pb2
from sendgate.v1 import send_gate_pb2 as pb

from tests.e2e.conftest import StartServer
from tests.e2e.control import (
    ALL_SIX,
    EMAIL,
    OFF,
    ON,
    SMS,
    causes,
    channels,
    check,
    get,
    record,
    refused,
    says,
    set_dnd,
)
from tests.e2e.server import Server

CONNECTED, DISCONNECTED, NOT_CONNECTED = channel_pb2.Connection.values()[1:]
GMB = pb.CHANNEL_GMB


def connect(gate: Server, location_id: str, channel: Any = SMS) -> list[int]:
    """Register a channel, and tell the six states."""
    request = channel_pb2.ConnectChannelRequest(location_id=location_id, channel=channel)
    return states(channels(gate).ConnectChannel(request))


def disconnect(gate: Server, location_id: str, channel: Any = SMS) -> list[int]:
    """Drop a channel, and tell the six states."""
    request = channel_pb2.DisconnectChannelRequest(location_id=location_id, channel=channel)
    return states(channels(gate).DisconnectChannel(request))


def listed(gate: Server, location_id: str) -> list[int]:
    """Tell the six states."""
    return states(channels(gate).ListChannels(channel_pb2.ListChannelsRequest(location_id=location_id)))


def states(
    answer: channel_pb2.ListChannelsResponse
    | channel_pb2.ConnectChannelResponse
    | channel_pb2.DisconnectChannelResponse,
) -> list[int]:
    """Read the states of all six channels, which are in order."""
    assert [each.channel for each in answer.channels] == ALL_SIX
    return [each.connection for each in answer.channels]


def reason(gate: Server, location_id: str, contact_id: str, channel: Any = SMS) -> str:
    """Tell why a check denies; empty where it allows."""
    answer = check(gate, contact_id, channel, location_id=location_id)
    return "" if answer.allowed else pb.DenyReason.Name(answer.deny_reason).removeprefix("DENY_REASON_")


def test_a_fresh_location_has_all_six(shared_gate: Server) -> None:
    """Every channel is connected until one is registered, and nobody else's registration counts."""
    connect(shared_gate, "neighbour")

    assert listed(shared_gate, "fresh") == [CONNECTED] * 6
    assert [reason(shared_gate, "fresh", "ann", channel) for channel in ALL_SIX] == [""] * 6


def test_the_first_registration_closes_the_others(shared_gate: Server) -> None:
    """Checks on a channel that is not registered deny, for everybody, until it is."""
    assert connect(shared_gate, "reg", EMAIL) == [NOT_CONNECTED, CONNECTED, *[NOT_CONNECTED] * 4]
    assert [reason(shared_gate, "reg", "ann", channel) for channel in (SMS, EMAIL)] == ["CHANNEL_NOT_CONNECTED", ""]

    assert connect(shared_gate, "reg") == [CONNECTED, CONNECTED, *[NOT_CONNECTED] * 4]
    assert connect(shared_gate, "reg") == listed(shared_gate, "reg")
    assert reason(shared_gate, "reg", "ann") == ""


def test_a_drop_denies_until_it_is_mended(shared_gate: Server) -> None:
    """A dropped channel denies whoever is asked about; dropping and mending it twice is harmless."""
    connect(shared_gate, "drop")
    for _ in range(2):
        assert disconnect(shared_gate, "drop")[0] == DISCONNECTED
    assert reason(shared_gate, "drop", "ann") == "CHANNEL_DISCONNECTED"
    assert not check(shared_gate, location_id="drop", address="+12025550171").allowed
    assert not check(shared_gate, location_id="drop", address="+12025550171").suppressions

    for _ in range(2):
        assert connect(shared_gate, "drop")[0] == CONNECTED
    assert reason(shared_gate, "drop", "ann") == ""


def test_a_drop_before_any_registration(shared_gate: Server) -> None:
    """It closes that channel alone."""
    assert disconnect(shared_gate, "early") == [DISCONNECTED, *[CONNECTED] * 5]


def test_the_first_reason_that_applies(shared_gate: Server) -> None:
    """All-channels DND comes before the channel's, and DND before the connection; all suppressions are told."""
    told: list[tuple[str, list[str]]] = []
    connect(shared_gate, "order", EMAIL)
    connect(shared_gate, "order")
    disconnect(shared_gate, "order")

    def tell(channel: Any = SMS) -> None:
        answer = check(shared_gate, "ann", channel, location_id="order")
        told.append((reason(shared_gate, "order", "ann", channel), causes(answer.suppressions)))

    tell()
    tell(GMB)
    for channel in (SMS, GMB):
        record(shared_gate, "ann", location_id="order", **says("STOP", channel))
    tell()
    tell(GMB)
    set_dnd(shared_gate, "ann", ON, location_id="order")
    tell()
    tell(GMB)

    assert told == [
        ("CHANNEL_DISCONNECTED", []),
        ("CHANNEL_NOT_CONNECTED", []),
        ("DND_CHANNEL", ["OPT_OUT"]),
        ("DND_CHANNEL", ["OPT_OUT"]),
        ("DND_ALL_CHANNELS", ["MANUAL", "OPT_OUT"]),
        ("DND_ALL_CHANNELS", ["MANUAL", "OPT_OUT"]),
    ]


@pytest.mark.parametrize(("channel", "expected"), [(SMS, "DISCONNECTED"), (GMB, "NOT_CONNECTED")])
def test_many_at_once(shared_gate: Server, channel: Any, expected: str) -> None:
    """A campaign list and a batch deny everybody on a channel that does not work, and nobody on one that does."""
    location = f"many {channel}"
    connect(shared_gate, location, EMAIL)
    connect(shared_gate, location)
    disconnect(shared_gate, location)
    names = ["a", "b", "c"]
    record(shared_gate, "b", location_id=location, **says("STOP", channel))

    screens = [
        list(
            shared_gate.stub()
            .ScreenContacts(pb.ScreenContactsRequest(location_id=location, channel=each, contact_ids=names))
            .allowed
        )
        for each in (channel, EMAIL)
    ]
    checks = [
        pb.CheckSendRequest(location_id=location, channel=each, contact_id=name)
        for each in (channel, EMAIL)
        for name in names
    ]
    results = shared_gate.stub().BatchCheckSend(pb.BatchCheckSendRequest(checks=checks)).results

    assert screens == [[False] * 3, [True] * 3]
    assert [result.response.allowed for result in results] == [False] * 3 + [True] * 3
    assert [pb.DenyReason.Name(result.response.deny_reason) for result in results[:3]] == [
        f"DENY_REASON_CHANNEL_{expected}",
        "DENY_REASON_DND_CHANNEL",
        f"DENY_REASON_CHANNEL_{expected}",
    ]


def test_dnd_outlasts_a_drop(shared_gate: Server) -> None:
    """When the integration is connected again, the DND state from before holds again."""
    connect(shared_gate, "outlast")
    set_dnd(shared_gate, "ann", ON, SMS, location_id="outlast")
    disconnect(shared_gate, "outlast")
    assert causes(get(shared_gate, "ann", "outlast").channels[0].suppressions) == ["MANUAL"]

    connect(shared_gate, "outlast")

    assert [reason(shared_gate, "outlast", name) for name in ("ann", "bob")] == ["DND_CHANNEL", ""]


def test_a_dropped_channel_takes_events_and_switches(shared_gate: Server) -> None:
    """What happens while it is down holds when it works again."""
    connect(shared_gate, "down")
    set_dnd(shared_gate, "ann", ON, SMS, location_id="down")
    record(shared_gate, "bob", location_id="down", **says("STOP"))
    disconnect(shared_gate, "down")

    set_dnd(shared_gate, "ann", OFF, SMS, location_id="down")
    assert record(shared_gate, "bob", location_id="down", **says("START")).outcome == pb.OUTCOME_APPLIED
    set_dnd(shared_gate, "cat", ON, SMS, location_id="down")
    assert record(shared_gate, "dee", location_id="down", **says("STOP")).outcome == pb.OUTCOME_APPLIED
    record_of_ann = get(shared_gate, "ann", "down").channels[0]
    assert (record_of_ann.connection, record_of_ann.dnd) == (DISCONNECTED, False)
    connect(shared_gate, "down")

    assert [reason(shared_gate, "down", name) for name in ("ann", "bob", "cat", "dee")] == [
        "",
        "",
        "DND_CHANNEL",
        "DND_CHANNEL",
    ]


@pytest.mark.parametrize("setting", [ON, OFF])
def test_no_switch_on_a_channel_that_is_not_connected(shared_gate: Server, setting: int) -> None:
    """The whole switch is refused, naming the channel and the way out; all channels at once can be switched."""
    location = f"unregistered {setting}"
    connect(shared_gate, location)

    refusal = refused(set_dnd, shared_gate, "ann", setting, SMS, GMB, location_id=location)

    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CHANNEL_NOT_CONNECTED")
    assert [obstacle[:2] for obstacle in refusal.obstacles] == [("CHANNEL_NOT_CONNECTED", "GMB")]
    assert reason(shared_gate, location, "ann") == ""
    set_dnd(shared_gate, "ann", setting, location_id=location)


def test_nothing_to_disconnect(shared_gate: Server) -> None:
    """A location with registered channels cannot drop one that it does not have."""
    connect(shared_gate, "none")

    refusal = refused(disconnect, shared_gate, "none", GMB)

    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CHANNEL_NOT_CONNECTED")
    assert listed(shared_gate, "none") == [CONNECTED, *[NOT_CONNECTED] * 5]


@pytest.mark.parametrize(
    ("location_id", "channel", "field", "expected"),
    [
        ("bad", 0, "channel", "FIELD_REQUIRED"),
        ("bad", 7, "channel", "ENUM_UNKNOWN"),
        ("x" * 257, SMS, "location_id", "FIELD_TOO_LONG"),
    ],
)
def test_bad_requests(shared_gate: Server, location_id: str, channel: Any, field: str, expected: str) -> None:
    """Each is refused by the name of its field, and registers nothing."""
    for call in (connect, disconnect):
        refusal = refused(call, shared_gate, location_id, channel)
        assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])
        assert refusal.reason == expected
    assert listed(shared_gate, "bad") == [CONNECTED] * 6


def test_all_survives_a_restart(serve: StartServer) -> None:
    """Channels, and DND on channels that do not work, are as they were."""
    gate = serve()
    connect(gate, "", EMAIL)
    connect(gate, "")
    set_dnd(gate, "ann", ON, SMS)
    disconnect(gate, "")
    for mended in (connect, disconnect, connect):
        mended(gate, "", pb.CHANNEL_CALL)
    before, ann = listed(gate, ""), get(gate, "ann")

    gate.restart()

    assert listed(gate, "default") == before == [DISCONNECTED, CONNECTED, CONNECTED, *[NOT_CONNECTED] * 3]
    assert get(gate, "ann") == ann
    assert [reason(gate, "", "bob", channel) for channel in (SMS, EMAIL, GMB)] == [
        "CHANNEL_DISCONNECTED",
        "",
        "CHANNEL_NOT_CONNECTED",
    ]
    connect(gate, "")
    assert [reason(gate, "", name) for name in ("ann", "bob")] == ["DND_CHANNEL", ""]
