"""The webhook connectors from outside: a gate, its connectors, and signed requests over HTTP."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from sendgate.v1 import send_gate_pb2 as pb
from sendgate.v1 import send_gate_pb2_grpc as rpc

from tests.e2e.webhooks import (
    CONFIG,
    GYM_TOKEN,
    KEY,
    PUBLIC_URL,
    STARTED_S,
    TOKEN,
    Site,
    connectors,
    gate,
    mailgun,
    request,
    twilio,
)

SMS, EMAIL, WHATSAPP = pb.CHANNEL_SMS, pb.CHANNEL_EMAIL, pb.CHANNEL_WHATSAPP
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One gate with connectors for all tests that use addresses of their own."""
    folder = tmp_path_factory.mktemp("site")
    with gate(folder) as (_, target), connectors(folder) as (_, port), grpc.insecure_channel(target) as channel:
        yield Site(port, rpc.SendGateServiceStub(channel))


@pytest.mark.parametrize(
    ("number", "parameters", "denied"),
    [
        ("+12025550101", {"Body": "STOP"}, {SMS}),
        ("+12025550102", {"Body": "Hello"}, set()),
        ("+12025550103", {"Body": "Hola", "OptOutType": "STOP"}, {SMS}),
        ("+12025550104", {"Body": "STOP", "From": "whatsapp:+12025550104"}, {WHATSAPP}),
        ("+12025550105", {"Body": "STOP", "NewIn2031": "yes"}, {SMS}),
        ("+12025550106", {"Body": "STOP" + " " * 5_000}, {SMS}),
        ("+12025550107", {}, set()),
    ],
)
def test_inbound_messages_set_dnd(
    site: Site, number: str, parameters: dict[str, str], denied: set[pb.Channel.ValueType]
) -> None:
    """An opt-out silences the channel it came on, for the address alone; Twilio gets an empty reply to send."""
    status, body = twilio(site.port, "/twilio/inbound", **{"MessageSid": f"SM{number}", "From": number, **parameters})

    assert (status, body) == (200, '<?xml version="1.0" encoding="UTF-8"?><Response/>')
    assert {channel for channel in (SMS, WHATSAPP) if not site.allowed(channel, number)} == denied


def test_start_lifts_an_opt_out(site: Site) -> None:
    """A START that follows a STOP opens the channel again, and a late copy of the STOP changes nothing."""
    stop = {"From": "+12025550110", "MessageSid": "SM-stop", "Body": "STOP"}
    start = {"From": "+12025550110", "MessageSid": "SM-start", "Body": "", "OptOutType": "START"}

    answers = [twilio(site.port, "/twilio/inbound", **each)[0] for each in (stop, start, stop)]

    assert answers == [200, 200, 200]
    assert site.allowed(SMS, "+12025550110")


@pytest.mark.parametrize(
    ("number", "parameters", "allowed"),
    [
        ("+12025550120", {"MessageStatus": "undelivered", "ErrorCode": "30006"}, False),
        ("+12025550121", {"MessageStatus": "delivered"}, True),
        ("+12025550122", {"MessageStatus": "delivered", "ErrorCode": "30006"}, True),
        ("+12025550123", {"MessageStatus": "sent"}, True),
        ("+12025550124", {"MessageStatus": "failed", "ErrorCode": "30007"}, True),
        ("+12025550125", {"MessageStatus": "failed", "ErrorCode": "30003", "To": "whatsapp:+12025550125"}, True),
    ],
)
def test_status_callbacks_set_dnd(site: Site, number: str, parameters: dict[str, str], *, allowed: bool) -> None:
    """Only a failed text message with a code of the table silences the number, and it stays so when told twice."""
    callback = {"MessageSid": f"SM{number}", "To": number, **parameters}

    assert [twilio(site.port, "/twilio/status", **callback)[0] for _ in range(2)] == [204, 204]
    assert site.allowed(SMS, number) is allowed
    assert site.allowed(WHATSAPP, number)


@pytest.mark.parametrize(
    ("address", "data", "allowed"),
    [
        ("m1@example.com", {"event": "complained"}, False),
        ("m2@example.com", {"event": "unsubscribed", "timestamp": "1521233195"}, False),
        ("m3@example.com", {"event": "failed", "severity": "permanent", "reason": "bounce"}, False),
        ("m4@example.com", {"event": "failed", "severity": "temporary", "reason": "generic"}, True),
        ("m5@example.com", {"event": "failed", "reason": "bounce"}, True),
        ("m6@example.com", {"event": "complained", "flags": {"is-test-mode": True}}, True),
        ("m7@example.com", {"event": "delivered"}, True),
    ],
)
def test_email_events_set_dnd(site: Site, address: str, data: dict[str, Any], *, allowed: bool) -> None:
    """Complaints, unsubscriptions and permanent failures silence the address; test events and good news do not."""
    event: dict[str, Any] = {"id": address, "recipient": address, **data}

    assert [mailgun(site.port, **event) for _ in range(2)] == [(200, "ok")] * 2
    assert site.allowed(EMAIL, address) is allowed


def test_events_go_to_the_account_s_location(site: Site) -> None:
    """A Twilio request counts for its account's location, a Mailgun event for its domain's where a key is shared."""
    stop = {"AccountSid": "AC2", "From": "+12025550130", "MessageSid": "SM-gym", "Body": "STOP"}
    # The proxy strips the prefix of the public URL before it hands the request on.
    base = f"{PUBLIC_URL}:8443/prefix"

    assert twilio(site.port, "/twilio/inbound?source=a%20b", base=base, token=GYM_TOKEN, **stop)[0] == 200
    assert (
        mailgun(site.port, event="complained", recipient="g@example.com", domain={"name": "mg.gym.example"})[0] == 200
    )
    assert (
        mailgun(site.port, event="complained", recipient="h@example.com", domain={"name": "mg.new.example"})[0] == 200
    )

    assert not site.allowed(SMS, "+12025550130", "gym")
    assert site.allowed(SMS, "+12025550130", "acme")
    assert [site.allowed(EMAIL, "g@example.com", each) for each in ("gym", "acme")] == [False, True]
    assert [site.allowed(EMAIL, "h@example.com", each) for each in ("gym", "acme")] == [True, False]


@pytest.mark.parametrize(
    ("status", "changes"),
    [
        pytest.param(403, {"token": GYM_TOKEN}, id="other token"),
        pytest.param(403, {"base": "http://hooks.example.com"}, id="other scheme"),
        pytest.param(403, {"AccountSid": "AC9"}, id="unknown account"),
        pytest.param(403, {"AccountSid": "AC2"}, id="another account's name"),
        pytest.param(400, {"From": ""}, id="no sender"),
        pytest.param(400, {"MessageSid": ""}, id="no id"),
        pytest.param(400, {"From": "12"}, id="no phone number"),
        pytest.param(400, {"MessageSid": "x" * 300}, id="over-long id"),
    ],
)
def test_a_twilio_request_is_refused(site: Site, status: int, changes: dict[str, str]) -> None:
    """A request that Twilio did not sign for a known account is 403; one that can never be recorded is 400."""
    parameters = {"MessageSid": "SM-refused", "From": "+12025550140", "Body": "STOP"} | changes

    assert twilio(site.port, "/twilio/inbound", **parameters)[0] == status
    assert site.allowed(SMS, "+12025550140")


@pytest.mark.parametrize(
    ("status", "changes"),
    [
        pytest.param(401, {"key": "other"}, id="other key"),
        pytest.param(406, {"recipient": None}, id="no recipient"),
        pytest.param(406, {"recipient": "nobody"}, id="no email address"),
        pytest.param(406, {"id": None}, id="no id"),
        pytest.param(406, {"timestamp": None}, id="no time"),
        pytest.param(406, {"timestamp": 253402300799}, id="far in the future"),
    ],
)
def test_a_mailgun_event_is_refused(site: Site, status: int, changes: dict[str, Any]) -> None:
    """An event that no known key signed is 401; one that can never be recorded is 406, which ends the retries."""
    assert mailgun(site.port, **({"event": "complained", "recipient": "refused@example.com"} | changes))[0] == status
    assert site.allowed(EMAIL, "refused@example.com")


def test_an_id_with_other_content_is_refused(site: Site) -> None:
    """An id that was used for something else will never be recorded: 400 for Twilio, 406 for Mailgun."""
    for number, expected in (("+12025550150", 200), ("+12025550151", 400)):
        assert twilio(site.port, "/twilio/inbound", MessageSid="SM-reused", From=number)[0] == expected
    for address, expected in (("r1@example.com", 200), ("r2@example.com", 406)):
        assert mailgun(site.port, id="reused", event="complained", recipient=address)[0] == expected


@pytest.mark.parametrize(
    ("status", "method", "path", "body", "headers"),
    [
        (200, "GET", "/healthz", b"", {}),
        (405, "POST", "/healthz", b"", {}),
        (405, "GET", "/twilio/inbound", b"", {}),
        (405, "PUT", "/mailgun/events", b"", {}),
        (404, "POST", "/", b"", {}),
        (404, "POST", "/twilio/inbound/", b"", {}),
        (404, "POST", "/twilio", b"", {}),
        (403, "POST", "/twilio/status", b"AccountSid=AC1", {"Content_Type": FORM}),
        (403, "POST", "/twilio/status", b"", {"Content_Type": FORM, "X_Twilio_Signature": "x"}),
        (415, "POST", "/twilio/status", b"{}", {"Content_Type": JSON, "X_Twilio_Signature": "x"}),
        (400, "POST", "/twilio/status", b"AccountSid=%FF", {"Content_Type": FORM, "X_Twilio_Signature": "x"}),
        (413, "POST", "/twilio/inbound", b"a=" + b"x" * 300_000, {"Content_Type": FORM}),
        (413, "POST", "/mailgun/events", b" " * 3_000_000, {"Content_Type": JSON}),
        (406, "POST", "/mailgun/events", b"event=dropped&recipient=a%40example.com", {"Content_Type": FORM}),
        (406, "POST", "/mailgun/events", b"--x--", {"Content_Type": "multipart/form-data; boundary=x"}),
        (415, "POST", "/mailgun/events", b"{}", {"Content_Type": "text/plain"}),
        (400, "POST", "/mailgun/events", b"{", {"Content_Type": JSON}),
        (400, "POST", "/mailgun/events", b'"\xff"', {"Content_Type": JSON}),
        (401, "POST", "/mailgun/events", b"{}", {"Content_Type": JSON}),
        (401, "POST", "/mailgun/events", b'{"signature": {}, "event-data": {}}', {}),
    ],
)
def test_http_is_answered(
    site: Site, status: int, method: str, path: str, body: bytes, *, headers: dict[str, str]
) -> None:
    """Each kind of request that is no webhook of ours has its own status."""
    assert request(site.port, method, path, body, **headers)[0] == status


def test_a_success_is_durable(tmp_path: Path) -> None:
    """While there is no gate the answer is 503; once it is a success, not even a killed gate forgets the event."""
    stop = {"MessageSid": "SM1", "From": "+12025550101", "Body": "STOP"}
    complaint = {"event": "complained", "recipient": "a@example.com"}
    with connectors(tmp_path) as (_, port):
        assert twilio(port, "/twilio/inbound", **stop)[0] == 503
        assert mailgun(port, **complaint)[0] == 503
        assert request(port, "GET", "/healthz")[0] == 200
        with gate(tmp_path) as (process, _):
            deadline = time.monotonic() + STARTED_S
            while (status := twilio(port, "/twilio/inbound", **stop)[0]) == 503:
                assert time.monotonic() < deadline
            assert status == 200
            assert mailgun(port, **complaint)[0] == 200
            process.kill()
            process.wait(timeout=10)
        assert twilio(port, "/twilio/inbound", **stop)[0] == 503
    with gate(tmp_path) as (_, target), grpc.insecure_channel(target) as channel:
        again = Site(0, rpc.SendGateServiceStub(channel))
        assert not again.allowed(SMS, "+12025550101")
        assert not again.allowed(EMAIL, "a@example.com")


def test_the_log_names_no_secrets_and_nobody(tmp_path: Path) -> None:
    """SIGTERM ends the connectors with exit code 0; their log has neither bodies nor addresses nor secrets."""
    with gate(tmp_path), connectors(tmp_path) as (process, port):
        assert twilio(port, "/twilio/inbound", MessageSid="SM1", From="+1202555010", Body="my words")[0] == 400
        assert twilio(port, "/twilio/inbound", MessageSid="SM1", From="+12025550101", token=GYM_TOKEN)[0] == 403
        assert mailgun(port, event="complained", recipient="someone")[0] == 406
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=20)

    assert process.returncode == 0
    assert "SM1: refused: ERROR_REASON_ADDRESS_INVALID event.address" in log
    assert not re.search(f"202555|words|someone|{TOKEN}|{KEY}|Traceback", log)


@pytest.mark.parametrize(
    ("code", "config", "listen", "line"),
    [
        (2, "", "127.0.0.1:0", "no account"),
        (2, CONFIG.replace("domain", "domian"), "127.0.0.1:0", "did you mean domain?"),
        (2, CONFIG, "8080", "not host:port"),
        (1, CONFIG, "127.0.0.1:{used}", "Address already in use"),
    ],
)
def test_what_cannot_run_says_so(tmp_path: Path, code: int, config: str, listen: str, line: str) -> None:
    """A faulty configuration is one line and exit code 2, an address in use one line and exit code 1."""
    path = tmp_path / "connectors.toml"
    path.write_text(config, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = listen.format(used=other.getsockname()[1])
        command = [sys.executable, "-m", "gate", "connectors", "serve", "--config", str(path), "--listen", listen]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.startswith("sendgate: ")
    assert line in ended.stderr
    assert ended.stderr.count("\n") == 1
