"""A gate that asks who calls: its certificates, its credentials, and clients who show some."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

import grpc
from sendgate.v1 import channel_pb2_grpc, contact_pb2_grpc, opt_in_review_pb2_grpc
from sendgate.v1 import send_gate_pb2_grpc as rpc

from gate.identity.client import Bearer
from gate.identity.files import replace
from gate.identity.registry import Credential, written
from gate.identity.tokens import mint
from gate.service.caller import Role
from tests.e2e.certificates import Authority, Issued
from tests.e2e.server import DEADLINE_S

NOW: Final = datetime.now(UTC).replace(microsecond=0)
SERVER_NAME: Final = "ip:127.0.0.1"


class Identities:
    """The files of one gate, in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = Authority("of the gate")
        self.clients = Authority("of the clients")
        self.authority_file = directory / "authority.pem"
        self.authority_file.write_bytes(self.authority.certificate)
        self.tokens = directory / "tokens.toml"
        self.credentials: list[Credential] = []
        self.certificate, self.key = self.authority.issue(SERVER_NAME).write(directory, "gate")
        self.client_ca = directory / "clients.pem"
        self.client_ca.write_bytes(self.clients.certificate)
        self.save()

    @property
    def settings(self) -> dict[str, str]:
        """Name the files as a gate is told them, for TLS with tokens."""
        return {"tls_cert": str(self.certificate), "tls_key": str(self.key), "tokens": str(self.tokens)}

    @property
    def mutual(self) -> dict[str, str]:
        """Name them for mutual TLS."""
        return self.settings | {"tls_client_ca": str(self.client_ca)}

    def token(self, name: str, *roles: Role, at: Iterable[str] | None = None, days: int = 1) -> str:
        """Make a token and put it into the file; negative days make one that has expired."""
        token_id, token, hashed = mint()
        self.credentials.append(_credential(token_id, name, roles, at, days, hashed=hashed))
        self.save()
        return token

    def trust(self, san: str, name: str, *roles: Role, at: Iterable[str] | None = None) -> None:
        """Trust certificates with a name."""
        self.credentials.append(_credential(f"c-{name}", name, roles, at, 1, san=san))
        self.save()

    def revoke(self, name: str) -> None:
        """Take back what was given to a name."""
        self.credentials = [each for each in self.credentials if each.name != name]
        self.save()

    def save(self) -> None:
        """Write the file."""
        replace(self.tokens, written(self.credentials))

    def channel(self, target: str, token: str = "", shown: Issued | None = None) -> grpc.Channel:
        """Connect as somebody: with TLS over TCP, and in the clear over a Unix socket."""
        if target.startswith("unix:"):
            channel = grpc.insecure_channel(target)
        else:
            pair = (shown.key, shown.certificate) if shown else (None, None)
            channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(self.authority.certificate, *pair))
        return grpc.intercept_channel(channel, Bearer((("authorization", f"Bearer {token}"),))) if token else channel


def _credential(
    credential_id: str, name: str, roles: Sequence[Role], at: Iterable[str] | None, days: int, **more: Any
) -> Credential:
    return Credential(
        id=credential_id,
        name=name,
        roles=frozenset(roles),
        locations=None if at is None else frozenset(at),
        created=NOW,
        expires=NOW + timedelta(days=days),
        **more,
    )


class Calls:
    """Every service of the gate, as one caller."""

    def __init__(self, data: grpc.Channel, control: grpc.Channel) -> None:
        self.gate = rpc.SendGateServiceStub(data)
        self.contacts = contact_pb2_grpc.ContactServiceStub(control)
        self.reviews = opt_in_review_pb2_grpc.OptInReviewServiceStub(control)
        self.channels = channel_pb2_grpc.ChannelServiceStub(control)


def code_of(call: Any, request: object) -> grpc.StatusCode:
    """Make a call and tell its status."""
    try:
        answer = call(request, timeout=DEADLINE_S)
        if not hasattr(answer, "DESCRIPTOR"):
            list(answer)
    except grpc.RpcError as error:
        return cast("grpc.Call", error).code()
    return grpc.StatusCode.OK
