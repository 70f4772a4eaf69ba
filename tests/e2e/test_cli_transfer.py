"""The command line of imports and exports: every line is imported or told, and no file is left half written."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import CliRunner
from sendgate.v1 import contact_pb2 as pb

from gate.cli import main
from tests.e2e.conftest import StartServer
from tests.e2e.server import DEADLINE_S, Server, command, environment

pytestmark = pytest.mark.any_transport

HEADER = "contact_id,dnd,dnd_time,addresses\n"


def take(
    gate: Server, file: Path | str, *arguments: str, given: str | bytes = b""
) -> tuple[int, dict[str, Any], list[str]]:
    """Import a file; return the exit code, the counts and what was told on stderr."""
    ended = command("import", str(file), "--json", "--target", gate.control, *arguments, given=given)
    return ended.returncode, json.loads(ended.stdout), ended.stderr.splitlines()


def counts(received: int, imported: int, refused: int = 0, bad_lines: int = 0) -> dict[str, Any]:
    """Make the summary of an import; a 64-bit count in JSON is a number here."""
    return {"received": received, "imported": imported, "refused": refused, "bad_lines": bad_lines}


def denied(gate: Server, *arguments: str) -> bool:
    """Tell whether a check denies."""
    code = command("check", *arguments, "--target", gate.data).returncode
    assert code in {0, 3}
    return code == 3


def export(gate: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an export."""
    return command("export", "--target", gate.control, *arguments)


@pytest.fixture(scope="module")
def gate(shared_gate: Server) -> Server:
    """Start one gate for the module; each test has a location or contacts of its own."""
    return shared_gate


def test_csv(gate: Server, tmp_path: Path) -> None:
    """DND that was on becomes DND on all channels, off changes nothing, and addresses are known afterwards."""
    file = tmp_path / "contacts.csv"
    file.write_text(
        "\ufeffContact_ID,name,dnd,dnd_time,addresses,location_id\r\n"
        "ann,Ann,yes,2022-11-01T09:30:00Z,+12025550101; Ann@Example.com,\r\n"
        'bob,"B, ob",OFF,,,\r\n'
        "cat,Cat,1,,,gym\r\n",
        "utf-8",
    )

    assert take(gate, file, "--location", "old") == (0, counts(3, 3), [])

    assert denied(gate, "--location", "old", "--contact", "ann", "--channel", "call")
    assert denied(gate, "--location", "gym", "--contact", "cat", "--channel", "sms")
    assert not denied(gate, "--location", "old", "--contact", "bob", "--channel", "sms")
    shown = command("contact", "show", "ann", "--location", "old", "--json", "--target", gate.control)
    contact = json.loads(shown.stdout)["contact"]
    assert sorted(contact["addresses"]) == ["+12025550101", "ann@example.com"]
    assert contact["suppressions"][0]["cause"] == "CAUSE_LEGACY"
    assert contact["suppressions"][0]["set_time"] == "2022-11-01T09:30:00Z"


def test_bad_lines_are_told_and_the_rest_is_imported(gate: Server, tmp_path: Path) -> None:
    """Each bad or refused line is told by its own number and field, whatever was skipped before it; exit code 1."""
    file = tmp_path / "contacts.csv"
    lines = [
        b"contact_id,dnd,dnd_time,addresses",
        b"fine1,on,,",
        b",on,,",
        b"a,maybe,,",
        b"a,,,",
        b"",
        b"a,on,yesterday,",
        b"a,on,,,surplus",
        b" a,on,,",
        b"\xff,on,,",
        b'a"b,"on" ,,',
        b'fine2,off,,"+12025550101;',
        b'+12025550102"',
        b"refused1,on,,jane@@example.com",
        b"refused2,on,2999-01-01T00:00:00Z,",
        b"short,on",
    ]
    file.write_bytes(b"\n".join(lines))

    code, told_counts, told = take(gate, file, "--location", "bad")

    assert (code, told_counts) == (1, counts(5, 3, refused=2, bad_lines=8))
    fields = {number: problem.split(":")[0] for number, problem in (line.split(": ", 1) for line in told)}
    assert fields == {
        "line 3": "contact_id",
        "line 4": "dnd",
        "line 5": "dnd",
        "line 7": "dnd_time",
        "line 8": "row",
        "line 9": "contact_id",
        "line 10": "contact_id",
        "line 11": "row",
        "line 14": "addresses[0]",
        "line 15": "dnd_time",
    }


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("c.csv", "", "line 1: header: the column contact_id is missing"),
        ("c.csv", "contact_id,name\n", "line 1: header: the column dnd is missing"),
        ("c.csv", "contact_id,dnd,DND\n", "line 1: header: the column dnd stands there more than once"),
        ("c.txt", "c1,true\n", "line 1: header: the column contact_id is missing"),
    ],
)
def test_a_header_that_is_none(tmp_path: Path, name: str, text: str, problem: str) -> None:
    """A file without the two columns is not imported at all."""
    file = tmp_path / name
    file.write_text(text, "utf-8")

    ended = CliRunner().invoke(main, ["import", str(file), "--target", f"unix:{tmp_path}/none.sock"])

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"sendgate: {file}: {problem}")


def test_json_lines(gate: Server) -> None:
    """Requests in protobuf JSON come from stdin too; those without a location get the one that is named."""
    lines = [
        json.dumps({"legacy_contact": {"contact_id": "dan", "dnd": True}}),
        json.dumps({"legacy_contact": {"contact_id": "eve", "dnd": True, "location_id": "else"}}),
        "",
        "not json",
        "{}",
        json.dumps({"legacy_contact": {"contact_id": "", "dnd": True}}),
        "[" * 100_000,
    ]

    code, told_counts, told = take(gate, "-", "--location", "lines", given="\n".join(lines))

    assert (code, told_counts) == (1, counts(3, 2, refused=1, bad_lines=3))
    assert [": ".join(line.split(": ")[:2]) for line in told] == [
        "line 4: entry",
        "line 5: entry",
        "line 7: entry",
        "line 6: contact_id",
    ]
    assert denied(gate, "--location", "lines", "--contact", "dan", "--channel", "sms")
    assert denied(gate, "--location", "else", "--contact", "eve", "--channel", "sms")


def test_csv_from_stdin(gate: Server) -> None:
    """What does not begin with a brace is CSV."""
    assert take(gate, "-", "--location", "stdin", given=f"{HEADER}fay,on,,\n") == (0, counts(1, 1), [])
    assert denied(gate, "--location", "stdin", "--contact", "fay", "--channel", "sms")


def test_an_export_moves_to_another_gate(gate: Server, serve: StartServer, tmp_path: Path) -> None:
    """What one gate exports another one imports and then answers alike; importing it twice changes nothing."""
    csv = f"{HEADER}gus,on,,+12025550133\nhal,off,,+12025550134\n"
    assert take(gate, "-", "--location", "move", given=csv)[0] == 0
    stop: dict[str, Any] = {"event_id": "stop", "location_id": "move", "address": "+12025550134"}
    stop |= {"inbound_message": {"channel": "CHANNEL_SMS", "body": "STOP"}}
    assert command("record", "--file", "-", "--target", gate.data, given=json.dumps(stop)).returncode == 0
    file = tmp_path / "state.jsonl"
    other = serve()

    ended = export(gate, "--location", "move", "--file", str(file))
    piped = export(gate, "--location", "move")

    lines = file.read_text("utf-8").splitlines()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"exported {len(lines)} entries to {file}\n"
    assert (piped.returncode, piped.stderr) == (0, "")
    assert sorted(piped.stdout.splitlines()) == sorted(lines)
    assert all(set(json.loads(line)) == {"state"} for line in lines)
    code, first, _ = take(other, file)
    assert (code, first["received"], first["refused"]) == (0, len(lines), 0)
    assert first["imported"] > 0
    assert take(other, file)[1]["imported"] == 0
    for contact, channel, answer in (("gus", "email", True), ("hal", "sms", True), ("hal", "email", False)):
        assert denied(other, "--location", "move", "--contact", contact, "--channel", channel) is answer
    assert export(other, "--location", "move").stdout.splitlines() != []


def test_an_import_sums_up_for_people(gate: Server) -> None:
    """The counts are told in a table."""
    ended = command("import", "-", "--location", "sum", "--target", gate.control, given=f"{HEADER}ida,on,,\n")
    rows = [[cell.strip() for cell in row.split("│")[1:3]] for row in ended.stdout.splitlines() if "│" in row]

    assert (ended.returncode, ended.stderr) == (0, "")
    assert rows == [["received", "1"], ["imported", "1"], ["refused", "0"], ["bad lines", "0"]]


@pytest.mark.parametrize("arguments", ["import -", "export"])
def test_a_gate_that_does_not_answer(tmp_path: Path, arguments: str) -> None:
    """Exit code 1 and one line on stderr; an import does not wait for the rest of its input."""
    target = f"unix:{tmp_path}/none.sock"
    with subprocess.Popen(
        [sys.executable, "-m", "gate", *arguments.split(), "--target", target],
        env=environment({}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(HEADER)
        process.stdin.flush()
        try:
            code = process.wait(DEADLINE_S)
        finally:
            process.kill()
        told = process.stderr.read()
        assert (code, process.stdout.read()) == (1, "")
    assert told.startswith(f"sendgate: {target}: UNAVAILABLE: ")
    assert told.count("\n") == 1


def cut_off(_: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
    """Send one entry of an export and fail, as a gate that goes down."""
    yield pb.ExportContactsResponse(state=pb.ExportedState(location_id="gym")).SerializeToString()
    context.abort(grpc.StatusCode.UNAVAILABLE, "going down")


@pytest.mark.parametrize("before", [None, "as it was"])
def test_an_export_that_is_cut_off_leaves_no_half_file(tmp_path: Path, before: str | None) -> None:
    """A file appears only once it is complete; until then an older one stays, and nothing else is left behind."""
    target = f"unix:{tmp_path}/failing.sock"
    file = tmp_path / "out" / "state.jsonl"
    file.parent.mkdir()
    if before:
        file.write_text(before, "utf-8")
    server = grpc.server(ThreadPoolExecutor(1))
    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_stream_rpc_method_handler(cut_off)
    handler = grpc.method_handlers_generic_handler("sendgate.v1.ContactService", {"ExportContacts": method})
    server.add_generic_rpc_handlers((handler,))
    server.add_insecure_port(target)
    server.start()
    try:
        ended = CliRunner().invoke(main, ["export", "--file", str(file), "--target", target])
    finally:
        server.stop(None).wait()

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr == f"sendgate: {target}: UNAVAILABLE: going down\n"
    assert [each.name for each in file.parent.iterdir()] == (["state.jsonl"] if before else [])
    assert not before or file.read_text("utf-8") == before


@pytest.mark.parametrize(("file", "problem"), [("/dev/null", "no regular file"), ("/nonexistent/x", "No such file")])
def test_a_file_that_cannot_be_written(tmp_path: Path, file: str, problem: str) -> None:
    """A device is never replaced, and a missing folder is told, before anything is asked of the gate."""
    ended = CliRunner().invoke(main, ["export", "--file", file, "--target", f"unix:{tmp_path}/none.sock"])

    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"sendgate: {file}: {problem}")
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("name", ["import", "export"])
def test_help_teaches(name: str) -> None:
    """Each command has an example of itself in its help, and says what its exit code means."""
    told = " ".join(CliRunner().invoke(main, [name, "--help"]).stdout.split())
    assert f"`sendgate {name} " in told
    assert "Exit code 0" in told


@pytest.mark.parametrize("arguments", ["import", "import /nonexistent", "import /", "export --file /", "export x"])
def test_wrong_usage(arguments: str) -> None:
    """Exit code 2, and the message is on stderr."""
    ended = CliRunner().invoke(main, arguments.split())
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr
