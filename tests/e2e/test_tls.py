"""TLS and mutual TLS on every TCP address, on both transports, and certificates that change while the gate runs."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import grpc
import pytest
from sendgate.v1 import send_gate_pb2 as pb
from sendgate.v1 import send_gate_pb2_grpc as rpc

from gate.identity.client import Bearer
from gate.service.caller import Role
from tests.e2e.certificates import Authority, Issued
from tests.e2e.identities import SERVER_NAME, Identities, code_of
from tests.e2e.server import DEADLINE_S, TRANSPORTS, Server, eventually

CHECK: Final = pb.CheckSendRequest(contact_id="c1", channel=pb.CHANNEL_SMS)
SENDER: Final = "uri:spiffe://example.com/sender"
OK, UNAUTHENTICATED, UNAVAILABLE = (
    grpc.StatusCode.OK,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.UNAVAILABLE,
)


class Gate(NamedTuple):
    """A running gate and its files."""

    server: Server
    identities: Identities
    token: str

    def code(self, plane: str, shown: Issued | None, token: str = "") -> grpc.StatusCode:
        """Check a send over a connection of its own, showing a certificate, a token, or both."""
        with self.identities.channel(self.server.tcp(plane), shown=shown) as channel:
            caller = grpc.intercept_channel(channel, Bearer((("authorization", f"Bearer {token}"),)))
            return code_of(rpc.SendGateServiceStub(caller if token else channel).CheckSend, CHECK)


@pytest.fixture(scope="module", params=TRANSPORTS)
def gate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """Start a gate with mutual TLS on each transport."""
    directory: Path = tmp_path_factory.mktemp("gate")
    identities = Identities(directory)
    token = identities.token("campaigns", Role.SENDER)
    identities.trust(SENDER, "edge", Role.SENDER)
    identities.trust("dns:sender.example.com", "other-edge", Role.SENDER)
    identities.trust("dns:user.example.com", "tool", Role.USER)
    with Server(directory, **TRANSPORTS[request.param], **identities.mutual) as server:
        yield Gate(server, identities, token)


def handshake(gate: Gate, plane: str, *, alpn: str = "h2", newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> bytes:
    """Make a TLS connection as the client wants it; return the first bytes that the gate sends, if any."""
    shown = gate.identities.clients.issue(SENDER).write(gate.identities.directory, "client")
    context = ssl.create_default_context(cafile=str(gate.identities.authority_file))
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, newest
    context.load_cert_chain(*shown)
    if alpn:
        context.set_alpn_protocols([alpn])
    host, _, port = gate.server.tcp(plane).rpartition(":")
    with (
        socket.create_connection((host, int(port)), DEADLINE_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as sock,
    ):
        try:
            sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
            return sock.recv(9)
        except OSError:
            return b""


@pytest.mark.parametrize("plane", ["data", "control"])
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_http2_is_agreed_on(gate: Gate, plane: str, newest: ssl.TLSVersion) -> None:
    """A client that asks for h2 gets SETTINGS, with TLS 1.2 and 1.3; one that asks for another protocol is left."""
    assert handshake(gate, plane, newest=newest)[3:4] == b"\x04"
    for other in ("http/1.1", ""):
        try:
            assert handshake(gate, plane, alpn=other, newest=newest) == b""
        except OSError as error:
            assert isinstance(error, ssl.SSLError | ConnectionError), error  # noqa: PT017  either is a refusal


@pytest.mark.parametrize("plane", ["data", "control"])
def test_who_a_certificate_makes_of_a_client(gate: Gate, plane: str) -> None:
    """A name that is trusted is its principal, with its roles; any other is nobody, whatever the common name says."""
    issue = gate.identities.clients.issue

    assert gate.code(plane, issue(SENDER)) is OK
    assert gate.code(plane, issue("dns:unknown.example.com", "dns:sender.example.com")) is OK
    assert gate.code(plane, issue("dns:user.example.com")) is grpc.StatusCode.PERMISSION_DENIED
    for stranger in (
        issue(f"{SENDER}s"),
        issue("dns:example.com"),
        issue("dns:*.example.com"),
        issue(common_name="sender.example.com"),
    ):
        assert gate.code(plane, stranger) is UNAUTHENTICATED
        assert gate.code(plane, stranger, gate.token) is OK
    assert gate.code(plane, issue(SENDER), f"{gate.token}x") is UNAUTHENTICATED


@pytest.mark.parametrize("plane", ["data", "control"])
def test_certificates_that_open_nothing(gate: Gate, plane: str) -> None:
    """Without a certificate, with one of another authority, or an expired one, there is no connection."""
    for shown in (
        None,
        Authority("of others").issue(SENDER),
        gate.identities.authority.issue(SENDER),
        gate.identities.clients.issue(SENDER, days=-1),
    ):
        assert gate.code(plane, shown, gate.token) is UNAVAILABLE


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_pinned_certificate(transport: str, tmp_path: Path) -> None:
    """One that the file of authorities names by itself is trusted on both planes, and its authority is not."""
    identities, other = Identities(tmp_path), Authority("of others")
    pinned = other.issue(SENDER)
    identities.client_ca.write_bytes(identities.clients.certificate + pinned.certificate)
    identities.trust(SENDER, "edge", Role.SENDER)
    with Server(tmp_path, **TRANSPORTS[transport], **identities.mutual) as server:
        gate = Gate(server, identities, "")
        for plane in ("data", "control"):
            assert gate.code(plane, pinned) is OK
            assert gate.code(plane, other.issue(SENDER)) is UNAVAILABLE


@pytest.mark.parametrize("plane", ["data", "control"])
def test_a_client_in_the_clear(gate: Gate, plane: str) -> None:
    """Nobody is answered without TLS, and the gate goes on."""
    with grpc.insecure_channel(gate.server.tcp(plane)) as channel:
        assert code_of(rpc.SendGateServiceStub(channel).CheckSend, CHECK) is UNAVAILABLE

    assert gate.code(plane, gate.identities.clients.issue(SENDER)) is OK
    assert "ssl_transport_security" not in gate.server.log, "the library writes past the log"


def test_certificates_change_while_the_gate_runs(gate: Gate) -> None:
    """New connections get the new certificates and the new client CA, old ones go on; a wrong file changes nothing."""
    identities, server = gate.identities, gate.server
    planes = ("data", "control")
    old_client, old_authority = identities.clients.issue(SENDER), identities.authority
    channels = [identities.channel(server.tcp(plane), shown=old_client) for plane in planes]
    lasting = [rpc.SendGateServiceStub(channel) for channel in channels]
    assert [code_of(stub.CheckSend, CHECK) for stub in lasting] == [OK, OK]

    # One of a pair is replaced before the other: until both are, the old pair is in force.
    identities.authority = Authority("of the gate, renewed")
    certificate, key = identities.authority.issue(SERVER_NAME)
    identities.certificate.write_bytes(certificate)
    eventually(lambda: "certificates: not taken, what was in force stays" in server.log, "a complaint")
    identities.authority, renewed = old_authority, identities.authority
    assert [gate.code(plane, old_client) for plane in planes] == [OK, OK]
    identities.key.write_bytes(key)
    identities.authority = renewed
    eventually(lambda: [gate.code(plane, old_client) for plane in planes] == [OK, OK], "the new certificate")

    identities.clients = Authority("of the clients, renewed")
    identities.client_ca.write_bytes(identities.clients.certificate)
    new_client = identities.clients.issue(SENDER)
    eventually(lambda: [gate.code(plane, new_client) for plane in planes] == [OK, OK], "the new client CA")
    assert [gate.code(plane, old_client) for plane in planes] == [UNAVAILABLE, UNAVAILABLE]
    identities.authority = old_authority
    assert [gate.code(plane, new_client) for plane in planes] == [UNAVAILABLE, UNAVAILABLE]
    identities.authority = renewed

    assert [code_of(stub.CheckSend, CHECK) for stub in lasting] == [OK, OK]
    for channel in channels:
        channel.close()


def test_a_principal_that_is_taken_back(gate: Gate) -> None:
    """A certificate whose name is trusted no longer is nobody at once, on connections that there are already."""
    gate.identities.trust("dns:late.example.com", "late", Role.SENDER)
    shown = gate.identities.clients.issue("dns:late.example.com")
    with gate.identities.channel(gate.server.tcp("data"), shown=shown) as channel:
        stub = rpc.SendGateServiceStub(channel)
        eventually(lambda: code_of(stub.CheckSend, CHECK) is OK, "a new principal")

        gate.identities.revoke("late")

        eventually(lambda: code_of(stub.CheckSend, CHECK) is UNAUTHENTICATED, "a revocation")


def test_stopping_with_connections_over_tls(tmp_path: Path) -> None:
    """A gate whose clients stay connected over TLS stops in good order, and says goodbye to them."""
    for name, transport in TRANSPORTS.items():
        directory = tmp_path / name
        directory.mkdir()
        identities = Identities(directory)
        token = identities.token("campaigns", Role.SENDER)
        with Server(directory, drain_grace="5", **transport, **identities.settings) as server:
            channel = identities.channel(server.tcp("data"), token)
            assert code_of(rpc.SendGateServiceStub(channel).CheckSend, CHECK) is OK
        channel.close()
        assert "Traceback" not in server.log
