"""The catalogue of the log: every line that the gate and its connectors write.

The fields of a line are what its text names, and no more; docs/operations/observability.md says what to do about each.
"""

from logging import DEBUG, ERROR, INFO, WARNING
from typing import Final, NamedTuple


class Line(NamedTuple):
    """A kind of line. `refusal` ones are limited in number: who is refused decides how often."""

    event: str
    level: int
    text: str
    refusal: bool = False


STARTING: Final = Line("starting", INFO, "sendgate {version} starts, data transport {transport}")
LISTENING: Final = Line("listening", INFO, "{plane} plane listens on {address}")
METRICS_LISTENING: Final = Line("metrics_listening", INFO, "metrics listen on {address}")
FILTER_READING: Final = Line("filter_reading", INFO, "filter: reading {suppressions:,} suppressions")
FILTER_PROGRESS: Final = Line("filter_progress", INFO, "filter: {done:,} {what} read")
FILTER_BUILT: Final = Line("filter_built", INFO, "filter: built in {seconds:.1f} s")
SERVING: Final = Line("serving", INFO, "serving {database} after {seconds:.1f} s")
DRAINING: Final = Line("draining", INFO, "draining: probes see NOT_SERVING, calls are served for {seconds:g} s more")
CLOSING: Final = Line("closing", INFO, "closing: calls in flight get {seconds:g} s")
STOPPED: Final = Line("stopped", INFO, "stopped")

WRITES_REFUSED: Final = Line("writes_refused", ERROR, "events are refused from now on: {problem}")
WRITES_ACCEPTED: Final = Line("writes_accepted", INFO, "events are taken again, after {seconds:.1f} s")
DAMAGED: Final = Line("database_damaged", ERROR, "{problem}")
RETENTION_RUN: Final = Line("retention_run", INFO, "retention: {events:,} events deleted from the log")
RETENTION_WAITS: Final = Line("retention_waits", WARNING, "retention: {doubt}; nothing is deleted for a day")
RETENTION_PUT_OFF: Final = Line("retention_put_off", WARNING, "retention: {problem}; trying again later")
RETENTION_FAILED: Final = Line("retention_failed", ERROR, "retention failed; trying again later")

RELOADED: Final = Line("reloaded", INFO, "{what}: taken anew, {count:,} of them; before {before:,}")
RELOAD_REFUSED: Final = Line("reload_refused", ERROR, "{what}: not taken, what was in force stays: {problem}")
RELOAD_FAILED: Final = Line("reload_failed", ERROR, "{what}: not taken, what was in force stays: {files}: {problem}")
NO_CREDENTIALS: Final = Line("no_credentials", WARNING, "{path}: no credential in it, so that nobody may call")

CONNECTION_FAULT: Final = Line(
    "connection_fault", WARNING, "a client at {peer} is hung up on: {code}: {why}", refusal=True
)
CONNECTION_REFUSED: Final = Line(
    "connection_refused", WARNING, "a client at {peer} may not connect: {why}", refusal=True
)
CALLS_SHED: Final = Line("calls_shed", WARNING, "{count:,} calls were refused, too much of: {kind}")
CALL_SHED: Final = Line("call_shed", WARNING, "{method} from {peer} is refused: {why}", refusal=True)
CALL_DENIED: Final = Line("call_denied", WARNING, "{method} from {peer} is refused: {why}", refusal=True)
CALL_FAILED: Final = Line("call_failed", ERROR, "{method} failed", refusal=True)
GROUP_FAILED: Final = Line("group_failed", ERROR, "a group of events failed; nothing of it was recorded", refusal=True)
TASK_FAILED: Final = Line("task_failed", ERROR, "something failed in the background", refusal=True)
LEFT_OUT: Final = Line("left_out", WARNING, "{count:,} more lines of {kind} in {seconds:.0f} s were left out")

WEBHOOKS_LISTENING: Final = Line("webhooks_listening", INFO, "webhooks listen on {address}, gate at {target}")
WEBHOOK_REFUSED: Final = Line("webhook_refused", WARNING, "{path}: {status}: {problem}", refusal=True)
EVENT_REFUSED: Final = Line("event_refused", WARNING, "{provider} event {event_id}: refused: {reason}", refusal=True)
EVENT_NOT_RECORDED: Final = Line(
    "event_not_recorded", WARNING, "{provider} event {event_id}: not recorded: {reason}", refusal=True
)
EVENT_RECORDED: Final = Line("event_recorded", DEBUG, "{provider} event {event_id}: {outcome}")

LINES: Final = tuple(each for each in list(globals().values()) if isinstance(each, Line))
