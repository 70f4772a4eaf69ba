"""Who calls, as far as the use cases are concerned: a name for the history, and the roles that open doors."""

from enum import StrEnum
from typing import Final, NamedTuple

from gate.errors import PermissionDeniedError


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

    def need(self, role: Role) -> None:
        """Go on only with a role. Raises PermissionDeniedError."""
        if role not in self.roles:
            raise PermissionDeniedError(role)


LOCAL: Final = Caller("local", frozenset(Role))
"""Whoever reaches the gate while it asks for no credentials: it listens on loopback and Unix sockets only."""
