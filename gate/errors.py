"""Everything that the gate refuses or fails with; `gate.status` alone knows what gRPC makes of it."""

from collections.abc import Sequence
from enum import StrEnum


class Reason(StrEnum):
    """Why, for programs. The names are those of `ErrorReason` in error_reason.proto without its prefix."""

    FIELD_REQUIRED = "FIELD_REQUIRED"
    FIELD_TOO_LONG = "FIELD_TOO_LONG"
    ENUM_UNKNOWN = "ENUM_UNKNOWN"
    ADDRESS_INVALID = "ADDRESS_INVALID"
    TIME_INVALID = "TIME_INVALID"
    TOO_MANY_ITEMS = "TOO_MANY_ITEMS"
    EVENT_ID_REUSED = "EVENT_ID_REUSED"
    FIELD_INVALID = "FIELD_INVALID"
    NOT_FOUND = "NOT_FOUND"
    NOT_LIFTABLE_BY_USER = "NOT_LIFTABLE_BY_USER"
    REMEDIATION_REQUIRED = "REMEDIATION_REQUIRED"
    CHANNEL_NOT_CONNECTED = "CHANNEL_NOT_CONNECTED"
    ALREADY_DECIDED = "ALREADY_DECIDED"
    ROLE_REQUIRED = "ROLE_REQUIRED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    LOCATION_DENIED = "LOCATION_DENIED"
    NOT_READY = "NOT_READY"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    OVERLOADED = "OVERLOADED"
    INTERNAL = "INTERNAL"


class GateError(Exception):
    """A request that the gate refuses or cannot serve. The message says what is wrong and the way out."""

    reason = Reason.INTERNAL


class InvalidFieldError(GateError):
    """A field of a request is at fault; nothing of the request is in effect."""

    def __init__(self, reason: Reason, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.reason = reason
        self.field = field
        self.problem = problem

    def within(self, path: str) -> "InvalidFieldError":
        """Return the same error as seen from the message that holds the faulty one at `path`."""
        return InvalidFieldError(self.reason, f"{path}.{self.field}", self.problem)


class EventIdReusedError(InvalidFieldError):
    """An event with this id and other content was recorded before."""

    def __init__(self, event_id: str) -> None:
        super().__init__(
            Reason.EVENT_ID_REUSED,
            "event_id",
            f"{event_id!r} was recorded before with other content; give each event an id of its own",
        )


class UnauthenticatedError(GateError):
    """Nobody known calls. What is wrong with the credential is not told: it would help to guess one."""

    reason = Reason.UNAUTHENTICATED

    def __init__(self, why: str = "unknown") -> None:
        super().__init__(
            "no credential that the gate knows; send a token as metadata `authorization: Bearer TOKEN`, "
            "or call with a client certificate"
        )
        self.why = why
        """For the operator alone: `missing`, `unknown` or `expired`."""


class LocationDeniedError(GateError):
    """The caller's credential is for other locations. Said of every other location alike, whether there is one."""

    reason = Reason.LOCATION_DENIED

    def __init__(self, problem: str = "this credential is not for that location; call with one that is") -> None:
        super().__init__(problem)


class SaltsDeniedError(LocationDeniedError):
    """Salts of tombstones are the whole gate's, and the caller's credential is for some locations only."""

    def __init__(self) -> None:
        super().__init__(
            "here are tombstones of erased people, or their salts, which are the whole gate's; "
            "call with a credential for all locations",
        )


class PermissionDeniedError(GateError):
    """The caller's credential does not carry the role that this needs."""

    reason = Reason.ROLE_REQUIRED

    def __init__(self, role: str) -> None:
        super().__init__(f"this needs the role {role}; call with a credential that has it")


class PreconditionError(GateError):
    """What was asked for does not fit the state; nothing was changed."""

    def __init__(self, reason: Reason, message: str, obstacles: Sequence[tuple[str, str, str]] = ()) -> None:
        super().__init__(message)
        self.reason = reason
        self.obstacles = obstacles
        """Each as type, subject and way out, as in google.rpc.PreconditionFailure."""


class NotFoundError(GateError):
    """There is nothing of the id that was given."""

    reason = Reason.NOT_FOUND


class NotReadyError(GateError):
    """The gate is starting or stopping and cannot decide yet or any more."""

    reason = Reason.NOT_READY

    def __init__(self) -> None:
        super().__init__("the gate is starting or stopping; retry with back-off and do not send meanwhile")


class StoreUnavailableError(GateError):
    """The store failed to read or to write. What was not acknowledged is not in effect."""

    reason = Reason.STORE_UNAVAILABLE


class OverloadedError(GateError):
    """There is too much of something; `kind` names it."""

    reason = Reason.OVERLOADED
    kind: str


class QueueFullError(OverloadedError):
    """More waits to be recorded than the gate keeps in memory. Checks never wait, and are never refused for this."""

    kind = "queue"

    def __init__(self) -> None:
        super().__init__("too many events wait to be recorded; nothing was recorded, record the event again later")


class TooManyCallsError(OverloadedError):
    """More calls are open than the gate keeps in memory."""

    kind = "calls"

    def __init__(self) -> None:
        super().__init__("too many calls are open; nothing was done, call again later, or keep fewer open")


class UnreadableError(Exception):
    """A message of a stream is not what the method takes. No GateError: it is said before anybody decides anything."""


class StartError(Exception):
    """The gate cannot start. The message is one line for the operator."""


class SettingsError(StartError):
    """A setting is unknown or has a value that it cannot have."""
