"""TLS of the gate's addresses: certificates from files, taken anew when the files change.

Where a client CA is set, every connection over TCP has to show a certificate of it: the library that serves the
control plane can either insist on one or not ask, and both planes do the same.
"""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import grpc

from gate.errors import SettingsError
from gate.identity.files import Look, look, read, read_secret

ALPN: Final = "h2"
HTTP_ALPN: Final = "http/1.1"
"""Of the metrics, which must not be asked for in HTTP/2."""

_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: what RFC 9113, section 9.2.2, does not forbid. TLS 1.3 has no others."""

_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"

NAMES: Final = "sendgate_names"
"""Where an auth_context of ours has the names as the registry writes them: worked out once for a connection."""

_SANS: Final = {"DNS": "peer_dns", "URI": "peer_uri", "email Address": "peer_email", "IP Address": "peer_ip"}
"""Kinds of names as `ssl` calls them, and as grpc's auth_context does."""


class TlsFiles(NamedTuple):
    """Where certificates are."""

    certificate: Path
    key: Path
    client_ca: Path | None

    def look(self) -> tuple[Look, ...]:
        """Tell one state of the files from another."""
        return tuple(look(path) for path in self if path is not None)


class Material(NamedTuple):
    """What was in the files, proved to fit together."""

    certificate: bytes
    key: bytes
    client_ca: bytes | None
    context: ssl.SSLContext
    http_context: ssl.SSLContext
    """The same for the metrics."""


def load(files: TlsFiles) -> Material:
    """Read the files. Raises SettingsError."""
    certificate, key = read(files.certificate), read_secret(files.key)
    client_ca = None if files.client_ca is None else read(files.client_ca)
    contexts = (_context(files, client_ca, protocol) for protocol in (ALPN, HTTP_ALPN))
    return Material(certificate, key, client_ca, *contexts)


def _context(files: TlsFiles, client_ca: bytes | None, protocol: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols([protocol])
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
    except (ssl.SSLError, ValueError, OSError) as error:
        raise SettingsError(
            f"{files.certificate}, {files.key}: no certificate in PEM with its key, without a password: "
            f"{getattr(error, 'reason', None) or error}"
        ) from None
    if client_ca is not None:
        try:
            context.load_verify_locations(cadata=client_ca.decode("ascii", "replace"))
        except (ssl.SSLError, ValueError) as error:
            raise SettingsError(f"{files.client_ca}: no certificate in PEM: {error}") from None
        context.verify_mode = ssl.CERT_REQUIRED
        # Each certificate of the file is trusted by itself, an intermediate one too: so does the library.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _no_password() -> str:
    """Stand in for the library's question on the terminal."""
    raise ValueError("the key is encrypted")


class Tls:
    """The certificates in force."""

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self.files: Final = tuple(path for path in files if path is not None)
        self._looked = files.look()
        self._material = load(files)

    @property
    def size(self) -> int:
        """How many certificates there are: the gate's own with its chain, and those that it trusts."""
        return sum(pem.count(_BEGIN) for pem in (self._material.certificate, self._material.client_ca or b""))

    @property
    def context(self) -> ssl.SSLContext:
        """What new connections are to be made with. Another one after each change: sessions do not outlive it."""
        return self._material.context

    @property
    def http_context(self) -> ssl.SSLContext:
        """What new connections to the metrics are to be made with, likewise."""
        return self._material.http_context

    def asyncio_context(self) -> ssl.SSLContext:
        """Make a context for a listener, which makes each connection with the one that is then in force."""
        return _Current(self)

    def refresh(self) -> bool:
        """Take what is new in the files; tell whether there was anything. Raises SettingsError, once per change."""
        looked = self._files.look()
        if looked == self._looked:
            return False
        self._looked = looked
        self._material = load(self._files)
        return True

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """Make credentials for one port of the library, which asks for changes at each connection."""
        given = self._material

        def changed() -> Any:
            nonlocal given
            if self._material is given:
                return None
            given = self._material
            return _configuration(given)

        return grpc.dynamic_ssl_server_credentials(
            _configuration(given), changed, require_client_authentication=given.client_ca is not None
        )


class _Current(ssl.SSLContext):
    """Stands in for whatever context is in force when a connection is made.

    A listener keeps its context for good, and to put another listener in its place loses connections: asyncio drops
    those that were accepted but not set up when it closes one.
    """

    def __new__(cls, tls: Tls) -> Self:
        made = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        made._tls = tls
        return made

    _tls: Tls

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """Begin a connection."""
        return self._tls.context.wrap_bio(*args, **kwargs)


def _configuration(material: Material) -> Any:
    return grpc.ssl_server_certificate_configuration([(material.key, material.certificate)], material.client_ca)


def auth_context(session: ssl.SSLObject | ssl.SSLSocket) -> Mapping[str, tuple[Any, ...]]:
    """Tell of a connection what grpc's auth_context tells: the names in the client's verified certificate."""
    told: dict[str, tuple[Any, ...]] = {"transport_security_type": (b"ssl",)}
    certificate: Any = session.getpeercert() or {}
    for kind, name in certificate.get("subjectAltName", ()):
        if kind in _SANS:
            for key in (_SANS[kind], "x509_subject_alternative_name"):
                told[key] = (*told.get(key, ()), name.encode())
    return told | {NAMES: names_in(told)}


def names_in(told: Mapping[str, Any]) -> tuple[str, ...]:
    """Write the names in an auth_context as the registry does. URIs come first: they are the more particular."""
    kinds = (("uri", "peer_uri"), ("dns", "peer_dns"))
    return tuple(f"{kind}:{name.decode('utf-8', 'replace')}" for kind, key in kinds for name in told.get(key, ()))
