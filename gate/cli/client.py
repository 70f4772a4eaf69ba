"""What every client command shares: its options, the connection, and how failures are told."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn, TypeVar

import grpc
import rich_click as click
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.console import Console

from gate.settings import LOCATION, TARGET

FAILED: Final = 1
DENIED: Final = 3
DEFAULT_TARGET: Final = "127.0.0.1:50051"

errors: Final = Console(stderr=True, highlight=False, soft_wrap=True)
console: Final = Console(highlight=False, soft_wrap=True)

Command = TypeVar("Command", bound=Callable[..., Any])

target_option: Final = click.option(
    "--target",
    envvar=TARGET,
    show_envvar=True,
    default=DEFAULT_TARGET,
    show_default=True,
    help="The gate's address: host:port or unix:PATH.",
)
location_option: Final = click.option(
    "--location",
    envvar=LOCATION,
    show_envvar=True,
    default="",
    metavar="ID",
    help="The tenant; empty means 'default'.",
)
json_option: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
timeout_option: Final = click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="Seconds to wait for each answer.",
)


@contextmanager
def connected(target: str) -> Iterator[grpc.Channel]:
    """Open a channel; a failing call ends the command with one line on stderr and exit code 1."""
    with grpc.insecure_channel(target) as channel:
        try:
            yield channel
        except grpc.RpcError as error:
            fail(f"{target}: {describe(error)}")


def describe(error: grpc.RpcError) -> str:
    """Tell in one line what a call failed with."""
    if not isinstance(error, grpc.Call):
        return str(error)
    return f"{error.code().name}: {error.details()}"


def fail(message: str) -> NoReturn:
    """End the command with one line on stderr."""
    errors.print(f"sendgate: {message}", markup=False)
    sys.exit(FAILED)


def print_json(value: Message | dict[str, Any]) -> None:
    """Print one JSON object on one line."""
    if isinstance(value, Message):
        value = MessageToDict(value, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    click.echo(json.dumps(value, ensure_ascii=False))


def short(enum_name: str, prefix: str) -> str:
    """Turn an enum value's name into words: CHANNEL_SMS to sms, DENY_REASON_DND_CHANNEL to dnd channel."""
    return enum_name.removeprefix(prefix).replace("_", " ").lower()
