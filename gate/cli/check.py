"""`sendgate check`: may this be sent?"""

import sys

import rich_click as click
from sendgate.v1 import send_gate_pb2 as pb
from sendgate.v1 import send_gate_pb2_grpc as rpc

from gate.cli.client import (
    CHANNELS,
    DENIED,
    channel_choice,
    connected,
    console,
    json_option,
    location_option,
    print_json,
    short,
    target_option,
    timeout_option,
)
from gate.cli.tables import suppression_table


@click.command()
@click.option("--contact", default="", metavar="ID", help="The person.")
@click.option("--channel", required=True, type=channel_choice, help="The channel.")
@click.option("--address", default="", help="Where the message would go: a phone number, an email address, a user id.")
@location_option
@target_option
@timeout_option
@json_option
def check(
    contact: str, channel: str, address: str, location: str, target: str, timeout: float, *, as_json: bool
) -> None:
    """Ask whether a contact, an address, or a contact at an address may be written to now.

    For instance: `sendgate check --contact c1 --channel sms`

    Exit code 0: allowed. 3: denied, with the reasons. 1: the gate could not decide, so do not send.
    """
    if not contact and not address:
        raise click.UsageError("name --contact, --address, or both")
    request = pb.CheckSendRequest(
        location_id=location,
        contact_id=contact,
        channel=CHANNELS[channel],
        address=address,
    )
    with connected(target) as connection:
        response = rpc.SendGateServiceStub(connection).CheckSend(request, timeout=timeout)
    if as_json:
        print_json(response)
    else:
        _print(response)
    sys.exit(0 if response.allowed else DENIED)


def _print(response: pb.CheckSendResponse) -> None:
    if response.allowed:
        console.print("[green]allowed[/green]")
        return
    reason = short(pb.DenyReason.Name(response.deny_reason), "DENY_REASON_")
    console.print(f"[red]denied[/red]: {reason}")
    if response.suppressions:
        console.print(suppression_table(response.suppressions))
