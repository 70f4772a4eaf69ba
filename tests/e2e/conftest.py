"""Fixtures of tests against real server processes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.server import Server

StartServer = Callable[..., Server]


@pytest.fixture
def serve(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[StartServer]:
    """Start servers with given settings; each is stopped at the end and must then exit with 0."""
    servers: list[Server] = []
    with ExitStack() as running:

        def start(**settings: str) -> Server:
            server = Server(tmp_path, **settings)
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
def shared_gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start one server for all tests of a module, which must not care what others recorded."""
    with Server(tmp_path_factory.mktemp("gate")) as server:
        yield server
