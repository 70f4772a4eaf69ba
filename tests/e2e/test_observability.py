"""Logs and metrics of a running gate: they move as they should, are limited, and name nobody."""

import json
import re
import socket
import sqlite3
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families
from sendgate.v1 import send_gate_pb2 as pb

from gate.cli import main
from gate.logs.throttle import BURST
from gate.service.caller import Role
from tests.e2e import webhooks
from tests.e2e.conftest import StartServer
from tests.e2e.control import refused
from tests.e2e.identities import Calls, Identities
from tests.e2e.marked import ADDRESSES, BODY, MARKS, TOKEN, call_all
from tests.e2e.server import DEADLINE_S, TRANSPORTS, Server, command, eventually, refusals
from tests.e2e.stream import Stream

METRICS: Final = {"metrics_listen": "127.0.0.1:0"}
JSON: Final = {"log_format": "json", "log_level": "debug"}
FLOOD: Final = 3 * BURST


LISTENING: Final = ["listening"] * 4
STATES: Final = ["starting", *LISTENING, "filter_reading", "filter_built", "serving", "draining", "closing", "stopped"]

Samples = dict[tuple[str, str], float]
_ids: Final = count()


def scrape(gate: Server) -> Samples:
    """Read the metrics, by name without prefix and by the values of the labels, in the order of their names."""
    (address,) = re.findall(r"metrics listen on ([\d.:]+)", gate.log)
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=DEADLINE_S) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return {
        (sample.name.removeprefix("sendgate_"), " ".join(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_bucket")
    }


def settled(gate: Server) -> Samples:
    """Read the metrics once no call is open: to the gate one may end a moment later than to its client."""
    eventually(lambda: scrape(gate)["streams", "data"] == 0, "no call is open")
    return scrape(gate)


def told(gate: Server) -> list[dict[str, Any]]:
    """Read the log, each line of which is an object."""
    return [json.loads(line) for line in gate.log.splitlines()]


def stop(contact: str, event_id: str = "") -> pb.RecordEventRequest:
    """Make an opt-out."""
    message = pb.InboundMessage(channel=pb.CHANNEL_SMS, body="STOP")
    event = pb.Event(event_id=event_id or f"e{next(_ids)}", contact_id=contact, inbound_message=message)
    return pb.RecordEventRequest(event=event)


def check(contact: str) -> pb.CheckSendRequest:
    """Make a check."""
    return pb.CheckSendRequest(contact_id=contact, channel=pb.CHANNEL_SMS)


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, transport: str) -> Iterator[Server]:
    """Start one server for the tests that only look at what moves."""
    settings = METRICS | JSON | TRANSPORTS[transport] | {"queue_events": "1000"}
    with Server(tmp_path_factory.mktemp("gate"), **settings) as server:
        yield server


def test_values_move_as_they_should(gate: Server) -> None:
    """What was checked, recorded and refused since a scrape is the difference to the next, and nothing else is."""
    stub = gate.stub()
    before = settled(gate)

    stub.RecordEvent(stop("stopped", "e"))
    stub.RecordEvent(stop("stopped", "e"))
    for contact in ("free", "free", "stopped", "stopped", "stopped"):
        stub.CheckSend(check(contact))
    stub.ScreenContacts(pb.ScreenContactsRequest(channel=pb.CHANNEL_SMS, contact_ids=["free", "new", "stopped"]))
    refused(stub.CheckSend, pb.CheckSendRequest(channel=pb.CHANNEL_SMS))

    after = settled(gate)
    moved = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    moved = {name: by for name, by in moved.items() if not re.match("event_loop|commit_duration|database", name[0])}
    sources = {name[1]: moved.pop(name) for name in list(moved) if name[0] == "check_sources_total"}
    assert sum(sources.values()) == 8
    assert sources["filter"] == 4
    moved.pop(("cache_misses_total", ""), None)
    assert moved.pop(("cache_hits_total", "")) >= 3
    assert moved == {
        ("calls_total", "data"): 9,
        ("calls_refused_total", "field_required"): 1,
        ("checks_total", "allowed "): 4,
        ("checks_total", "denied dnd_channel"): 4,
        ("cache_entries", ""): 1,
        ("events_total", "applied"): 1,
        ("events_total", "duplicate"): 1,
        ("commit_events_count", ""): 1,
        ("commit_events_sum", ""): 1,
    }
    assert after["commit_duration_seconds_count", ""] == 1
    assert after["database_bytes", "wal"] > 0


def test_what_is_open_is_told(gate: Server) -> None:
    """Connections are told by plane and kind of address, and so are calls that are not over."""
    gate.hang_up()
    (tcp,) = [line["address"] for line in told(gate) if re.match("data plane listens on 127", line["message"])]
    gate.stub(tcp).CheckSend(check("c"))
    gate.stub(gate.data).CheckSend(check("c"))
    watch = gate.health(gate.control).Watch(pb_health(), timeout=DEADLINE_S)
    next(watch)
    names = {("connections", "tcp data"): 1, ("connections", "unix data"): 1, ("connections", "unix control"): 1}
    expected = names | {("streams", "control"): 1, ("serving", ""): 1, ("writes_durable", ""): 1}

    eventually(lambda: expected.items() <= scrape(gate).items(), f"{expected}")
    watch.cancel()
    gate.hang_up()
    eventually(lambda: not any(scrape(gate)[name] for name in names), "all connections gone")


def pb_health() -> Any:
    """Make a request for the health of everything."""
    from grpc_health.v1 import health_pb2  # noqa: PLC0415  untyped

    return health_pb2.HealthCheckRequest()


def test_scrapes_beside_checks_and_events(gate: Server) -> None:
    """While events stream in and checks are asked, each scrape is answered and no counter ever falls."""
    events = Stream(gate, "s")
    events.start()
    before = scrape(gate)
    while not events.enough.is_set():
        gate.stub().CheckSend(check("free"))
        after = scrape(gate)
        assert all(after[name] >= value for name, value in before.items() if name[0].endswith(("_total", "_count")))
        before = after
    events.stop()

    applied = len(events.acknowledged)
    assert scrape(gate)["events_total", "applied"] >= applied > 0
    assert scrape(gate)["commit_events_sum", ""] >= applied


def test_clients_that_are_hung_up_on(tmp_path: Path) -> None:
    """Each counts, by its error code; of a flood ten are told one by one, then how many more there were."""
    with Server(tmp_path, **METRICS, **JSON) as gate:
        for _ in range(FLOOD):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(gate.data.removeprefix("unix:"))
                client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                with suppress(ConnectionError):
                    while client.recv(4096):
                        pass
        assert scrape(gate)["connection_faults_total", "protocol_error data"] == FLOOD
        assert scrape(gate)["connections_accepted_total", "unix data"] >= FLOOD

    faults = [line for line in told(gate) if line["event"] == "connection_fault"]
    (left_out,) = [line for line in told(gate) if line["event"] == "left_out"]
    assert {(line["peer"], line["code"]) for line in faults} == {("unix:", "PROTOCOL_ERROR")}
    assert (len(faults), left_out["kind"], left_out["count"]) == (BURST, "connection_fault", FLOOD - BURST)


def test_callers_who_may_not(serve: StartServer, tmp_path: Path) -> None:
    """Each refusal for who calls counts by what was wrong with the credential, and is told without it."""
    identities = Identities(tmp_path)
    tokens = {
        "missing": "",
        "unknown": TOKEN,
        "expired": identities.token("old", Role.SENDER, days=-1),
        "role": identities.token("user", Role.USER),
        "location": identities.token("elsewhere", Role.SENDER, at=["elsewhere"]),
    }
    gate = serve(**METRICS, **JSON, tokens=str(identities.tokens))
    for kind, token in tokens.items():
        with identities.channel(gate.data, token) as channel:
            for _ in range(1 if kind == "missing" else 2):
                refused(Calls(channel, channel).gate.CheckSend, check("c"))

    samples = scrape(gate)
    assert {kind: samples["authentication_failures_total", kind] for kind in tokens} == {
        kind: 1 if kind == "missing" else 2 for kind in tokens
    }
    lines = [line for line in told(gate) if line["event"] == "call_denied"]
    assert Counter((line["why"], line["method"]) for line in lines) == {
        (kind, "CheckSend"): 1 if kind == "missing" else 2 for kind in tokens
    }
    call_all(gate)
    assert not [token for token in tokens.values() if token and token in gate.log]
    assert not MARKS.findall(gate.log)


def test_events_that_find_no_room(gate: Server) -> None:
    """Events beyond the queue's bound count as shed, by call, and are told."""
    batch = pb.BatchRecordEventsRequest(events=[stop(f"c{place}").event for place in range(1_000)])

    shed = 0
    while not shed:
        answers = [gate.stub().BatchRecordEvents.future(batch, timeout=DEADLINE_S) for _ in range(8)]
        shed = [answer.code() for answer in answers].count(grpc.StatusCode.RESOURCE_EXHAUSTED)

    assert scrape(gate)["calls_shed_total", "queue"] == shed
    assert [line["method"] for line in told(gate) if line["event"] == "call_shed"] == ["BatchRecordEvents"] * shed


def test_an_address_for_metrics_that_is_in_use(tmp_path: Path) -> None:
    """It is an error at the start, in one line that names it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = command(
            "serve",
            database=str(tmp_path / "gate.db"),
            listen=f"unix:{tmp_path}/d.sock",
            control_listen=f"unix:{tmp_path}/c.sock",
            metrics_listen=address,
        )

    (line,) = refusals(ended.stderr)
    assert line.startswith(f"sendgate: listen {address}: Address already in use; ")
    assert ended.returncode == 1


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("0.0.0.0:9464", r"0\.0\.0\.0:9464: not a loopback address, which takes TLS and credentials: .*--insecure"),
        ("here", r"SENDGATE_METRICS_LISTEN: 'here' is neither host:port"),
    ],
)
def test_addresses_that_metrics_do_not_take(address: str, line: str) -> None:
    """One beyond loopback takes TLS and credentials, or --insecure; the exit code is 2."""
    done = CliRunner(env={"SENDGATE_METRICS_LISTEN": address}).invoke(main, ["serve"])

    assert re.search(line, done.stderr)
    assert done.exit_code == 2


def spoil(database: Path) -> None:
    """Write what no gate writes: to read it is a defect, whose error quotes it."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE suppression SET cause = ? WHERE subject_id = 'spoilt'", (BODY + ADDRESSES[0],))
        connection.commit()


def test_the_log_names_nobody(serve: StartServer) -> None:
    """Whatever is called, refused or fails, no body, no token and no address gets into the log, at any level.

    What is in it is a line for each change of the gate's state. Metrics are served to nobody who did not ask.
    """
    gate = serve(**JSON)
    gate.stub().RecordEvent(stop("spoilt"))
    gate.terminate()
    assert gate.wait() == 0
    assert [line["event"] for line in told(gate)] == STATES
    spoil(gate.database)
    gate.start().wait_until_serving()
    call_all(gate)
    failure = refused(gate.stub().CheckSend, check("spoilt"))

    assert failure.code is grpc.StatusCode.INTERNAL
    (defect,) = [line for line in told(gate) if line["event"] == "call_failed"]
    assert (defect["method"], defect["error"]) == ("CheckSend", "builtins.KeyError")
    assert any("suppressions.py" in place for place in defect["places"])
    assert not MARKS.findall(gate.log)


def test_webhooks_that_are_refused(tmp_path: Path) -> None:
    """Of a flood ten are told, then how many more; none with what the webhook said."""
    with webhooks.gate(tmp_path), webhooks.connectors(tmp_path) as (process, port):
        for place in range(FLOOD):
            marked = {"MessageSid": f"SM{place}", "From": ADDRESSES[0], "Body": BODY}
            assert webhooks.twilio(port, "/twilio/inbound", token=TOKEN, **marked)[0] == 403
        assert webhooks.mailgun(port, event="complained", recipient=BODY)[0] == 406
        process.terminate()
        _, log = process.communicate(timeout=DEADLINE_S)

    assert log.count("/twilio/inbound: 403") == BURST
    assert f"{FLOOD - BURST} more lines of webhook_refused" in log
    assert not MARKS.findall(log)
