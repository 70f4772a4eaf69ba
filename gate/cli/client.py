"""What every client command shares: its options, the connection, and how failures are told."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn, Protocol, TypeVar

import grpc
import rich_click as click
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import PreconditionFailure
from google.rpc.status_pb2 import Status
from rich.console import Console
from sendgate.v1 import send_gate_pb2 as pb

from gate.cli.access import access, with_access
from gate.errors import SettingsError
from gate.identity.client import Bearer
from gate.settings import CONTROL_TARGET, LOCATION, TARGET
from gate.status import DETAILS_KEY

FAILED: Final = 1
DENIED: Final = 3
DEFAULT_TARGET: Final = "127.0.0.1:50051"
DEFAULT_CONTROL_TARGET: Final = "127.0.0.1:50052"

_PAGE: Final = 1000
_KEEPALIVE: Final = (("grpc.keepalive_time_ms", 20_000), ("grpc.keepalive_timeout_ms", 20_000))
"""Notices a gate that is gone while a stream without a deadline waits for it."""

errors: Final = Console(stderr=True, highlight=False, soft_wrap=True)
console: Final = Console(highlight=False, soft_wrap=True)

Command = TypeVar("Command", bound=Callable[..., Any])


class Group(click.RichGroup):
    """Lists its commands in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands."""
        del ctx
        return list(self.commands)


def short(enum_name: str, prefix: str) -> str:
    """Turn an enum value's name into words: CHANNEL_SMS to sms, DENY_REASON_DND_CHANNEL to dnd channel."""
    return enum_name.removeprefix(prefix).replace("_", " ").lower()


CHANNELS: Final = {short(name, "CHANNEL_"): number for name, number in pb.Channel.items() if number}
"""The channels by their names on the command line."""

channel_choice: Final = click.Choice(list(CHANNELS), case_sensitive=False)

_target_option: Final = click.option(
    "--target",
    envvar=TARGET,
    show_envvar=True,
    default=DEFAULT_TARGET,
    show_default=True,
    help="The gate's address: host:port or unix:PATH.",
)
_control_target_option: Final = click.option(
    "--target",
    envvar=CONTROL_TARGET,
    show_envvar=True,
    default=DEFAULT_CONTROL_TARGET,
    show_default=True,
    help="The address of the gate's control plane: host:port or unix:PATH.",
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
limit_option: Final = click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many, the newest."
)
all_option: Final = click.option("--all", "everything", is_flag=True, help="All there are, however many.")


def target_option(command: Command) -> Command:
    """Give a command of the data plane --target and what proves who calls."""
    return _target_option(with_access(command))


def control_target_option(command: Command) -> Command:
    """Give a command of the control plane --target and what proves who calls."""
    return _control_target_option(with_access(command))


def control_options(command: Command) -> Command:
    """Give a command of the control plane --target, --timeout and --json."""
    return control_target_option(timeout_option(json_option(command)))


@contextmanager
def connected(target: str, *, lasting: bool = False) -> Iterator[grpc.Channel]:
    """Open a channel; a failing call ends the command with exit code 1 and is told on stderr.

    `lasting` is for streams that have no deadline.
    """
    given = access()
    try:
        credentials, metadata = given.credentials(target), given.metadata(target)
    except SettingsError as error:
        fail(str(error))
    options = [*given.options(target), *(_KEEPALIVE if lasting else ())]
    with (
        grpc.insecure_channel(target, options)
        if credentials is None
        else grpc.secure_channel(target, credentials, options)
    ) as channel:
        try:
            yield grpc.intercept_channel(channel, Bearer(metadata)) if metadata else channel
        except grpc.RpcError as error:
            fail(f"{target}: {describe(error)}", *obstacles(error))


def describe(error: grpc.RpcError) -> str:
    """Tell in one line what a call failed with."""
    if not isinstance(error, grpc.Call):
        return str(error)
    return f"{error.code().name}: {error.details()}"


def obstacles(error: grpc.RpcError) -> list[str]:
    """Tell what stands in the way of a change, each in one line with its way out; nothing for other errors."""
    if not isinstance(error, grpc.Call):
        return []
    packed = dict(error.trailing_metadata() or ()).get(DETAILS_KEY, b"")
    failure = PreconditionFailure()
    return [
        f"{short(each.type, 'CAUSE_')} ({each.subject}): {each.description}"
        for detail in Status.FromString(packed).details
        if detail.Unpack(failure)
        for each in failure.violations
    ]


def fail(message: str, *more: str) -> NoReturn:
    """End the command with one line on stderr, and what belongs to it indented on lines of its own."""
    errors.print(f"sendgate: {message}", markup=False)
    for each in more:
        errors.print(f"  {each}", markup=False)
    sys.exit(FAILED)


class Page(Protocol):
    """One page of a list, whatever it lists."""

    @property
    def next_page_token(self) -> str:
        """What the next page is asked for with; empty on the last one."""


PageT = TypeVar("PageT", bound=Page)


def pages(call: Callable[..., PageT], request: Any, entries: str, limit: int | None, timeout: float) -> Iterator[PageT]:
    """Ask for one page after the other, for at most `limit` in total of what the field `entries` holds, or for all.

    Where the limit cuts the list off, that is told on stderr.
    """
    left = limit
    while left is None or left > 0:
        request.page_size = _PAGE if left is None else min(left, _PAGE)
        page = call(request, timeout=timeout)
        yield page
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token
        left = None if left is None else left - len(getattr(page, entries))
    errors.print("there is more: ask with a higher --limit, or with --all")


def print_json(value: Message | dict[str, Any]) -> None:
    """Print one JSON object on one line."""
    if isinstance(value, Message):
        value = MessageToDict(value, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    click.echo(json.dumps(value, ensure_ascii=False))
