"""What every client calls and has to be told, as the JSON form of the contract's messages."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

Json = dict[str, Any]

GATE: Final = "/sendgate.v1.SendGateService/"
HEALTH: Final = "/grpc.health.v1.Health/"
PHONE: Final = "+12025550101"
EMAIL: Final = "jane@example.com"
NOON: Final = "2026-03-02T12:00:00.250Z"
LATER: Final = "2026-03-02T12:00:01Z"
MANY: Final = 1_000
BODY: Final = 4_000
"""Bytes of each body of a large batch, which is then about 4 MB."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One call and what has to come back."""

    method: str
    request: Json = field(default_factory=dict)
    code: str = "OK"
    response: Json | None = None
    message: str | None = None
    status: Json | None = None
    channel: Json = field(default_factory=dict)
    order: Json = field(default_factory=dict)


def check(place: str, contact: str = "c1", channel: str | int = "CHANNEL_SMS") -> Json:
    """Make a check of a contact of a location."""
    return {"location_id": place, "contact_id": contact, "channel": channel}


def event(place: str, number: str, **detail: Any) -> Json:
    """Make an event of a location."""
    return {"event_id": number, "location_id": place, "contact_id": "c1", "provider": "twilio"} | detail


def failed(place: str, number: str, code: str = "30003") -> Json:
    """Make the report of a message that was not delivered."""
    failure = {"error_code": code, "message_status": "undelivered"}
    return event(place, number, address=PHONE, occur_time=NOON, sms_failure=failure)


def unreachable(number: str) -> Json:
    """Make the suppression that this report sets."""
    return {
        "channel": "CHANNEL_SMS",
        "cause": "CAUSE_UNREACHABLE",
        "permanence": "PERMANENCE_TEMPORARY",
        "removers": ["REMOVER_USER", "REMOVER_CONTACT"],
        "set_time": NOON,
        "address": PHONE,
        "provider_code": "30003",
        "event_id": number,
    }


def refused(code: int, reason: str, path: str, problem: str) -> Json:
    """Make the status of a refusal: its ErrorInfo and its BadRequest."""
    known = "type.googleapis.com/google.rpc."
    info = {"reason": f"ERROR_REASON_{reason}", "domain": "sendgate", "metadata": {"field": path}}
    violations = [{"field": path, "description": problem}]
    return {
        "code": code,
        "message": f"{path}: {problem}",
        "details": [
            {"@type": f"{known}ErrorInfo", **info},
            {"@type": f"{known}BadRequest", "field_violations": violations},
        ],
    }


def denied(*suppressions: Json) -> Json:
    """Make the answer to a check of a channel in DND."""
    return {"deny_reason": "DENY_REASON_DND_CHANNEL", "suppressions": list(suppressions)}


def recorded(outcome: str, status: str = "PARTIAL", **changed: Any) -> Json:
    """Make the answer to an event, but for its revision."""
    return {"outcome": f"OUTCOME_{outcome}", "status": f"DND_STATUS_{status}"} | changed


def events(place: str) -> list[Exchange]:
    """Record, repeat, reuse an id whose letters must be escaped in a header, lift."""
    number = "№ 1, 100 % «stop» 🛑"
    reused = f"{number!r} was recorded before with other content; give each event an id of its own"
    status = refused(6, "EVENT_ID_REUSED", "event.event_id", reused)
    row = unreachable(number)
    start = {"channel": "CHANNEL_SMS", "body": "START"}
    lift = event(place, "2", address=PHONE, occur_time=LATER, inbound_message=start)
    record, ask = f"{GATE}RecordEvent", f"{GATE}CheckSend"
    return [
        Exchange(method=ask, request=check(place), response={"allowed": True}),
        Exchange(method=record, request={"event": failed(place, number)}, response=recorded("APPLIED", set=[row])),
        Exchange(method=record, request={"event": failed(place, number)}, response=recorded("DUPLICATE", set=[row])),
        Exchange(
            method=record,
            request={"event": failed(place, number, "30005")},
            code="ALREADY_EXISTS",
            message=status["message"],
            status=status,
        ),
        Exchange(method=ask, request=check(place), response=denied(row)),
        Exchange(method=record, request={"event": lift}, response=recorded("APPLIED", "OFF", lifted=[row])),
        Exchange(method=ask, request=check(place), response={"allowed": True}),
    ]


def unknown_channel(place: str) -> list[Exchange]:
    """Be refused with details in the trailers."""
    status = refused(3, "ENUM_UNKNOWN", "channel", "unknown value 9; see Channel in send_gate.proto")
    request, message = check(place, channel=9), status["message"]
    return [
        Exchange(method=f"{GATE}CheckSend", request=request, code="INVALID_ARGUMENT", message=message, status=status)
    ]


def many_checks(place: str) -> list[Exchange]:
    """Get megabytes back for many checks, of which one is bad."""
    reasons = ["bounce", "suppress-bounce", "suppress-complaint", "suppress-unsubscribe", "generic"]
    details: list[tuple[str, Json]] = [
        (reason, {"email_failure": {"severity": "EMAIL_SEVERITY_PERMANENT", "reason": reason, "code": "550"}})
        for reason in reasons
    ]
    details += [("unsubscribed", {"email_unsubscribe": {}}), ("complaint", {"email_complaint": {}})]
    wrongs = [event(place, name.rjust(256, "-"), address=EMAIL, occur_time=NOON, **detail) for name, detail in details]
    rows = [unwanted(name) for name, _ in details]
    checks = [check(place, channel="CHANNEL_EMAIL") for _ in range(MANY)]
    checks[500] = check(place, channel="CHANNEL_EMAIL", contact="")
    results = [{"response": denied(*rows)} for _ in range(MANY)]
    missing = "required unless address is given; name either or both"
    results[500] = {"error": refused(3, "FIELD_REQUIRED", "checks[500].contact_id", missing)}
    return [
        Exchange(method=f"{GATE}BatchRecordEvents", request={"events": wrongs}),
        Exchange(method=f"{GATE}BatchCheckSend", request={"checks": checks}, response={"results": results}),
    ]


def unwanted(name: str) -> Json:
    """Make the suppression that trouble with email sets."""
    cause = {"generic": "GENERIC_FAILURE"}.get(name, name.upper().replace("-", "_"))
    code = {} if name in ("unsubscribed", "complaint") else {"provider_code": "550"}
    final = name == "complaint"
    return {
        "channel": "CHANNEL_EMAIL",
        "cause": f"CAUSE_{cause}",
        "permanence": "PERMANENCE_PERMANENT" if final else "PERMANENCE_TEMPORARY",
        "removers": ["REMOVER_SUPPORT" if final else "REMOVER_USER"],
        "set_time": NOON,
        "address": EMAIL,
        "event_id": name.rjust(256, "-"),
        **code,
    }


def campaign(place: str) -> list[Exchange]:
    """Screen a campaign list."""
    contacts = [f"c{number}" for number in range(10_000)]
    return [
        Exchange(method=f"{GATE}RecordEvent", request={"event": failed(place, "1")}),
        Exchange(
            method=f"{GATE}ScreenContacts",
            request={"location_id": place, "channel": "CHANNEL_SMS", "contact_ids": contacts},
            response={"allowed": [contact != "c1" for contact in contacts]},
        ),
    ]


def large_batch(place: str) -> list[Exchange]:
    """Send a batch of some 4 MB, more than any window of flow control holds at first."""
    bodies = [f"{number} ".ljust(BODY, "x") for number in range(MANY)]
    batch = [
        event(place, f"{number}", inbound_message={"channel": "CHANNEL_SMS", "body": body})
        for number, body in enumerate(bodies)
    ]
    answers = [{"response": recorded("NO_EFFECT", "OFF")}] * MANY
    return [Exchange(method=f"{GATE}BatchRecordEvents", request={"events": batch}, response={"results": answers})]


def health(_: str) -> list[Exchange]:
    """Ask for the health of the service, and of one that nobody has heard of."""
    known = Exchange(
        method=f"{HEALTH}Check", request={"service": "sendgate.v1.SendGateService"}, response={"status": "SERVING"}
    )
    message = "service: 'größe 100 %' is unknown"
    return [
        known,
        Exchange(method=f"{HEALTH}Check", request={"service": "größe 100 %"}, code="NOT_FOUND", message=message),
        known,
    ]


def unimplemented(place: str) -> list[Exchange]:
    """Call what the data plane does not have: a method, a service, the control plane's."""
    paths = [f"{GATE}Nothing", "/sendgate.v1.Nothing/CheckSend", "/sendgate.v1.ContactService/GetContact"]
    return [Exchange(method=path, code="UNIMPLEMENTED") for path in paths] + [
        Exchange(method=f"{GATE}CheckSend", request=check(place), response={"allowed": True})
    ]


def metadata(place: str) -> list[Exchange]:
    """Send many entries, some twice, some long, some binary."""
    binary = base64.b64encode(bytes(range(256))).decode()
    entries = [[f"x-entry-{number}", "~" * number] for number in range(60)]
    entries += [["x-entry-1", "again"], ["x-trace-bin", binary], ["x-trace-bin", ""], ["x-empty", ""]]
    return [
        Exchange(
            method=f"{GATE}CheckSend",
            request=check(place),
            response={"allowed": True},
            order={"metadata": entries[:many]},
        )
        for many in (len(entries), 1, len(entries))
    ]


def compressed(place: str) -> list[Exchange]:
    """Compress requests with gzip."""
    small = Exchange(method=f"{GATE}CheckSend", request=check(place), response={"allowed": True})
    large = campaign(place)
    return [Exchange(**vars(each) | {"channel": {"gzip": True}}) for each in (small, *large)]


CASES: Final[dict[str, Callable[[str], list[Exchange]]]] = {
    function.__name__: function
    for function in (
        events,
        unknown_channel,
        many_checks,
        campaign,
        large_batch,
        health,
        unimplemented,
        metadata,
        compressed,
    )
}
"""All scenarios that are nothing but calls and answers, by name; each takes a location of its own."""
