"""The documents against the code: what the README lists is all there is, and its links lead somewhere."""

import ast
import importlib
import pkgutil
import re
from dataclasses import fields
from pathlib import Path
from typing import Final

import pytest
from google.protobuf.descriptor import ServiceDescriptor
from google.rpc import code_pb2
from sendgate import v1
from sendgate.v1 import send_gate_pb2 as pb

from gate.errors import GateError, Reason
from gate.rules.causes import CAUSES
from gate.rules.model import Cause
from gate.settings import CLIENTS, Settings, variable
from gate.status import status

ROOT: Final = Path(__file__).parents[2]
README: Final = ROOT / "README.md"
RULES: Final = ROOT / "docs/rules.md"
DOCUMENTS: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "tests/data/README.md"])

_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_NAME: Final = re.compile(r"`([A-Za-z_]+)`")
_PROOF: Final = re.compile(r"`([\w/]+\.py)::(\w+)`")


def services() -> list[ServiceDescriptor]:
    """Find every service of the contract, in whatever file it is."""
    modules = [each.name for each in pkgutil.iter_modules(v1.__path__) if each.name.endswith("_pb2")]
    files = [importlib.import_module(f"{v1.__name__}.{name}").DESCRIPTOR for name in modules]
    return [service for file in files for service in file.services_by_name.values()]


def rows() -> dict[str, list[str]]:
    """Read the README's table rows whose first cell is one name, by that name; a name stands in one row."""
    found: dict[str, list[str]] = {}
    for line in README.read_text("utf-8").splitlines():
        first, *others = (cell.strip() for cell in line.strip().strip("|").split("|"))
        if line.startswith("|") and (name := _NAME.fullmatch(first)):
            assert name[1] not in found, f"{name[1]} stands in two rows"
            found[name[1]] = others
    return found


@pytest.mark.parametrize("name", [each.name for each in fields(Settings)])
def test_every_setting_is_documented(name: str) -> None:
    """The settings table gives each variable with its default as an operator would write it."""
    (default,) = (each.metadata["default"] for each in fields(Settings) if each.name == name)

    assert rows()[variable(name)][0] == f"`{default}`"


def test_no_setting_is_invented() -> None:
    """Each variable that a document names is one that the gate reads, or a service link that it ignores."""
    known = {variable(each.name) for each in fields(Settings)} | CLIENTS
    for document in DOCUMENTS:
        named = set(re.findall(r"SENDGATE_[A-Z_]*[A-Z]", document.read_text("utf-8")))
        links = {name for name in named if name.startswith(("SENDGATE_SERVICE", "SENDGATE_PORT"))}
        assert named - links <= known, document


@pytest.mark.parametrize("service", services(), ids=lambda service: str(service.name))
def test_every_call_is_documented(service: ServiceDescriptor) -> None:
    """The README has a table for each service of the contract, with a row for each of its RPCs and for no other."""
    _, table = README.read_text("utf-8").split(f"| RPC of `{service.name}` |")

    named = [_NAME.match(line.removeprefix("| ")) for line in table.split("\n\n")[0].splitlines()[2:]]

    assert {each and each[1] for each in named} == {method.name for method in service.methods}


def test_every_deny_reason_is_documented() -> None:
    """The README has a row for each reason of a denial."""
    assert set(pb.DenyReason.keys()[1:]) <= rows().keys()


@pytest.mark.parametrize("reason", list(Reason))
def test_every_error_reason_is_documented(reason: Reason) -> None:
    """The README has a row for each reason, with the code that the gate gives it."""
    error = GateError("an error")
    error.reason = reason

    assert rows()[f"ERROR_REASON_{reason}"][0] == f"`{code_pb2.Code.Name(status(error).code)}`"


@pytest.mark.parametrize("outcome", pb.Outcome.keys()[1:])
def test_every_outcome_is_documented(outcome: str) -> None:
    """The README has a row for each outcome of an event."""
    assert outcome in rows()


@pytest.mark.parametrize("detail", [field.name for field in pb.Event.DESCRIPTOR.oneofs_by_name["detail"].fields])
def test_every_kind_of_event_is_documented(detail: str) -> None:
    """The README has a row for each detail that an event may have."""
    assert detail in rows()


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_is_documented(cause: Cause) -> None:
    """The README's cause table says of each cause what the rules say of it."""
    rule = CAUSES[cause]

    _, *said = rows()[cause]

    assert said == [rule.permanence.lower(), ", ".join(rule.removers).lower(), rule.kind.lower()]


@pytest.mark.parametrize("path", sorted({path for path, _ in _PROOF.findall(RULES.read_text("utf-8"))}))
def test_proofs_of_the_rules_exist(path: str) -> None:
    """Each test that the page of rules names as a proof is there."""
    tree = ast.parse((ROOT / "tests" / path).read_text("utf-8"))
    tests = {each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}

    assert {name for file, name in _PROOF.findall(RULES.read_text("utf-8")) if file == path} <= tests


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    """Each link to a file of the repository names one, and each link within a document a heading of it."""
    text = document.read_text("utf-8")
    headings = {re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in _headings(text)}
    for link in _LINK.findall(text):
        path, _, anchor = link.partition("#")
        if path.startswith(("https:", "http:")):
            continue
        if path:
            assert (document.parent / path).exists(), link
        else:
            assert anchor in headings, link


def _headings(text: str) -> list[str]:
    return [line for line in text.splitlines() if re.match("#{1,6} ", line)]
