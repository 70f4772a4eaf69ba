"""`sendgate contact`: the contact record, for people."""

from collections.abc import Sequence

import grpc
import rich_click as click
from sendgate.v1 import contact_pb2 as pb
from sendgate.v1 import contact_pb2_grpc as rpc
from sendgate.v1 import send_gate_pb2

from gate.cli.client import (
    CHANNELS,
    Group,
    all_option,
    channel_choice,
    connected,
    console,
    control_options,
    describe,
    fail,
    limit_option,
    location_option,
    obstacles,
    pages,
    print_json,
    short,
)
from gate.cli.tables import (
    add,
    channel_name,
    connection_name,
    detail_words,
    printable,
    suppression_table,
    suppression_words,
    table,
    utc,
)

Record = pb.GetContactResponse | pb.SetDndResponse | pb.LinkAddressResponse | pb.UnlinkAddressResponse

_SETTINGS = {"on": pb.DND_SETTING_ON, "off": pb.DND_SETTING_OFF}


@click.group(cls=Group)
def contact() -> None:
    """See and change what a contact may be sent.

    Start with `sendgate contact show c1`: it tells on which channels the contact is in DND, why, and who may lift it.
    """


@contact.command()
@click.argument("contact")
@location_option
@control_options
def show(contact: str, location: str, target: str, timeout: float, *, as_json: bool) -> None:
    """Show a contact's record: all channels at once, each channel, what suppresses them, and the addresses in use.

    For instance: `sendgate contact show c1 --location acme-dental`

    Exit code 0: shown, also where nothing is known of the contact. 1: failed.
    """
    with connected(target) as connection:
        request = pb.GetContactRequest(location_id=location, contact_id=contact)
        response = rpc.ContactServiceStub(connection).GetContact(request, timeout=timeout)
    _print(response, as_json=as_json)


@contact.command()
@click.argument("setting", metavar="on|off", type=click.Choice(list(_SETTINGS), case_sensitive=False))
@click.argument("contact")
@click.option("--all", "all_channels", is_flag=True, help="All channels at once. Each keeps its own DND beside it.")
@click.option("--channel", "channels", multiple=True, type=channel_choice, help="One channel; may be repeated.")
@click.option("--note", default="", help="Why, for the history.")
@click.option("--suppression-cleared", is_flag=True, help="The address was taken off the provider's suppression list.")
@click.option("--address-validated", is_flag=True, help="The address was validated after that.")
@location_option
@control_options
def dnd(
    setting: str,
    contact: str,
    channels: tuple[str, ...],
    note: str,
    location: str,
    target: str,
    timeout: float,
    *,
    all_channels: bool,
    suppression_cleared: bool,
    address_validated: bool,
    as_json: bool,
) -> None:
    """Switch DND on or off for a contact, on some channels or on all at once, in full or not at all.

    For instance, nothing at all any more: `sendgate contact dnd on c1 --all --note "asked by phone"`

    Email again after a bounce, once both steps are done:
    `sendgate contact dnd off c1 --channel email --suppression-cleared --address-validated`

    What a user may not lift is named on stderr, each cause with its way out, and nothing is changed. All channels at
    once are a switch of their own: where DND goes on for another reason, that is told.

    Exit code 0: switched. 1: failed, or not the user's to lift.
    """
    if all_channels == bool(channels):
        raise click.UsageError("name either --all or one --channel or more")
    request = pb.SetDndRequest(
        location_id=location,
        contact_id=contact,
        all_channels=all_channels,
        channels=[CHANNELS[each] for each in channels],
        setting=_SETTINGS[setting],
        note=note,
        remediation=pb.Remediation(suppression_cleared=suppression_cleared, address_validated=address_validated),
    )
    with connected(target) as connection:
        try:
            response = rpc.ContactServiceStub(connection).SetDnd(request, timeout=timeout)
        except grpc.RpcError as error:
            told = obstacles(error)
            if told and all("in remediation" in each for each in told):
                options = "once both are done, say so: --suppression-cleared --address-validated"
                fail(f"{target}: {describe(error)}", *told, options)
            raise
    _print(response, as_json=as_json)
    if setting == "off" and not as_json:
        _print_remaining(response.contact, request.channels)


@contact.command()
@click.argument("contact")
@click.argument("address")
@location_option
@control_options
def link(contact: str, address: str, location: str, target: str, timeout: float, *, as_json: bool) -> None:
    """Tell the gate that a contact uses an address: what suppresses the address then counts for the contact.

    For instance: `sendgate contact link c1 +12025550101`

    Exit code 0: linked. 1: failed.
    """
    with connected(target) as connection:
        request = pb.LinkAddressRequest(location_id=location, contact_id=contact, address=address)
        response = rpc.ContactServiceStub(connection).LinkAddress(request, timeout=timeout)
    _print(response, as_json=as_json)


@contact.command()
@click.argument("contact")
@click.argument("address")
@location_option
@control_options
def unlink(contact: str, address: str, location: str, target: str, timeout: float, *, as_json: bool) -> None:
    """Tell the gate that a contact no longer uses an address.

    A landline or a bounce stays behind with the address; an opt-out stays with the person.
    For instance: `sendgate contact unlink c1 jane@example.com`

    Exit code 0: unlinked, also where they were not linked. 1: failed.
    """
    with connected(target) as connection:
        request = pb.UnlinkAddressRequest(location_id=location, contact_id=contact, address=address)
        response = rpc.ContactServiceStub(connection).UnlinkAddress(request, timeout=timeout)
    _print(response, as_json=as_json)


@contact.command()
@click.argument("contact")
@limit_option
@all_option
@location_option
@control_options
def history(
    contact: str, limit: int, location: str, target: str, timeout: float, *, everything: bool, as_json: bool
) -> None:
    """Tell what happened to a contact and to the addresses that it uses, what was recorded last first.

    For instance: `sendgate contact history c1 --limit 10`; with --json one entry a line:
    `sendgate contact history c1 --all --json`

    Exit code 0: told, also where there is nothing. 1: failed.
    """
    request = pb.ListHistoryRequest(location_id=location, contact_id=contact)
    with connected(target) as connection:
        call = rpc.ContactServiceStub(connection).ListHistory
        for page in pages(call, request, "entries", None if everything else limit, timeout):
            if not as_json:
                _print_history(page)
                continue
            for entry in page.entries:
                print_json(entry)


@contact.command()
@click.argument("contact")
@click.option("--yes", is_flag=True, help="Do not ask.")
@location_option
@control_options
def erase(contact: str, location: str, target: str, timeout: float, *, yes: bool, as_json: bool) -> None:
    """Remove what identifies a contact: message bodies, links, rows. It cannot be undone.

    Who did not want messages still gets none: that much survives under salted hashes.
    For instance: `sendgate contact erase c1 --yes`

    Exit code 0: erased. 1: failed, or not confirmed.
    """
    if not yes:
        where = printable(location or "default")
        click.confirm(f"Erase contact {printable(contact)} of location {where} for good?", abort=True, err=True)
    with connected(target) as connection:
        request = pb.EraseContactRequest(location_id=location, contact_id=contact)
        response = rpc.ContactServiceStub(connection).EraseContact(request, timeout=timeout)
    if as_json:
        print_json(response)
    else:
        console.print(f"erased: the content of {response.entries:,} history entries, {response.links:,} links")


def _print(response: Record, *, as_json: bool) -> None:
    if as_json:
        print_json(response)
        return
    record = response.contact
    boxes = table("channel", "connection", "DND")
    add(boxes, "all channels", "", send_gate_pb2.DndStatus.Name(record.status).removeprefix("DND_STATUS_"))
    boxes.add_section()
    for each in record.channels:
        add(boxes, channel_name(each.channel), connection_name(each.connection), "on" if each.dnd else "off")
    console.print(boxes)
    suppressions = [*record.suppressions, *(row for each in record.channels for row in each.suppressions)]
    if suppressions:
        console.print(suppression_table(suppressions))
    addresses = "\n".join(f"  {printable(each)}" for each in record.addresses)
    console.print(f"addresses in use:\n{addresses}" if addresses else "addresses in use: none known", markup=False)


def _print_remaining(record: pb.Contact, switched: Sequence[send_gate_pb2.Channel.ValueType]) -> None:
    remaining = [channel_name(each.channel) for each in record.channels if each.dnd]
    if switched:
        remaining = [each for each in remaining if each in {channel_name(channel) for channel in switched}]
    if remaining:
        why = "for all channels at once" if record.suppressions else "each by itself"
        console.print(f"still in DND, {why}: {', '.join(remaining)}")


def _print_history(page: pb.ListHistoryResponse) -> None:
    if not page.entries:
        console.print("nothing is known")
        return
    listing = table("happened (UTC)", "what", "by", "address", "set", "lifted", "event", "detail")
    for each in page.entries:
        add(
            listing,
            utc(each.occur_time),
            short(each.kind, ""),
            each.actor,
            each.address,
            suppression_words(each.set),
            suppression_words(each.lifted),
            each.event_id,
            detail_words(each.detail),
        )
    console.print(listing)
