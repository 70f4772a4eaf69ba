"""Odd forms of the header that carries a token: whatever a client sends, both transports answer the same."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from gate.service.caller import Role
from tests.e2e.identities import Identities
from tests.e2e.methods import check
from tests.e2e.server import TRANSPORTS, Server
from tests.integration.dataplane_client import Client
from tests.unit.dataplane_peer import (
    EMPTY_TABLE,
    END_STREAM,
    Answer,
    Code,
    Kind,
    call_fields,
    frame,
    framed,
    headers,
)

PATH: Final = b"/sendgate.v1.SendGateService/CheckSend"
OK: Final = 0
UNAUTHENTICATED: Final = 16


class Gate(NamedTuple):
    """A running gate, and a token of it."""

    server: Server
    token: bytes
    transport: str


@pytest.fixture(scope="module", params=TRANSPORTS)
def gate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """Start a gate that asks for tokens, on each transport."""
    directory: Path = tmp_path_factory.mktemp("gate")
    identities = Identities(directory)
    token = identities.token("sender", Role.SENDER)
    with Server(directory, tokens=str(identities.tokens), **TRANSPORTS[request.param]) as server:
        yield Gate(server, token.encode(), request.param)


async def asked(gate: Gate, *values: bytes) -> Answer:
    """Make a check with these `authorization` fields, written by hand: the library's clients refuse some of them."""
    client = await Client.connect(gate.server.data)
    fields = call_fields(PATH, [(b"authorization", value.replace(b"TOKEN", gate.token)) for value in values])
    client.send(
        headers(1, fields, before=EMPTY_TABLE),
        frame(Kind.DATA, END_STREAM, 1, framed(check("here").SerializeToString())),
    )
    try:
        return await client.over(1)
    finally:
        client.close()


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ([b"Bearer TOKEN"], OK),
        ([b"bearer TOKEN"], OK),
        ([b"BEARER   TOKEN"], OK),
        ([b"Bearer \tTOKEN"], OK),
        ([b"Bearer TOKEN "], OK),
        ([b"Bearer TOKEN \t"], OK),
        ([b"Bearer TOKEN", b"Bearer xyz"], OK),
        ([b"Bearer xyz", b"Bearer TOKEN"], UNAUTHENTICATED),
        ([b"", b"Bearer TOKEN"], UNAUTHENTICATED),
        ([b" Bearer TOKEN"], UNAUTHENTICATED),
        ([b"\tBearer TOKEN"], UNAUTHENTICATED),
        ([b"Bearer\tTOKEN"], UNAUTHENTICATED),
        ([b"BearerTOKEN"], UNAUTHENTICATED),
        ([b"Basic TOKEN"], UNAUTHENTICATED),
        ([b"TOKEN"], UNAUTHENTICATED),
        ([b"Bearer xyz "], UNAUTHENTICATED),
        ([b"Bearer"], UNAUTHENTICATED),
        ([b"Bearer "], UNAUTHENTICATED),
        ([b" "], UNAUTHENTICATED),
        ([b""], UNAUTHENTICATED),
        ([b"Bearer TOKEN\x7f"], UNAUTHENTICATED),
        ([b"Bearer TOKEN\xe4"], UNAUTHENTICATED),
        ([], UNAUTHENTICATED),
    ],
)
async def test_forms_of_the_header(gate: Gate, values: list[bytes], status: int) -> None:
    """The first field decides; the scheme is in any case, then comes a space, and spaces around the token are none."""
    answer = await asked(gate, *values)

    assert (answer.head[b":status"], answer.status) == (b"200", status)
    assert status == OK or b"no credential that the gate knows" in answer.message


@pytest.mark.parametrize("octet", [b"\0", b"\r", b"\n"])
async def test_what_no_value_may_have(gate: Gate, octet: bytes) -> None:
    """NUL, CR and LF reset the stream on the gate's own transport; the library's knows no such token."""
    answer = await asked(gate, b"Bearer x" + octet + b"yz")

    told = answer.reset if gate.transport == "native" else answer.status
    assert told == (Code.PROTOCOL_ERROR if gate.transport == "native" else UNAUTHENTICATED)
