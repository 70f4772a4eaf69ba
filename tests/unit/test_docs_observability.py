"""The page on logs and metrics against the code: each line and each series stands there, and none that is not."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from gate.logs import lines
from gate.logs.lines import LINES
from gate.metrics.series import HISTOGRAM, SERIES

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs/operations/observability.md").read_text("utf-8")
SOURCES: Final = sorted([*ROOT.glob("gate/**/*.py"), *ROOT.glob("store/**/*.py")])
NAMES: Final = {name for name, value in vars(lines).items() if isinstance(value, lines.Line)}


def rows(marker: str) -> dict[str, list[str]]:
    """Read the rows of all tables whose head begins with a word, by their first cell."""
    found: dict[str, list[str]] = {}
    for table in re.findall(rf"^\| {marker} .*\n\| ---.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE):
        for row in table.splitlines():
            first, *others = (cell.strip() for cell in row.strip("|").split("|"))
            assert first not in found
            found[first] = others
    return found


def test_every_line_of_the_log_is_documented() -> None:
    """The tables name each event with its level, and mark those that are limited in number."""
    told = {
        f"`{each.event}`{' †' * each.refusal}": {10: "debug", 20: "info", 30: "warning", 40: "error"}[each.level]
        for each in LINES
    }

    assert {name: level for name, (level, _) in rows("event").items()} == told


def test_every_series_is_documented() -> None:
    """The table names each series with its labels, or says that it is a histogram."""
    told = {
        f"`{each.full_name}`": HISTOGRAM if each.kind == HISTOGRAM else ", ".join(f"`{label}`" for label in each.labels)
        for each in SERIES
    }

    assert {name: labels for name, (labels, _) in rows("series").items()} == told


def test_no_series_is_invented() -> None:
    """Each series that the page names, in its examples too, is one that the gate has."""
    known = {each.full_name for each in SERIES} | {
        f"{each.full_name}_bucket" for each in SERIES if each.kind == HISTOGRAM
    }

    assert set(re.findall(r"sendgate_[a-z_]*[a-z]", PAGE)) <= known


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_logged_past_the_catalogue(path: Path) -> None:
    """No module calls a logger itself; what it would tell stands in the catalogue, where it is seen."""
    if path.parent.name == "logs":
        return
    calls = [node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    told = {f"{ast.unparse(each.value)}.{each.attr}" for each in calls if isinstance(each, ast.Attribute)}

    assert not {name for name in told if re.match(r"_?log(ger)?\.", name)}
    assert "logging.basicConfig" not in told


def test_every_line_is_written_somewhere() -> None:
    """No line of the catalogue, and so none of the page, is one that nobody tells."""
    used = {
        node.attr if isinstance(node, ast.Attribute) else node.id
        for path in SOURCES
        if path.name != "lines.py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute | ast.Name)
    }

    assert used >= NAMES
