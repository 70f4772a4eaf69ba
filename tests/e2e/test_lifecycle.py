"""Start and stop: what the gate refuses to start on, and how it ends."""

import re
import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from grpc_health.v1 import health_pb2
from sendgate.v1 import send_gate_pb2 as pb

from gate.cli import main
from store.schema import APPLICATION_ID
from tests.e2e.conftest import StartServer
from tests.e2e.server import DEADLINE_S, NOT_SERVING, Server, executed, refusals

pytestmark = pytest.mark.executed

CHECK = pb.CheckSendRequest(contact_id="c1", channel=pb.CHANNEL_SMS)


def test_a_drain_tells_probes_first_and_goes_on_serving(serve: StartServer) -> None:
    """After SIGTERM probes see NOT_SERVING while checks and events are still answered; the exit code is 0."""
    gate = serve(drain_delay="60")
    stub = gate.stub()
    gate.terminate()
    gate.watch_until(NOT_SERVING)

    assert gate.health().Check(health_pb2.HealthCheckRequest(service="sendgate.writes")).status == NOT_SERVING
    event = pb.Event(event_id="e1", contact_id="c1")
    event.inbound_message.MergeFrom(pb.InboundMessage(channel=pb.CHANNEL_SMS, body="STOP"))
    assert stub.RecordEvent(pb.RecordEventRequest(event=event)).outcome == pb.OUTCOME_APPLIED
    assert not stub.CheckSend(CHECK).allowed

    gate.terminate()
    assert gate.wait() == 0
    assert "Traceback" not in gate.log


def test_stopping_ends_open_watches_within_the_grace(serve: StartServer) -> None:
    """A client that watches the health for ever does not keep the gate from stopping."""
    gate = serve(drain_grace="0.2")
    stream = gate.health().Watch(health_pb2.HealthCheckRequest(), timeout=DEADLINE_S)
    next(stream)
    assert gate.process is not None
    gate.terminate()
    assert gate.process.wait(DEADLINE_S / 2) == 0
    stream.cancel()


def test_a_restart_finds_everything(serve: StartServer) -> None:
    """What was recorded before a stop is in effect after the next start, on the same sockets."""
    gate = serve()
    event = pb.Event(
        event_id="e1", contact_id="c1", inbound_message=pb.InboundMessage(channel=pb.CHANNEL_SMS, body="STOP")
    )
    gate.stub().RecordEvent(pb.RecordEventRequest(event=event))

    gate.restart()

    assert not gate.stub().CheckSend(CHECK).allowed


def test_unix_socket_and_tcp_at_once(gate: Server) -> None:
    """Both planes answer on all their addresses."""
    for target in (gate.data, gate.control, gate.tcp("data"), gate.tcp("control")):
        assert gate.stub(target).CheckSend(CHECK).allowed


def test_a_stale_socket_file_is_replaced(serve: StartServer, tmp_path: Path) -> None:
    """What a killed gate left behind is no obstacle."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "data.sock"))
    assert serve().stub().CheckSend(CHECK).allowed


@pytest.fixture
def sockets(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Hold a TCP port and a Unix socket that are in use."""
    with socket.create_server(("127.0.0.1", 0)) as port, socket.socket(socket.AF_UNIX) as live:
        live.bind(str(tmp_path / "live.sock"))
        live.listen()
        yield {"port": str(port.getsockname()[1])}


def newer(directory: Path) -> None:
    """Make a database that a newer gate migrated."""
    database(directory / "other.db", f"PRAGMA application_id = {APPLICATION_ID}", "PRAGMA user_version = 999")


def foreign(directory: Path) -> None:
    """Make a database that is no gate's."""
    database(directory / "other.db", "CREATE TABLE recipes (title TEXT)")


def nothing(_: Path) -> None:
    """Make nothing."""


def plain_file(directory: Path) -> None:
    """Put an ordinary file where a directory or a socket is expected."""
    (directory / "file").touch()


def database(path: Path, *statements: str) -> None:
    """Write a database that no gate made."""
    connection = sqlite3.connect(path)
    for statement in (*statements, "CREATE TABLE IF NOT EXISTS event (a)"):
        connection.execute(statement)
    connection.commit()
    connection.close()


Prepare = Callable[[Path], None]


@pytest.mark.parametrize(
    ("prepare", "settings", "told"),
    [
        (nothing, {"listen": "127.0.0.1:{port}"}, r"listen 127\.0\.0\.1:\d+: Address already in use; "),
        (nothing, {"control_listen": "127.0.0.1:{port}"}, r"listen 127\.0\.0\.1:\d+: Address already in use; "),
        (nothing, {"listen": "unix:{dir}/live.sock"}, r"live\.sock: another server listens there; "),
        (nothing, {"listen": "unix:{dir}/none/s.sock"}, r"none is no writable directory; "),
        (plain_file, {"listen": "unix:{dir}/file"}, r"a file is in the way that is no socket; "),
        (plain_file, {"database": "{dir}/file/gate.db"}, r"SENDGATE_DATABASE must name a file in a writable"),
        (newer, {"database": "{dir}/other.db"}, r"its schema has version 999, this gate knows \d+; run the newer"),
        (foreign, {"database": "{dir}/other.db"}, r"this is not a gate's database; name another file"),
    ],
)
def test_what_the_gate_does_not_start_on(
    tmp_path: Path, sockets: dict[str, str], prepare: Prepare, settings: dict[str, str], told: str
) -> None:
    """One line on stderr says what is wrong and the way out; the exit code is 1."""
    prepare(tmp_path)
    sane = {
        "database": "{dir}/gate.db",
        "listen": "unix:{dir}/d.sock",
        "control_listen": "unix:{dir}/c.sock",
        "drain_grace": "0",
    }
    filled = {name: text.format(dir=tmp_path, **sockets) for name, text in (sane | settings).items()}

    done = executed("serve", **filled)

    (line,) = refusals(done.stderr)
    assert line.startswith("sendgate: ")
    assert re.search(told, line)
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"cache_sise": "10"}, r"SENDGATE_CACHE_SISE: unknown setting; did you mean SENDGATE_CACHE_SIZE"),
        ({"cache_size": "0"}, r"SENDGATE_CACHE_SIZE: '0' is not a number from 1 to"),
        ({"cache_size": "many"}, r"SENDGATE_CACHE_SIZE: 'many' is not a number from 1 to"),
        ({"drain_delay": "nan"}, r"SENDGATE_DRAIN_DELAY: 'nan' is not a number from 0 to"),
        ({"keyword_profile": "x"}, r"SENDGATE_KEYWORD_PROFILE: 'x' is none of article, twilio"),
        ({"default_region": "us"}, r"SENDGATE_DEFAULT_REGION: 'us' is no country code"),
        ({"listen": "here"}, r"SENDGATE_LISTEN: 'here' is neither host:port nor unix:PATH"),
        ({"listen": "127.0.0.1:70000"}, r"SENDGATE_LISTEN: '127\.0\.0\.1:70000' is neither"),
        ({"insecure": "maybe"}, r"SENDGATE_INSECURE: 'maybe' is none of true, false"),
        ({"listen": "0.0.0.0:0"}, r"0\.0\.0\.0:0: not a loopback address.*--insecure"),
        ({"control_listen": "[::]:0"}, r"\[::\]:0: not a loopback address.*--insecure"),
    ],
)
def test_settings_that_the_gate_does_not_take(settings: dict[str, str], told: str) -> None:
    """One line on stderr names the variable and the values that it takes; the exit code is 2."""
    done = CliRunner(env={f"SENDGATE_{name.upper()}": text for name, text in settings.items()}).invoke(main, ["serve"])

    (line,) = done.stderr.splitlines()
    assert line.startswith("sendgate: ")
    assert re.search(told, line)
    assert (done.exit_code, done.stdout) == (2, "")


def test_a_second_gate_on_the_same_database(gate: Server, tmp_path: Path) -> None:
    """It is refused, and the first goes on serving."""
    done = executed(
        "serve",
        database=str(gate.database),
        listen=f"unix:{tmp_path}/second.sock",
        control_listen=f"unix:{tmp_path}/second-control.sock",
    )

    assert done.returncode == 1
    assert "another gate has it open" in refusals(done.stderr)[0]
    assert gate.stub().CheckSend(CHECK).allowed


def test_exposure_is_possible_when_told_so(serve: StartServer) -> None:
    """With --insecure the gate listens beyond loopback."""
    gate = serve(listen="unix:data.sock,0.0.0.0:0", insecure="true")
    assert "data plane listens on 0.0.0.0:" in gate.log
