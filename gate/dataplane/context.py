"""What a servicer sees of a call: the part of grpc.aio.ServicerContext that the gate's servicers use."""

import time
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import grpc

from gate.dataplane.heads import Head
from gate.dataplane.replies import Metadata


class Peer:
    """Who is at the other end of a connection, as far as the connection itself tells."""

    __slots__ = ("auth_context", "identities", "name")

    def __init__(
        self,
        name: str,
        auth_context: Mapping[str, Iterable[bytes]] | None = None,
        identities: Iterable[bytes] | None = None,
    ) -> None:
        self.name = name
        self.auth_context = auth_context or {}
        self.identities = identities


class AbortedError(Exception):
    """A servicer ended its call."""


class Who:
    """Who calls: all that a call needs that is answered at once, so that one serves all calls of a connection."""

    __slots__ = ("_peer", "head")

    def __init__(self, head: Head, peer: Peer) -> None:
        self.head = head
        self._peer = peer

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """Return what the client sent beside the request."""
        return self.head.metadata

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        """Return what is known of the client from the connection."""
        return self._peer.auth_context


class Context(Who):
    """One call's context."""

    __slots__ = ("_until", "ended", "trailing")

    def __init__(self, head: Head, peer: Peer) -> None:
        super().__init__(head, peer)
        self._until = None if head.timeout is None else time.monotonic() + head.timeout
        self.ended: tuple[grpc.StatusCode, str, Metadata] | None = None
        self.trailing: Metadata = ()

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Metadata = ()) -> NoReturn:
        """End the call with a status. Raises AbortedError, always."""
        self.ended = (code, details, trailing_metadata)
        raise AbortedError

    def set_trailing_metadata(self, metadata: Metadata) -> None:
        """Say what follows the answer."""
        self.trailing = metadata

    def time_remaining(self) -> float | None:
        """Return the seconds that the client waits, or None if it named no limit."""
        return None if self._until is None else max(0.0, self._until - time.monotonic())

    def peer(self) -> str:
        """Return the client's address."""
        return self._peer.name

    def peer_identities(self) -> Any:
        """Return the names in the client's certificate, if it gave one."""
        return self._peer.identities
