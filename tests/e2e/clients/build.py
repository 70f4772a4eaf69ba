"""Builds the clients that need building: each once for its sources, whoever asks first; the others wait."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import google.rpc
import pytest

from tests.e2e.clients.driver import ROOT

BUILDS: Final = ROOT / "build/clients"
PROTO: Final = ROOT / "proto"
COMMON_PROTOS: Final = Path(google.rpc.__path__[0]).parents[1]
SOURCES: Final = Path(__file__).parent
LIMIT_S: Final = 400
"""How long one step of a build may take; a first one downloads its packages."""

_UNREACHABLE: Final = re.compile(
    r"dial tcp|no such host|i/o timeout|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT"
    r"|Unknown host|Connect to .* failed|Connection refused|Network is unreachable"
    r"|Temporary failure in name|Name or service not known|Could not transfer artifact"
)

_SHORT_RUN: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Lets a JVM that soon ends spend a third of the time."""

Command = list[str]
Make = Callable[[Path], None]


class Client(NamedTuple):
    """How a client comes to be.

    `tools` has each tool's option that tells its version, and the first version that will do; `make` builds in a
    folder, and `start` gives the command that starts what was built there.
    """

    tools: dict[str, tuple[str, tuple[int, int]]]
    make: Make
    start: Callable[[Path], Command]


class BuildError(Exception):
    """A step of a build failed; its text is what the tool said."""


def run(folder: Path, *command: str | Path, **environment: str) -> str:
    """Run a step of a build. Raises BuildError."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | environment,
            capture_output=True,
            encoding="utf-8",
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{command}: not done after {LIMIT_S} s\n{error.output!r}\n{error.stderr!r}") from None
    if done.returncode:
        raise BuildError(f"{command}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def protoc(folder: Path, plugins: Iterable[Path], *options: str | Path) -> None:
    """Generate code with the protoc that comes with grpcio-tools."""
    named = [f"--plugin={plugin.name}={plugin}" for plugin in plugins]
    run(folder, sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}", f"-I{COMMON_PROTOS}", *named, *options)


def contract() -> list[Path]:
    """List the files of the contract."""
    return sorted(PROTO.glob("sendgate/v1/*.proto"))


def _go(folder: Path) -> None:
    run(folder, "go", "build", "-o", f"{folder}/bin/", "tool")
    package = "sendgate.test/client/sendgate/v1"
    to = [f"--{kind}_opt=M{file.relative_to(PROTO)}={package}" for kind in ("go", "go-grpc") for file in contract()]
    plugins = [folder / "bin/protoc-gen-go", folder / "bin/protoc-gen-go-grpc"]
    out = [f"--{kind}_out=paths=source_relative:{folder}" for kind in ("go", "go-grpc")]
    protoc(folder, plugins, *out, *to, *contract())
    run(folder, "go", "build", "-o", f"{folder}/bin/", ".")


def _node(folder: Path) -> None:
    run(folder, "npm", "ci", "--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--fetch-retries=1")
    (folder / "gen").mkdir()
    google = [COMMON_PROTOS / f"google/rpc/{name}.proto" for name in ("status", "error_details")]
    health = folder / "node_modules/grpc-health-check/proto"
    options = [f"-I{health}", f"--es_out={folder}/gen", "--es_opt=target=js,import_extension=js"]
    plugin = folder / "node_modules/.bin/protoc-gen-es"
    protoc(folder, [plugin], *options, *contract(), *google, health / "health/v1/health.proto")


def _java(folder: Path) -> None:
    for file in contract():
        copy = folder / "proto" / file.relative_to(PROTO)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    run(folder, "mvn", "--quiet", "--batch-mode", "process-classes", MAVEN_OPTS=" ".join(_SHORT_RUN))


def _java_command(folder: Path) -> Command:
    return ["java", *_SHORT_RUN, "-cp", f"{folder}/target/classes:{folder}/target/lib/*", "sendgate.Client"]


def _python(module: str) -> Client:
    return Client({}, lambda _: None, lambda _: [sys.executable, "-m", f"tests.e2e.clients.python.{module}"])


CLIENTS: Final = {
    "sync": _python("sync"),
    "aio": _python("aio"),
    "node": Client(
        {"node": ("--version", (20, 0)), "npm": ("--version", (9, 0))},
        _node,
        lambda folder: ["node", f"{folder}/client.js"],
    ),
    "go": Client({"go": ("version", (1, 21))}, _go, lambda folder: [f"{folder}/bin/client"]),
    "java": Client({"javac": ("--version", (17, 0)), "mvn": ("--version", (3, 6))}, _java, _java_command),
}
"""All clients by name."""


def command(name: str) -> Command:
    """Return the command that starts a client, once it is built. Skips where a tool or a registry is missing."""
    client = CLIENTS[name]
    versions = "".join(_version(name, tool, *needed) for tool, needed in client.tools.items())
    return client.start(_built(name, client, versions) if versions else ROOT)


def _version(name: str, tool: str, option: str, least: tuple[int, int]) -> str:
    """Ask a tool for its version. Skips where it is missing or too old."""
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed: the {name} client is not tested")
    told = run(ROOT, tool, option)
    found = re.search(r"(\d+)\.(\d+)", told)
    if not found or (int(found[1]), int(found[2])) < least:
        wanted = ".".join(map(str, least))
        pytest.skip(f"{tool} is older than {wanted}: the {name} client is not tested ({told.strip()})")
    return told


def _built(name: str, client: Client, versions: str) -> Path:
    folder = BUILDS / name / _digest(name, versions)
    ready = folder / "ready"
    with _alone(name):
        if ready.exists():
            return folder
        for old in (BUILDS / name).iterdir():
            shutil.rmtree(old)
        shutil.copytree(SOURCES / name, folder)
        try:
            client.make(folder)
        except BuildError as error:
            if unreachable := _UNREACHABLE.search(str(error)):
                pytest.skip(f"the packages of the {name} client cannot be fetched: {unreachable[0]}")
            raise
        ready.touch()
    return folder


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Keep other processes from building the same client meanwhile."""
    (BUILDS / name).mkdir(parents=True, exist_ok=True)
    with (BUILDS / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest(name: str, versions: str) -> str:
    """Sum up what a build is made from: its tools, its sources, how it is made, and the contract."""
    total = hashlib.sha256(versions.encode())
    sources = sorted(each for each in (SOURCES / name).rglob("*") if each.is_file())
    for file in (Path(__file__), *sources, *contract()):
        total.update(f"{file.name}\0".encode() + file.read_bytes())
    return total.hexdigest()[:16]
