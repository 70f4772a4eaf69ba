"""What the log says when the files of credentials and certificates change: how much there is now, or what is amiss."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from gate.identity import live
from gate.identity.live import LiveRegistry, take
from gate.identity.tls import Tls, TlsFiles
from gate.service.caller import Role
from tests.e2e.certificates import Authority
from tests.e2e.identities import Identities


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Take out what the log says."""
    caplog.set_level(logging.INFO)

    def taken() -> list[str]:
        said = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return said

    return taken


@pytest.fixture
def identities(tmp_path: Path) -> Identities:
    """Write files with two tokens and a trusted name."""
    identities = Identities(tmp_path)
    for name in ("one", "two"):
        identities.token(name, Role.SENDER)
    identities.trust("dns:edge.example.com", "edge", Role.SENDER)
    return identities


def test_a_file_that_was_cut_between_two_tables(identities: Identities, told: Callable[[], list[str]]) -> None:
    """It is taken, for fewer may call then; the log says how many there are and were."""
    registry = LiveRegistry(identities.tokens)
    whole = identities.tokens.read_text()
    header, first, *_ = whole.split("[[")

    for text in (f"{header}[[{first}", whole, ""):
        identities.tokens.write_text(text)
        take(registry, "credentials")

    assert told() == [
        "credentials: taken anew, 1 of them; before 3",
        "credentials: taken anew, 3 of them; before 1",
        f"{identities.tokens}: no credential in it, so that nobody may call",
        "credentials: taken anew, 0 of them; before 3",
    ]


def test_authorities_that_were_cut_short(identities: Identities, told: Callable[[], list[str]]) -> None:
    """Certificates are counted, the gate's own and those that it trusts; a change that is none is not told."""
    ours = identities.clients.certificate
    identities.client_ca.write_bytes(ours + Authority("of others").certificate)
    tls = Tls(TlsFiles(identities.certificate, identities.key, identities.client_ca))
    take(tls, "certificates")
    identities.client_ca.write_bytes(ours)

    take(tls, "certificates")

    assert told() == ["certificates: taken anew, 2 of them; before 3"]


@pytest.mark.parametrize("text", ["[[token]]", "a = " + "[" * 9_000, "a = " + "9" * 9_000, "\0"])
def test_a_file_that_says_something_impossible(
    identities: Identities, told: Callable[[], list[str]], text: str
) -> None:
    """What is wrong with it is told with its name, and what was in force stays."""
    registry = LiveRegistry(identities.tokens)
    identities.tokens.write_text(text)

    take(registry, "credentials")

    (line,) = told()
    assert line.startswith(f"credentials: not taken, what was in force stays: {identities.tokens}: ")
    assert registry.size == 3


def test_a_defect_names_the_files(
    identities: Identities, told: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else fails is told with the files and the kind of the error, not with what it says."""
    registry = LiveRegistry(identities.tokens)
    tls = Tls(TlsFiles(identities.certificate, identities.key, identities.client_ca))

    def fail(*_: object) -> None:
        raise LookupError("a secret")

    monkeypatch.setattr(live, "parse", fail)
    monkeypatch.setattr("gate.identity.tls.load", fail)
    identities.save()
    identities.key.touch()
    take(registry, "credentials")
    take(tls, "certificates")

    not_taken, certificates = "not taken, what was in force stays", ", ".join(map(str, tls.files))
    assert tls.files == (identities.certificate, identities.key, identities.client_ca)
    assert told() == [
        f"credentials: {not_taken}: {identities.tokens}: LookupError",
        f"certificates: {not_taken}: {certificates}: LookupError",
    ]
