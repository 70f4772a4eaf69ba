"""Why a webhook was not recorded. Messages go to the provider: no body, secret or address may stand in them."""


class MalformedError(Exception):
    """A request that can never become an event, however often it is sent."""


class RefusedError(Exception):
    """The gate will never take this event."""


class UnavailableError(Exception):
    """The gate cannot take events now. Sent again later, this one may be recorded."""
