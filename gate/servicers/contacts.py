"""ContactService: the contact record."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Final

from sendgate.v1 import contact_pb2 as pb
from sendgate.v1 import contact_pb2_grpc as rpc

from gate.errors import GateError
from gate.service.caller import Caller, Role
from gate.service.contacts import Contacts
from gate.service.transfer import Imported, Transfer, need_for
from gate.servicers.identity import Identify, anybody
from gate.status import Context, answering, end, status
from gate.wire import contacts as wire
from gate.wire import transfer
from gate.wire.address import AddressReader
from gate.wire.fields import at_most, location

_AHEAD: Final = 1
"""Requests of an import that are ready while another one is being committed."""

_SLICE: Final = 50
"""Entries that are read between two turns of the event loop: checks wait for no more than that."""


class ContactServicer(rpc.ContactServiceServicer):
    """Serves location users, agencies and support."""

    def __init__(
        self,
        contacts: Contacts,
        transfer: Transfer,
        read_address: AddressReader,
        clock: Callable[[], int],
        caller: Identify = anybody,
    ) -> None:
        self._contacts = contacts
        self._transfer = transfer
        self._read_address = read_address
        self._clock = clock
        self._caller = caller

    @answering
    async def GetContact(self, request: pb.GetContactRequest, context: Context) -> pb.GetContactResponse:
        """Return a contact's record."""
        name = self._readable(request, context)
        return pb.GetContactResponse(contact=wire.contact(self._contacts.get(*name)))

    @answering
    async def SetDnd(self, request: pb.SetDndRequest, context: Context) -> pb.SetDndResponse:
        """Switch DND on or off, in full or not at all."""
        by = self._caller(context)
        record = await self._contacts.set_dnd(wire.dnd_change(request), by)
        return pb.SetDndResponse(contact=wire.contact(record))

    @answering
    async def LinkAddress(self, request: pb.LinkAddressRequest, context: Context) -> pb.LinkAddressResponse:
        """Say that a contact uses an address."""
        by, name = self._caller(context), wire.contact_name(request.location_id, request.contact_id)
        address = wire.named_address(request.address, self._read_address)
        return pb.LinkAddressResponse(contact=wire.contact(await self._contacts.link(*name, address, by)))

    @answering
    async def UnlinkAddress(self, request: pb.UnlinkAddressRequest, context: Context) -> pb.UnlinkAddressResponse:
        """Say that a contact no longer uses an address."""
        by, name = self._caller(context), wire.contact_name(request.location_id, request.contact_id)
        by.need(Role.USER, at=name.location_id)
        known = self._contacts.get(*name).addresses
        # As the record shows it, if it does: its form alone does not tell a channel's own user id from a number.
        address = (
            request.address if request.address in known else wire.named_address(request.address, self._read_address)
        )
        record = await self._contacts.unlink(*name, address, by)
        return pb.UnlinkAddressResponse(contact=wire.contact(record))

    @answering
    async def ListHistory(self, request: pb.ListHistoryRequest, context: Context) -> pb.ListHistoryResponse:
        """Return one page of what happened to a contact."""
        name = self._readable(request, context)
        before, size = wire.page(request.page_size, request.page_token)
        entries = self._contacts.history(*name, before, size + 1)
        return pb.ListHistoryResponse(
            entries=map(wire.history_entry, entries[:size]),
            next_page_token=str(entries[size - 1].seq) if len(entries) > size else "",
        )

    @answering
    async def EraseContact(self, request: pb.EraseContactRequest, context: Context) -> pb.EraseContactResponse:
        """Remove what identifies a person."""
        by, name = self._caller(context), wire.contact_name(request.location_id, request.contact_id)
        entries, links = await self._contacts.erase(*name, by)
        return pb.EraseContactResponse(entries=entries, links=links)

    @answering
    async def ImportContacts(
        self, requests: AsyncIterator[pb.ImportContactsRequest], context: Context
    ) -> pb.ImportContactsResponse:
        """Import as the entries come; each request is one commit, and the next is read and prepared meanwhile."""
        response = pb.ImportContactsResponse()
        self._caller(context).need(Role.USER)
        taking: deque[asyncio.Task[int]] = deque()
        touched: set[str] = set()
        try:
            async for request in requests:
                by = self._caller(context)  # each time: a credential may be revoked while the client is sending
                at_most("entries", request.entries, transfer.ENTRIES)
                entries = await self._imported(request, response, by)
                touched.update(entry.location_id for entry in entries)
                taking.append(asyncio.create_task(self._transfer.take(entries, by)))
                if len(taking) > _AHEAD:
                    response.imported += await taking.popleft()
            while taking:
                response.imported += await taking.popleft()
            if touched:
                await self._transfer.finish(touched, self._caller(context))
        finally:
            await asyncio.gather(*taking, return_exceptions=True)
        return response

    async def _imported(
        self, request: pb.ImportContactsRequest, response: pb.ImportContactsResponse, by: Caller
    ) -> list[Imported]:
        """Read entries, and put the bad ones and those that are not the caller's to import into the response."""
        entries: list[Imported] = []
        now = self._clock()
        for place, entry in enumerate(request.entries):
            if place % _SLICE == 0:
                await asyncio.sleep(0)
            try:
                imported = transfer.imported(entry, now, self._read_address)
                need_for(imported, by)
                entries.append(imported)
            except GateError as error:
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
            async for part in self._transfer.export(location(request.location_id), partial(self._caller, context)):
                yield transfer.exported(part)
        except Exception as error:
            await end(context, "ExportContacts", error)

    def _readable(self, request: pb.GetContactRequest | pb.ListHistoryRequest, context: Context) -> wire.ContactName:
        """Read a contact's name for a caller who may look at it: users may, and support, to weigh the evidence."""
        by, name = self._caller(context), wire.contact_name(request.location_id, request.contact_id)
        by.need(Role.USER, Role.SUPPORT, at=name.location_id)
        return name
