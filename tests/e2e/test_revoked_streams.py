"""Streams whose credential is revoked while they are under way: they end, and say why."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import grpc
import pytest
from sendgate.v1 import contact_pb2

from gate.service.caller import Role
from store.store import Store
from tests.e2e.control import refused
from tests.e2e.identities import Calls, Identities, code_of
from tests.e2e.methods import legacy
from tests.e2e.server import DEADLINE_S, Server, eventually

AT: Final = "acme"
UNAUTHENTICATED: Final = grpc.StatusCode.UNAUTHENTICATED
ROWS: Final = 200_000
"""Far more than a connection holds: some 14 MB."""

_MANY: Final = """
    WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)
    INSERT INTO suppression SELECT ?, 'contact', 'c' || n, 'SMS', 'OPT_OUT', 1, -1, '', '' FROM number ORDER BY 'c' || n
"""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Identities]]:
    """Start a gate whose location has much to export."""
    directory = tmp_path_factory.mktemp("gate")
    asyncio.run(_fill(directory / "gate.db"))
    identities = Identities(directory)
    with Server(directory, tokens=str(identities.tokens)) as server:
        yield server, identities


async def _fill(database: Path) -> None:
    store = Store(database)
    await store.open()
    await store.close()
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(_MANY, (ROWS, AT))


@pytest.fixture
def user(gate: tuple[Server, Identities]) -> Iterator[tuple[Calls, Callable[[], None]]]:
    """Call as a user; and take the user's credential back."""
    server, identities = gate
    token = identities.token("user", Role.USER)
    with identities.channel(server.control, token) as channel:
        calls = Calls(channel, channel)
        contact = contact_pb2.GetContactRequest(location_id=AT, contact_id="c1")
        eventually(lambda: code_of(calls.contacts.GetContact, contact) is grpc.StatusCode.OK, "a new token")

        def revoke() -> None:
            identities.revoke("user")
            eventually(lambda: code_of(calls.contacts.GetContact, contact) is UNAUTHENTICATED, "a revocation")

        yield calls, revoke


def test_an_export(user: tuple[Calls, Callable[[], None]]) -> None:
    """It ends soon: what was on its way before is all that comes."""
    calls, revoke = user
    request = contact_pb2.ExportContactsRequest(location_id=AT)
    whole = sum(1 for _ in calls.contacts.ExportContacts(request, timeout=DEADLINE_S))
    parts = calls.contacts.ExportContacts(request, timeout=DEADLINE_S)
    came = [next(parts)]

    revoke()

    refusal = refused(lambda: came.extend(parts))
    assert (refusal.code, refusal.reason) == (UNAUTHENTICATED, "UNAUTHENTICATED")
    assert len(came) < whole / 2, "parts that came"


def test_an_import(user: tuple[Calls, Callable[[], None]]) -> None:
    """It ends with the first request that comes then."""
    calls, revoke = user

    def requests() -> Iterator[contact_pb2.ImportContactsRequest]:
        yield legacy(AT)
        revoke()
        yield legacy(AT)

    refusal = refused(lambda: calls.contacts.ImportContacts(requests(), timeout=DEADLINE_S))

    assert (refusal.code, refusal.reason) == (UNAUTHENTICATED, "UNAUTHENTICATED")
