"""How a client proves who it is: TLS and a token. A token never goes over a network in the clear."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import grpc

from gate.errors import SettingsError
from gate.identity.files import read, read_secret
from gate.settings import UNIX, loopback

SYSTEM: Final = "system"
"""In place of a CA file: the authorities that the library trusts."""

Metadata = tuple[tuple[str, str], ...]

_LOCAL_SCHEMES: Final = (UNIX, "unix-abstract:")
_NO_PROXY: Final = (("grpc.enable_http_proxy", 0),)
"""Or what the environment names as a proxy gets to see what is meant for this machine."""


class Access(NamedTuple):
    """What a client was given to call a gate with."""

    token: str = ""
    token_file: Path | None = None
    ca: str = ""
    certificate: Path | None = None
    key: Path | None = None

    def metadata(self, target: str) -> Metadata:
        """Return what to send with each call; the token's file is read anew. Raises SettingsError."""
        token = self.token or (read_secret(self.token_file).decode("ascii", "replace") if self.token_file else "")
        token = token.strip()
        if not token:
            return ()
        if not self.ca and not local(target):
            raise SettingsError(f"{target}: a token must not go there in the clear; name --ca, or use a local address")
        if not token.isascii() or not token.isprintable():
            raise SettingsError("the token is none: it has characters that a token has not")
        return (("authorization", f"Bearer {token}"),)

    def options(self, target: str) -> tuple[tuple[str, Any], ...]:
        """Return what a channel to a gate needs."""
        return _NO_PROXY if local(target) else ()

    def credentials(self, target: str) -> grpc.ChannelCredentials | None:
        """Return the channel's credentials; None for plaintext, which Unix sockets always speak.

        Raises SettingsError.
        """
        if (self.certificate is None) != (self.key is None):
            raise SettingsError("a client certificate takes --client-cert and --client-key")
        if not self.ca:
            if self.certificate is not None:
                raise SettingsError("a client certificate takes TLS: name --ca, a file or system")
            return None
        if target.startswith(_LOCAL_SCHEMES):
            return None
        root = None if self.ca == SYSTEM else read(Path(self.ca))
        if self.certificate is None or self.key is None:
            return grpc.ssl_channel_credentials(root)
        return grpc.ssl_channel_credentials(root, read_secret(self.key), read(self.certificate))


def local(target: str) -> bool:
    """Tell whether a target is surely on this machine."""
    if target.startswith(_LOCAL_SCHEMES):
        return True
    host = target.removeprefix("dns:///").removeprefix("ipv4:").removeprefix("ipv6:").rpartition(":")[0]
    return "," not in target and loopback(host.strip("[]"))


class _Details(NamedTuple):
    method: str
    timeout: float | None
    metadata: Sequence[tuple[str, str]]
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class Bearer(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor, grpc.StreamUnaryClientInterceptor):
    """Sends metadata with each call of a channel."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        """Add the metadata."""
        return continuation(self._with(client_call_details), request)

    intercept_unary_stream = intercept_unary_unary

    def intercept_stream_unary(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        """Add the metadata."""
        return continuation(self._with(client_call_details), request_iterator)

    def _with(self, details: Any) -> _Details:
        return _Details(
            details.method,
            details.timeout,
            (*(details.metadata or ()), *self._metadata),
            details.credentials,
            getattr(details, "wait_for_ready", None),
            getattr(details, "compression", None),
        )
