"""Fixtures of tests against real server processes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.faults import shim as faults
from tests.e2e.server import TRANSPORTS, ExecutedServer, Server

StartServer = Callable[..., Server]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the file that waits longest: for the builds of its clients, and for pings."""
    items.sort(key=lambda item: item.path.name != "test_clients.py")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test of a served gate with each transport, but those to which the data plane makes no difference."""
    if "transport" in metafunc.fixturenames and not any(
        "transport" in str(mark.args[0]) for mark in metafunc.definition.iter_markers("parametrize")
    ):
        one = metafunc.definition.get_closest_marker("any_transport")
        metafunc.parametrize("transport", list(TRANSPORTS)[:1] if one else TRANSPORTS, scope="module")


@pytest.fixture
def serve(tmp_path: Path, request: pytest.FixtureRequest, transport: str) -> Iterator[StartServer]:
    """Start servers with given settings; each is stopped at the end and must then exit with 0."""
    servers: list[Server] = []
    kind = ExecutedServer if request.node.get_closest_marker("executed") else Server
    with ExitStack() as running:

        def start(**settings: str) -> Server:
            server = kind(tmp_path, **TRANSPORTS[transport] | settings)
            servers.append(server)
            return running.enter_context(server)

        yield start
    for server in servers:
        request.node.add_report_section("teardown", "server log", server.log)


@pytest.fixture
def gate(serve: StartServer) -> Server:
    """Start a server with an empty database."""
    return serve()


@pytest.fixture(scope="module")
def shared_gate(tmp_path_factory: pytest.TempPathFactory, transport: str) -> Iterator[Server]:
    """Start one server for all tests of a module, which must not care what others recorded."""
    with Server(tmp_path_factory.mktemp("gate"), **TRANSPORTS[transport]) as server:
        yield server


@pytest.fixture(scope="session")
def fault_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the library that makes faults, once."""
    return faults.build(tmp_path_factory.mktemp("faults"))


@pytest.fixture
def shim(fault_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> faults.Shim:
    """Let servers that are started from now on have faults of their disk and clock, as soon as a lever is pulled."""
    shim = faults.Shim(fault_library, tmp_path / "levers", tmp_path / "gate.db")
    for name, text in shim.environment.items():
        monkeypatch.setenv(name, text)
    return shim
