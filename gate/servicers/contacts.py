"""ContactService: the contact record."""

import asyncio
from collections.abc import AsyncIterator, Callable

from sendgate.v1 import contact_pb2 as pb
from sendgate.v1 import contact_pb2_grpc as rpc

from gate.errors import InvalidFieldError
from gate.service.contacts import Contacts
from gate.service.transfer import Imported, Transfer
from gate.servicers.identity import caller
from gate.status import Context, answering, end, status
from gate.wire import contacts as wire
from gate.wire import transfer
from gate.wire.address import AddressReader
from gate.wire.fields import at_most, location


class ContactServicer(rpc.ContactServiceServicer):
    """Serves location users, agencies and support."""

    def __init__(
        self, contacts: Contacts, transfer: Transfer, read_address: AddressReader, clock: Callable[[], int]
    ) -> None:
        self._contacts = contacts
        self._transfer = transfer
        self._read_address = read_address
        self._clock = clock

    @answering
    async def GetContact(self, request: pb.GetContactRequest, context: Context) -> pb.GetContactResponse:
        """Return a contact's record."""
        name = wire.contact_name(request.location_id, request.contact_id)
        return pb.GetContactResponse(contact=wire.contact(self._contacts.get(*name)))

    @answering
    async def SetDnd(self, request: pb.SetDndRequest, context: Context) -> pb.SetDndResponse:
        """Switch DND on or off, in full or not at all."""
        record = await self._contacts.set_dnd(wire.dnd_change(request), caller(context))
        return pb.SetDndResponse(contact=wire.contact(record))

    @answering
    async def LinkAddress(self, request: pb.LinkAddressRequest, context: Context) -> pb.LinkAddressResponse:
        """Say that a contact uses an address."""
        name = wire.contact_name(request.location_id, request.contact_id)
        address = wire.named_address(request.address, self._read_address)
        return pb.LinkAddressResponse(contact=wire.contact(await self._contacts.link(*name, address, caller(context))))

    @answering
    async def UnlinkAddress(self, request: pb.UnlinkAddressRequest, context: Context) -> pb.UnlinkAddressResponse:
        """Say that a contact no longer uses an address."""
        name = wire.contact_name(request.location_id, request.contact_id)
        known = self._contacts.get(*name).addresses
        # As the record shows it, if it does: its form alone does not tell a channel's own user id from a number.
        address = (
            request.address if request.address in known else wire.named_address(request.address, self._read_address)
        )
        record = await self._contacts.unlink(*name, address, caller(context))
        return pb.UnlinkAddressResponse(contact=wire.contact(record))

    @answering
    async def ListHistory(self, request: pb.ListHistoryRequest, context: Context) -> pb.ListHistoryResponse:
        """Return one page of what happened to a contact."""
        name = wire.contact_name(request.location_id, request.contact_id)
        before, size = wire.page(request.page_size, request.page_token)
        entries = self._contacts.history(*name, before, size + 1)
        return pb.ListHistoryResponse(
            entries=map(wire.history_entry, entries[:size]),
            next_page_token=str(entries[size - 1].seq) if len(entries) > size else "",
        )

    @answering
    async def EraseContact(self, request: pb.EraseContactRequest, context: Context) -> pb.EraseContactResponse:
        """Remove what identifies a person."""
        name = wire.contact_name(request.location_id, request.contact_id)
        entries, links = await self._contacts.erase(*name, caller(context))
        return pb.EraseContactResponse(entries=entries, links=links)

    @answering
    async def ImportContacts(
        self, requests: AsyncIterator[pb.ImportContactsRequest], context: Context
    ) -> pb.ImportContactsResponse:
        """Import as the entries come; each request is one commit, and the next is read meanwhile."""
        response = pb.ImportContactsResponse()
        by = caller(context)
        taking: asyncio.Task[int] | None = None
        async for request in requests:
            at_most("entries", request.entries, transfer.ENTRIES)
            entries = self._imported(request, response)
            response.imported += await taking if taking else 0
            taking = asyncio.create_task(self._transfer.take(entries, by))
        response.imported += await taking if taking else 0
        return response

    def _imported(self, request: pb.ImportContactsRequest, response: pb.ImportContactsResponse) -> list[Imported]:
        """Read entries, and put the bad ones into the response."""
        entries: list[Imported] = []
        now = self._clock()
        for entry in request.entries:
            try:
                entries.append(transfer.imported(entry, now, self._read_address))
            except InvalidFieldError as error:
                response.refused += 1
                if len(response.errors) < transfer.ERRORS:
                    response.errors.add(index=response.received, error=status(error))
            response.received += 1
        return entries

    async def ExportContacts(
        self, request: pb.ExportContactsRequest, context: Context
    ) -> AsyncIterator[pb.ExportContactsResponse]:
        """Stream a location's state."""
        try:
            async for part in self._transfer.export(location(request.location_id), caller(context)):
                yield transfer.exported(part)
        except Exception as error:
            await end(context, "ExportContacts", error)
