"""ContactService: the contact record."""

from sendgate.v1 import contact_pb2 as pb
from sendgate.v1 import contact_pb2_grpc as rpc

from gate.service.contacts import Contacts
from gate.servicers.identity import caller
from gate.status import Context, answering
from gate.wire import contacts as wire
from gate.wire.address import AddressReader


class ContactServicer(rpc.ContactServiceServicer):
    """Serves location users, agencies and support."""

    def __init__(self, contacts: Contacts, read_address: AddressReader) -> None:
        self._contacts = contacts
        self._read_address = read_address

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
        address = wire.named_address(request.address, self._read_address)
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
