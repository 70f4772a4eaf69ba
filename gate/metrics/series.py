"""The catalogue of the metrics. docs/operations/observability.md says of each what to do about it.

Labels have few values, all known beforehand: nobody's location, contact or address is among them.
"""

from typing import Any, Final, NamedTuple

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

GAUGE: Final = "gauge"
COUNTER: Final = "counter"
HISTOGRAM: Final = "histogram"

_FAMILIES: Final = {GAUGE: GaugeMetricFamily, COUNTER: CounterMetricFamily, HISTOGRAM: HistogramMetricFamily}


class Series(NamedTuple):
    """One metric: `name` is without the prefix, and as it stands in a query."""

    name: str
    kind: str
    about: str
    labels: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """Return the name with its prefix."""
        return f"sendgate_{self.name}"

    def family(self) -> Any:
        """Make an empty family for one scrape."""
        return _FAMILIES[self.kind](self.full_name, self.about, labels=self.labels)


BUILD_INFO: Final = Series("build_info", GAUGE, "Always 1; what runs here.", ("version", "transport"))
SERVING: Final = Series("serving", GAUGE, "Whether health probes are told that checks are answered.")
WRITES_DURABLE: Final = Series("writes_durable", GAUGE, "Whether health probes are told that events become durable.")

CONNECTIONS: Final = Series("connections", GAUGE, "Connections that are open.", ("plane", "address_kind"))
CONNECTIONS_ACCEPTED: Final = Series(
    "connections_accepted_total", COUNTER, "Connections that came; native transport only.", ("plane", "address_kind")
)
CONNECTION_FAULTS: Final = Series(
    "connection_faults_total",
    COUNTER,
    "Clients that were hung up on with GOAWAY, by HTTP/2 error code; native transport only.",
    ("plane", "code"),
)
STREAMS: Final = Series("streams", GAUGE, "Calls that are not over.", ("plane",))
CALLS: Final = Series("calls_total", COUNTER, "Calls that are over, whatever they came to.", ("plane",))
CALLS_SHED: Final = Series(
    "calls_shed_total",
    COUNTER,
    "Calls refused because there was too much of something.",
    ("kind",),
)
CALLS_REFUSED: Final = Series("calls_refused_total", COUNTER, "Calls ended with an error of the gate.", ("reason",))
AUTHENTICATION_FAILURES: Final = Series(
    "authentication_failures_total",
    COUNTER,
    "Calls, and connections to Unix sockets, refused because of who called.",
    ("kind",),
)

CHECKS: Final = Series("checks_total", COUNTER, "Checks answered, each of a batch by itself.", ("outcome", "reason"))
CHECK_SOURCES: Final = Series("check_sources_total", COUNTER, "Checks by what answered them.", ("source",))
FILTER_FALSE_POSITIVES: Final = Series(
    "filter_false_positives_total", COUNTER, 'Checks for which the filter said "perhaps" where nothing was.'
)
CACHE_HITS: Final = Series("cache_hits_total", COUNTER, "Decisions and states that checks found in memory.")
CACHE_MISSES: Final = Series("cache_misses_total", COUNTER, "States that had to be read from the database.")
CACHE_ENTRIES: Final = Series("cache_entries", GAUGE, "Contacts and addresses in memory.")

QUEUE: Final = Series("queue_events", GAUGE, "Events and acts that wait for a commit.")
EVENTS: Final = Series("events_total", COUNTER, "Events that were taken, by what they came to.", ("outcome",))
COMMIT_EVENTS: Final = Series("commit_events", HISTOGRAM, "Log entries in each commit.")
COMMIT_SECONDS: Final = Series("commit_duration_seconds", HISTOGRAM, "How long each commit took.")
DATABASE_BYTES: Final = Series("database_bytes", GAUGE, "Size of the database's files.", ("file",))

LOOP_LAG: Final = Series(
    "event_loop_lag_seconds", HISTOGRAM, "By how much the event loop was late, four times a second."
)
LOOP_LAG_LAST: Final = Series("event_loop_lag_last_seconds", GAUGE, "The last of those.")

SERIES: Final = tuple(each for each in list(globals().values()) if isinstance(each, Series))
