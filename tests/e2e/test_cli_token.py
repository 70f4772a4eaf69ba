"""`sendgate token`, and the client commands as callers with tokens and certificates."""

import json
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from gate.cli import main
from gate.identity.files import locked
from gate.identity.registry import parse
from gate.service.caller import Role
from tests.e2e.identities import Identities
from tests.e2e.server import DEADLINE_S, Server, command, environment, eventually
from tests.e2e.webhooks import CONFIG, started, twilio

SENDER = ("--role", "sender", "--location", "acme")


def run(path: Path, *arguments: str) -> Result:
    """Run `sendgate token` on a file."""
    return CliRunner(env={"SENDGATE_TOKENS": str(path), "COLUMNS": "200"}).invoke(main, ["token", *arguments])


def answer(path: Path, *arguments: str) -> list[dict[str, Any]]:
    """Run a command that must succeed, and read what it prints for programs."""
    done = run(path, *arguments, "--json")
    assert done.exit_code == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_token_is_told_once_and_kept_as_a_hash(tmp_path: Path) -> None:
    """It alone is on stdout; neither the file nor the list has it, and the file is for its owner alone."""
    path = tmp_path / "tokens.toml"

    done = run(path, "create", *SENDER, "--name", "campaigns", "--expires", "90d")

    token = done.stdout.strip()
    assert re.fullmatch(r"sendgate_[0-9a-f]{12}_[\w-]{43}", token)
    assert (done.exit_code, token in done.stderr) == (0, False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    listed = run(path, "list").stdout + run(path, "list", "--json").stdout
    assert "campaigns" in listed
    assert token.split("_", 2)[2] not in path.read_text() + listed


def test_tokens_and_certificates_are_listed_and_revoked(tmp_path: Path) -> None:
    """What was made is listed with what it opens, until it is taken back; the others stay."""
    path = tmp_path / "tokens.toml"
    (made,) = answer(path, "create", *SENDER, "--location", "bolt", "--role", "connector")
    (trusted,) = answer(path, "trust", "--san", "uri:spiffe://x/y", "--role", "admin", "--all-locations")

    listed = {row["id"]: row for row in answer(path, "list")}

    assert (listed[made["id"]]["roles"], listed[made["id"]]["locations"]) == ("connector, sender", "acme, bolt")
    assert (listed[trusted["id"]]["kind"], listed[trusted["id"]]["locations"]) == ("uri:spiffe://x/y", "*")
    assert run(path, "revoke", made["id"]).exit_code == 0
    assert [row["id"] for row in answer(path, "list")] == [trusted["id"]]


def test_an_id_is_listed_in_one_piece(tmp_path: Path) -> None:
    """However narrow the terminal is, the id that `revoke` takes can be copied from the list."""
    path = tmp_path / "tokens.toml"
    (made,) = answer(path, "create", *SENDER, "--name", "a-name-that-is-rather-long-for-a-narrow-terminal")

    done = CliRunner(env={"SENDGATE_TOKENS": str(path), "COLUMNS": "60"}).invoke(main, ["token", "list"])

    assert made["id"] in done.stdout


def test_a_file_that_the_gate_reads_through_its_group(tmp_path: Path) -> None:
    """Whoever changes it leaves it readable to that group, and to nobody else."""
    path = tmp_path / "tokens.toml"
    run(path, "create", *SENDER)
    for mode in (0o640, 0o440, 0o600):
        path.chmod(mode)
        run(path, "create", *SENDER)
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_two_who_change_the_file_at_once(tmp_path: Path) -> None:
    """A command waits for another that is changing the file, so that what both wrote is kept."""
    path = tmp_path / "tokens.toml"
    arguments = ("token", "create", *SENDER, "--file", str(path))
    first = Identities(tmp_path)

    with locked(path):
        second = subprocess.Popen(
            [sys.executable, "-m", "gate", *arguments], env=environment({}), stdout=subprocess.DEVNULL
        )
        eventually(lambda: re.search(rf"-> FLOCK .* {second.pid} ", Path("/proc/locks").read_text()), "it waits")
        first.token("first", Role.SENDER)

    assert second.wait(DEADLINE_S) == 0
    assert [each.name == "first" for each in parse(path.read_text())] == [True, False]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("create", "--role", "sender"), 2, "name either one --location or more, or --all-locations"),
        (("create", *SENDER, "--all-locations"), 2, "name either one --location or more, or --all-locations"),
        (("create", "--role", "sender", "--location", "*"), 2, "for every one there is --all-locations"),
        (("create", "--role", "boss", "--location", "a"), 2, "boss"),
        (("create", "--location", "a"), 2, "role"),
        (("create", *SENDER, "--name", "two words"), 2, "name: 'two words' is not"),
        (("create", *SENDER, "--expires", "soon"), 2, "--expires: 'soon' is no period"),
        (("create", "--role", "sender", "--location", ""), 2, "locations: '' is not"),
        (("trust", "--san", "spiffe://x", *SENDER), 2, "is neither uri:... nor dns:..."),
        (("revoke", "nobody"), 1, "no credential has the id nobody"),
    ],
)
def test_what_the_command_does_not_take(tmp_path: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    """It says what is wrong, and leaves the file as it was."""
    path = tmp_path / "tokens.toml"
    run(path, "create", *SENDER)
    before = path.read_bytes()

    done = run(path, *arguments)

    assert (done.exit_code, path.read_bytes()) == (code, before)
    assert told in " ".join(done.stderr.replace("│", " ").split())


def test_a_file_that_is_none(tmp_path: Path) -> None:
    """A broken file is told and never written over."""
    path = tmp_path / "tokens.toml"
    path.touch(mode=0o600)
    path.write_text("[[token]]")

    done = run(path, "create", *SENDER)

    assert (done.exit_code, done.stdout, path.read_text()) == (1, "", "[[token]]")
    assert "tokens.toml: token 1: salt is missing" in done.stderr


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Identities, str]]:
    """Start a gate with mutual TLS and tokens."""
    directory = tmp_path_factory.mktemp("gate")
    identities = Identities(directory)
    token = identities.token("tool", Role.SENDER, Role.CONNECTOR, Role.USER, at=["acme"])
    identities.trust("uri:spiffe://example.com/tool", "edge", Role.SENDER)
    identities.clients.issue("uri:spiffe://example.com/tool").write(directory, "client")
    with Server(directory, **identities.mutual) as server:
        yield server, identities, token


def check(**settings: str) -> tuple[int, str]:
    """Run `sendgate check` with settings of the environment; return its code and what it says."""
    done = command("check", "--contact", "c1", "--channel", "sms", "--location", "acme", **settings)
    return done.returncode, done.stdout + done.stderr


def test_client_commands_prove_who_they_are(guarded: tuple[Server, Identities, str], tmp_path: Path) -> None:
    """By a token from the environment or a file, or by a certificate; over TLS, and over Unix sockets without."""
    server, identities, token = guarded
    file = tmp_path / "token"
    file.touch(mode=0o600)
    file.write_text(f"{token}\n")
    tls = {"ca": str(identities.authority_file), "target": server.tcp("data")}
    pair = {
        "client_cert": str(identities.directory / "client.pem"),
        "client_key": str(identities.directory / "client.key"),
    }

    assert check(target=server.data, token=token) == (0, "allowed\n")
    assert check(target=server.data, token_file=str(file)) == (0, "allowed\n")
    assert check(**tls, **pair) == (0, "allowed\n")
    assert check(**tls | {"target": server.data}, **pair, token=token) == (0, "allowed\n")
    shown = command("contact", "show", "c1", "--location", "acme", control_target=server.control, token=token)
    assert shown.returncode == 0
    code, told = check(target=server.data)
    assert (code, "UNAUTHENTICATED" in told) == (1, True)
    file.chmod(0o644)
    code, told = check(target=server.data, token_file=str(file))
    assert (code, "open to everybody" in told) == (1, True)


def test_a_token_is_not_sent_in_the_clear(guarded: tuple[Server, Identities, str]) -> None:
    """To an address beyond this machine a command sends none without TLS, and does not print it."""
    _, _, token = guarded

    code, told = check(target="gate.example.com:1", token=token)

    assert code == 1
    assert told == (
        "sendgate: gate.example.com:1: a token must not go there in the clear; name --ca, or use a local address\n"
    )


def test_health_needs_no_token(guarded: tuple[Server, Identities, str]) -> None:
    """`sendgate healthcheck` works over a Unix socket without any credential."""
    server, _, _ = guarded

    assert command("healthcheck", target=server.data).stdout == "SERVING\n"


def test_connectors_prove_who_they_are(guarded: tuple[Server, Identities, str], tmp_path: Path) -> None:
    """They record with the token in their file, read anew: with a wrong one, a provider is told to come again."""
    server, _, token = guarded
    config, file = tmp_path / "connectors.toml", tmp_path / "token"
    config.write_text(CONFIG, "utf-8")
    file.touch(mode=0o600)
    file.write_text(token)
    arguments = ("--config", str(config), "--listen", "127.0.0.1:0", "--target", server.data, "--token-file", str(file))
    stop = {"From": "+12025550101", "Body": "STOP"}

    with started("connectors", "serve", *arguments, ready=r"listen on 127\.0\.0\.1:(\d+)") as (_, port):
        assert twilio(int(port), "/twilio/inbound", MessageSid="SM1", **stop)[0] == 200
        file.write_text("sendgate_0123456789ab_wrong")
        assert twilio(int(port), "/twilio/inbound", MessageSid="SM2", **stop)[0] == 503
        file.write_text(token)
        assert twilio(int(port), "/twilio/inbound", MessageSid="SM2", **stop)[0] == 200

    check = ("check", "--address", stop["From"], "--channel", "sms", "--location", "acme")
    assert command(*check, target=server.data, token=token).returncode == 3
