"""Tables for people. Long values fold and are never cut off; what others wrote is shown, not interpreted."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from rich.table import Column, Table
from rich.text import Text
from sendgate.v1 import channel_pb2
from sendgate.v1 import send_gate_pb2 as pb

from gate.cli.client import short

_JOINER = "\u200d"
"""Holds emoji together; harmless, though not counted as printable."""


def table(*titles: str, **options: bool) -> Table:
    """Make an empty table."""
    return Table(*(Column(title, overflow="fold") for title in titles), **options)  # type: ignore[arg-type]


def add(to: Table, *cells: str) -> None:
    """Add a row. A terminal's control characters in it are spelled out, and brackets are no markup."""
    to.add_row(*(Text(printable(cell)) for cell in cells))


def printable(text: str) -> str:
    """Spell out what would steer a terminal instead of being seen on it."""
    return "".join(
        each if each.isprintable() or each in {_JOINER, "\n"} else each.encode("unicode_escape").decode()
        for each in text
    )


def utc(time: Timestamp) -> str:
    """Write a time to the second; a missing one is empty."""
    return f"{datetime.fromtimestamp(time.seconds, UTC):%Y-%m-%d %H:%M:%S}" if time.ByteSize() else ""


def channel_name(channel: pb.Channel.ValueType, *, all_channels: bool = False) -> str:
    """Name a channel, or all of them."""
    return "all channels" if all_channels else short(pb.Channel.Name(channel), "CHANNEL_")


def connection_name(connection: channel_pb2.Connection.ValueType) -> str:
    """Name the state of an integration."""
    return short(channel_pb2.Connection.Name(connection), "CONNECTION_")


def suppression_table(suppressions: Iterable[pb.Suppression]) -> Table:
    """Lay out suppressions."""
    laid_out = table("channel", "cause", "permanence", "lifted by", "since (UTC)", "on", "code", "event")
    for each in suppressions:
        add(
            laid_out,
            channel_name(each.channel, all_channels=each.all_channels),
            short(pb.Cause.Name(each.cause), "CAUSE_"),
            short(pb.Permanence.Name(each.permanence), "PERMANENCE_"),
            ", ".join(short(pb.Remover.Name(remover), "REMOVER_") for remover in each.removers),
            utc(each.set_time),
            each.address or "the contact",
            each.provider_code,
            each.event_id,
        )
    return laid_out


def suppression_words(suppressions: Iterable[pb.Suppression]) -> str:
    """Name suppressions by channel and cause, each in a line of one cell."""
    return "\n".join(
        f"{channel_name(each.channel, all_channels=each.all_channels)}: {short(pb.Cause.Name(each.cause), 'CAUSE_')}"
        for each in suppressions
    )


def detail_words(detail: str) -> str:
    """Write the JSON object that came with an entry of the history as words, without what it leaves empty."""
    told = json.loads(detail or "{}")
    return ", ".join(
        f"{name.replace('_', ' ')}: {_value(name, value)}"
        for name, value in told.items()
        if value not in ("", [], None)
    )


def _value(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(map(str, value))
    if name.endswith("_time"):
        time = Timestamp()
        time.FromNanoseconds(value)
        return utc(time)
    return str(value)
