"""A gate and its connectors as processes, and webhooks as the providers' documentation says they are signed."""

import base64
import hashlib
import hmac
import http.client
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from sendgate.v1 import send_gate_pb2 as pb
from sendgate.v1 import send_gate_pb2_grpc as rpc

TOKEN, GYM_TOKEN, KEY = "1" * 32, "2" * 32, "key-of-the-account"
PUBLIC_URL = "https://hooks.example.com"
CONFIG = f"""
[[twilio]]
location = "acme"
account_sid = "AC1"
auth_token = "{TOKEN}"
public_url = "{PUBLIC_URL}"

[[twilio]]
location = "gym"
account_sid = "AC2"
auth_token = "{GYM_TOKEN}"
public_url = "{PUBLIC_URL}:8443/prefix/"

[[mailgun]]
location = "acme"
domain = "mg.acme.example"
signing_key = "{KEY}"

[[mailgun]]
location = "gym"
domain = "mg.gym.example"
signing_key = "{KEY}"
"""
STARTED_S = 30.0
Answer = tuple[int, str]


@contextmanager
def started(*arguments: str, ready: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run `sendgate` until the block ends; yields the process and what `ready` found in its log."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SENDGATE_")}
    command = [sys.executable, "-m", "gate", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        guard = threading.Timer(STARTED_S, process.kill)
        guard.start()
        try:
            seen = next(filter(None, (re.search(ready, line) for line in process.stderr)), None)
            guard.cancel()
            assert seen, f"{command} did not start"
            yield process, seen[1]
        finally:
            guard.cancel()
            process.kill()


@contextmanager
def gate(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a gate on the folder's database and Unix socket."""
    listen = f"unix:{folder}/g.sock"
    arguments = ("--database", f"{folder}/gate.db", "--listen", listen, "--control-listen", f"unix:{folder}/c.sock")
    with started("serve", "--drain-delay", "0", *arguments, ready="(serving) .* after") as (process, _):
        yield process, listen


@contextmanager
def connectors(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run connectors that record at the folder's gate; yields the process and its port."""
    config = folder / "connectors.toml"
    config.write_text(CONFIG, encoding="utf-8")
    arguments = ("--config", str(config), "--listen", "127.0.0.1:0", "--target", f"unix:{folder}/g.sock")
    with started("connectors", "serve", *arguments, ready=r"listen on 127\.0\.0\.1:(\d+)") as (process, port):
        yield process, int(port)


def request(port: int, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    """Send one request as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    response = connection.getresponse()
    answer = response.status, response.read().decode()
    connection.close()
    return answer


def twilio(port: int, path: str, *, base: str = PUBLIC_URL, token: str = TOKEN, **parameters: str) -> Answer:
    """Send what Twilio would send, signed as Twilio documents it."""
    parameters = {"AccountSid": "AC1", "ApiVersion": "2010-04-01", "FromZip": "", **parameters}
    signed = base + path + "".join(name + value for name, value in sorted(parameters.items()))
    signature = base64.b64encode(hmac.digest(token.encode(), signed.encode(), "sha1")).decode()
    return request(
        port,
        "POST",
        path,
        urlencode(parameters).encode(),
        Content_Type="application/x-www-form-urlencoded; charset=utf-8",
        X_Twilio_Signature=signature,
    )


def mailgun(port: int, key: str = KEY, **data: object) -> Answer:
    """Send what Mailgun would send, signed as Mailgun documents it."""
    timestamp, token = "1529006854", "a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0"
    digest = hmac.new(key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    payload: dict[str, Any] = {"signature": {"timestamp": timestamp, "token": token, "signature": digest}}
    payload["event-data"] = {"id": "E1", "timestamp": 1521233195.375624, **data}
    return request(port, "POST", "/mailgun/events", json.dumps(payload).encode(), Content_Type="application/json")


class Site(NamedTuple):
    """A gate with its connectors."""

    port: int
    stub: rpc.SendGateServiceStub

    def allowed(self, channel: pb.Channel.ValueType, address: str, location: str = "acme") -> bool:
        """Ask the gate."""
        check = pb.CheckSendRequest(location_id=location, channel=channel, address=address)
        return bool(self.stub.CheckSend(check, timeout=10).allowed)
