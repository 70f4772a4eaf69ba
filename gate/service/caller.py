"""Who calls, as far as the use cases are concerned: a name for the history, and what opens which doors where."""

from enum import StrEnum
from typing import Final, NamedTuple

from gate.errors import LocationDeniedError, PermissionDeniedError


class Role(StrEnum):
    """What a caller may do."""

    SENDER = "sender"
    CONNECTOR = "connector"
    USER = "user"
    SUPPORT = "support"
    ADMIN = "admin"


class Caller(NamedTuple):
    """An identity that was established by a credential, never by a request."""

    name: str
    roles: frozenset[Role]
    """With all others where it has ADMIN: see `caller_with`."""
    locations: frozenset[str] | None = None
    """Where the roles count; None means everywhere."""

    def sees(self, location_id: str) -> bool:
        """Tell whether a location is among the caller's."""
        return self.locations is None or location_id in self.locations

    def need(self, *roles: Role, at: str | None = None) -> None:
        """Go on only with one of the roles, and in a location that is the caller's.

        To be asked before anything is looked up: a refusal must say nothing of what there is.
        Raises PermissionDeniedError and LocationDeniedError.
        """
        if self.roles.isdisjoint(roles):
            raise PermissionDeniedError(" or ".join(roles))
        if at is not None and not self.sees(at):
            raise LocationDeniedError


def caller_with(name: str, roles: frozenset[Role], locations: frozenset[str] | None) -> Caller:
    """Make a caller: an admin has every role."""
    return Caller(name, frozenset(Role) if Role.ADMIN in roles else roles, locations)


LOCAL: Final = Caller("local", frozenset(Role))
"""Whoever reaches the gate while it asks for no credentials: it listens on loopback and Unix sockets only."""
