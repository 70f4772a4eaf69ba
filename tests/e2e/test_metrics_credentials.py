"""Who may scrape: beyond loopback only whoever has a credential for all locations, a token or a certificate."""

import json
from pathlib import Path
from typing import Final

import pytest

from gate.service.caller import Role
from tests.e2e.certificates import Authority
from tests.e2e.conftest import StartServer
from tests.e2e.identities import SERVER_NAME, Identities
from tests.e2e.scrapes import BEYOND, HERE, ask, context, quiet, unanswered
from tests.e2e.server import eventually

pytestmark = pytest.mark.any_transport

EDGE: Final = "uri:spiffe://example.com/edge"


@pytest.fixture
def identities(tmp_path: Path) -> Identities:
    """Write the files of a gate."""
    return Identities(tmp_path)


def test_mutual_tls(serve: StartServer, identities: Identities) -> None:
    """Nobody is answered without a certificate of the client CA; beyond loopback it has to open all locations."""
    issue = identities.clients.issue
    identities.trust(EDGE, "edge", Role.SENDER)
    identities.trust("dns:acme.example.com", "acme", Role.ADMIN, at=["acme"])
    token = identities.token("prometheus", Role.SUPPORT)
    gate = serve(**BEYOND, **identities.mutual)

    for nobody in (None, identities.authority.issue(EDGE), issue(EDGE, days=-1), Authority("of others").issue(EDGE)):
        assert unanswered(gate, context(identities, nobody))
    assert ask(gate, context(identities, issue(EDGE))).status == 200
    assert ask(gate, context(identities, issue("dns:acme.example.com"))).status == 403
    stranger = context(identities, issue("dns:example.com"))
    assert ask(gate, stranger).status == 401
    assert ask(gate, stranger, token).status == 200
    assert ask(gate, context(identities, issue(EDGE)), f"{token}x").status == 401
    assert quiet(gate)


def test_mutual_tls_on_loopback(serve: StartServer, identities: Identities) -> None:
    """A certificate of the client CA is needed there too, whosever it is."""
    gate = serve(**HERE, **identities.mutual)

    assert unanswered(gate, context(identities))
    assert ask(gate, context(identities, identities.clients.issue("dns:example.com"))).status == 200


def test_credentials_beyond_loopback(serve: StartServer, identities: Identities) -> None:
    """Each role opens the metrics if it is for all locations; what is refused is counted and told as calls are."""
    everywhere = [identities.token(role, role) for role in Role]
    at_acme = identities.token("acme", Role.ADMIN, at=["acme"])
    expired = identities.token("expired", Role.ADMIN, days=-1)
    no_role = identities.token("nothing")
    gate = serve(**BEYOND, **identities.settings)
    tls = context(identities)

    for token in everywhere:
        assert ask(gate, tls, token).status == 200
    missing = ask(gate, tls)
    assert (missing.status, missing.challenge) == (401, "Bearer")
    assert ask(gate, tls, "no token") == ask(gate, tls, expired) == missing
    denied = ask(gate, tls, at_acme)
    assert (denied.status, denied.challenge) == (403, None)
    assert ask(gate, tls, no_role) == denied
    assert not any(b"sendgate" in answer.body for answer in (missing, denied))
    assert ask(gate, tls, path="/").status == 401
    assert ask(gate, tls, method="HEAD") == missing._replace(body=b"")

    why = {"missing": 3, "unknown": 1, "expired": 1, "location": 1, "role": 1, "user": 0}
    counts = {f'sendgate_authentication_failures_total{{kind="{kind}"}} {count}.0' for kind, count in why.items()}
    eventually(lambda: counts <= set(ask(gate, tls, everywhere[0]).body.decode().splitlines()), "all are counted")
    lines = [line for line in map(json.loads, gate.log.splitlines()) if line["event"] == "call_denied"]
    assert {kind: [line["why"] for line in lines].count(kind) for kind in why} == why
    assert {line["method"] for line in lines} == {"/metrics"}
    assert all(line["peer"].startswith("ipv4:127.0.0.1:") for line in lines)
    assert not [token for token in (*everywhere, at_acme, expired) if token in gate.log]


def test_the_first_of_two_tokens(serve: StartServer, identities: Identities) -> None:
    """It decides alone, as for calls."""
    token = identities.token("prometheus", Role.SENDER)
    gate = serve(**BEYOND, **identities.settings)

    assert ask(gate, context(identities), token, "no token").status == 200
    assert ask(gate, context(identities), "no token", token).status == 401


def test_what_the_gate_inherits_is_no_header(
    serve: StartServer, identities: Identities, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable of the gate's own environment proves nobody, whatever its name."""
    monkeypatch.setenv("HTTP_AUTHORIZATION", f"Bearer {identities.token('prometheus', Role.SENDER)}")
    gate = serve(**BEYOND, **identities.settings)

    assert ask(gate, context(identities)).status == 401


def test_insecure(serve: StartServer) -> None:
    """With --insecure everybody is answered beyond loopback, in the clear."""
    assert ask(serve(**BEYOND, insecure="true"), None).status == 200


def test_insecure_with_tokens(serve: StartServer, identities: Identities) -> None:
    """Where there are credentials, one is asked for all the same."""
    token = identities.token("prometheus", Role.SENDER)
    gate = serve(**BEYOND, insecure="true", tokens=str(identities.tokens))

    assert ask(gate, None).status == 401
    assert ask(gate, None, token).status == 200


def test_certificates_and_tokens_change_while_the_gate_runs(serve: StartServer, identities: Identities) -> None:
    """New connections get the new certificate, and a revoked token is none."""
    token = identities.token("prometheus", Role.SENDER)
    gate = serve(**BEYOND, **identities.settings)
    old = context(identities)
    assert ask(gate, old, token).status == 200

    identities.authority = Authority("of the gate, renewed")
    identities.authority.issue(SERVER_NAME).write(identities.directory, "gate")
    new = context(identities)
    eventually(lambda: not unanswered(gate, new), "the new certificate")
    assert unanswered(gate, old)
    assert ask(gate, new, token).status == 200

    identities.revoke("prometheus")
    eventually(lambda: ask(gate, new, token).status == 401, "a revocation")
