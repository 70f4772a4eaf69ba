"""Who calls: established by a token or by the connection's certificate, never by a request."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from gate.errors import UnauthenticatedError
from gate.identity import denials
from gate.identity.live import LiveRegistry
from gate.identity.registry import Known, Registry
from gate.identity.tls import NAMES, names_in
from gate.service.caller import LOCAL, Caller
from gate.status import Context

Identify = Callable[[Context], Caller]
"""Tells who calls. Raises UnauthenticatedError."""

_AUTHORIZATION: Final = "authorization"
_SCHEME: Final = "bearer "
_REMEMBERED: Final = 4_096


def anybody(context: Context) -> Caller:
    """Take everybody for the local user: the gate asks for no credentials, so whoever reaches it may do everything."""
    del context
    return LOCAL


class Identity:
    """Tells callers by their credentials. `clock` gives seconds since 1970.

    A token, if there is one, decides; without one, the client certificate does. What a header or a certificate came
    to is remembered with the registry that it was found in, so that a call costs no hash.
    """

    def __init__(self, registry: LiveRegistry, clock: Callable[[], float] = time.time) -> None:
        self._source: Final = registry
        self._clock: Final = clock

    def __call__(self, context: Context) -> Caller:
        """Tell who calls. Raises UnauthenticatedError."""
        return self.known(context).caller

    def known(self, context: Context) -> Known:
        """Tell who calls, and what was worked out of that before. Raises UnauthenticatedError."""
        registry = self._source.now
        for name, value in context.invocation_metadata() or ():
            if name == _AUTHORIZATION:
                known = registry.shown.get(value) or _by_token(registry, value)
                unproven = denials.UNKNOWN
                break
        else:
            known = _by_certificate(registry, context)
            unproven = denials.MISSING
        if known is None or known[1] <= self._clock():
            raise UnauthenticatedError(unproven if known is None else denials.EXPIRED)
        return known


def _by_token(registry: Registry, header: str | bytes) -> Known | None:
    text = header if isinstance(header, str) else header.decode("latin-1")
    if text[: len(_SCHEME)].lower() != _SCHEME:
        return None
    return _remembered(registry, header, registry.by_token(text[len(_SCHEME) :].strip()))


def _by_certificate(registry: Registry, context: Context) -> Known | None:
    told: Mapping[str, Any] = context.auth_context()
    names = told.get(NAMES) or names_in(told)
    return registry.shown.get(names) or _remembered(registry, names, registry.by_names(names))


def _remembered(registry: Registry, key: object, found: Known | None) -> Known | None:
    """Keep what was found; what is unknown is not kept, or anybody could fill the memory."""
    if found is not None:
        if len(registry.shown) >= _REMEMBERED:
            registry.shown.clear()
        registry.shown[key] = found
    return found
