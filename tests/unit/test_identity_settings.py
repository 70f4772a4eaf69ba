"""Settings of identity: what belongs together, and what it takes to listen beyond this machine."""

from pathlib import Path

import pytest

from gate.errors import SettingsError
from gate.identity.client import Access, local
from gate.identity.live import LiveRegistry
from gate.identity.tls import Tls, TlsFiles
from gate.settings import load
from tests.e2e.certificates import Authority

TLS = {"SENDGATE_TLS_CERT": "c.pem", "SENDGATE_TLS_KEY": "k.pem"}
TOKENS = {"SENDGATE_TOKENS": "t.toml"}
BEYOND = {"SENDGATE_LISTEN": "0.0.0.0:1"}
METRICS = {"SENDGATE_METRICS_LISTEN": "0.0.0.0:2"}


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"SENDGATE_TLS_CERT": "c.pem"}, "SENDGATE_TLS_CERT, SENDGATE_TLS_KEY: one without the other"),
        ({"SENDGATE_TLS_KEY": "k.pem"}, "SENDGATE_TLS_CERT, SENDGATE_TLS_KEY: one without the other"),
        ({"SENDGATE_TLS_CLIENT_CA": "a.pem"}, "SENDGATE_TLS_CLIENT_CA: needs SENDGATE_TLS_CERT"),
        (TLS | {"SENDGATE_TLS_CLIENT_CA": "a.pem"}, "SENDGATE_TLS_CLIENT_CA: needs SENDGATE_TOKENS"),
        ({"SENDGATE_UNIX_MODE": "8"}, "SENDGATE_UNIX_MODE: '8' is no mode"),
        ({"SENDGATE_UNIX_PEERS": "root"}, "SENDGATE_UNIX_PEERS: 'root' is neither any nor user ids"),
        (BEYOND, "0.0.0.0:1: not a loopback address"),
        (BEYOND | TLS, "0.0.0.0:1: not a loopback address"),
        (BEYOND | TOKENS, "0.0.0.0:1: not a loopback address"),
        ({"SENDGATE_CONTROL_LISTEN": "[::]:1"} | TOKENS, "[::]:1: not a loopback address"),
        (METRICS, "0.0.0.0:2: not a loopback address, which takes TLS and credentials"),
        (METRICS | TLS, "0.0.0.0:2: not a loopback address"),
        (METRICS | TOKENS, "0.0.0.0:2: not a loopback address"),
    ],
)
def test_settings_that_do_not_go_together(environment: dict[str, str], told: str) -> None:
    """One line names the settings and what is missing."""
    with pytest.raises(SettingsError) as refusal:
        load(environment, {})

    assert str(refusal.value).startswith(told)


@pytest.mark.parametrize("more", [TLS | TOKENS, {"SENDGATE_INSECURE": "true"}])
def test_what_it_takes_to_listen_beyond_loopback(more: dict[str, str]) -> None:
    """TLS and credentials do, both of them, and so does accepting the risk."""
    settings = load(BEYOND | METRICS | more, {})

    assert (settings.listen, settings.metrics_listen) == (("0.0.0.0:1",), "0.0.0.0:2")


def test_modes_and_users() -> None:
    """A mode is octal with or without its zero; users are ids, or any."""
    settings = load({"SENDGATE_UNIX_MODE": "660", "SENDGATE_UNIX_PEERS": "0, 1000"}, {})

    assert (settings.unix_mode, settings.unix_peers) == (0o660, frozenset({0, 1000}))
    assert (load({}, {}).unix_mode, load({}, {}).unix_peers) == (0o600, None)


def test_tokens_that_everybody_could_read(tmp_path: Path) -> None:
    """A file that others on the machine may read or write is refused, and so is one that is not there."""
    path = tmp_path / "tokens.toml"
    for mode in (0o604, 0o602, 0o644):
        path.touch()
        path.chmod(mode)
        with pytest.raises(SettingsError, match="open to everybody"):
            LiveRegistry(path)
    path.chmod(0o640)
    LiveRegistry(path)
    path.unlink()
    with pytest.raises(SettingsError, match="No such file"):
        LiveRegistry(path)


def test_certificates_that_cannot_be_used(tmp_path: Path) -> None:
    """A key that is open, of another certificate or none, and a CA that is none: each is refused in a line."""
    authority = Authority()
    certificate, key = authority.issue("ip:127.0.0.1").write(tmp_path, "one")
    other_certificate, other_key = authority.issue("ip:127.0.0.1").write(tmp_path, "other")
    no_key = tmp_path / "none.pem"
    no_key.touch(mode=0o600)
    for files, told in (
        (TlsFiles(certificate, other_key, None), "no certificate in PEM with its key"),
        (TlsFiles(certificate, no_key, None), "no certificate in PEM with its key"),
        (TlsFiles(no_key, key, None), "no certificate in PEM with its key"),
        (TlsFiles(certificate, key, no_key), "no certificate in PEM"),
        (TlsFiles(tmp_path / "nothing", key, None), "No such file"),
    ):
        with pytest.raises(SettingsError, match=told):
            Tls(files)
    other_key.chmod(0o644)
    with pytest.raises(SettingsError, match="open to everybody"):
        Tls(TlsFiles(other_certificate, other_key, None))

    assert not Tls(TlsFiles(certificate, key, certificate)).refresh()


@pytest.mark.parametrize(
    ("target", "here"),
    [
        ("127.0.0.1:50051", True),
        ("localhost:50051", True),
        ("[::1]:50051", True),
        ("dns:///localhost:1", True),
        ("ipv4:127.0.0.1:1", True),
        ("unix:/run/gate.sock", True),
        ("unix-abstract:gate", True),
        ("10.0.0.1:50051", False),
        ("gate.example.com:50051", False),
        ("dns://8.8.8.8/localhost:1", False),
        ("ipv4:127.0.0.1:1,10.0.0.1:1", False),
        ("localhost.example.com:1", False),
        ("", False),
    ],
)
def test_a_token_goes_nowhere_in_the_clear(target: str, *, here: bool) -> None:
    """Without TLS it is sent to this machine alone, past any proxy; with TLS it is sent anywhere."""
    access = Access(token="sendgate_1_2")  # noqa: S106  no token of any gate

    assert local(target) is here
    assert (("grpc.enable_http_proxy", 0) in access.options(target)) is here
    if here:
        assert access.metadata(target) == (("authorization", "Bearer sendgate_1_2"),)
    else:
        with pytest.raises(SettingsError, match="must not go there in the clear"):
            access.metadata(target)
    assert access._replace(ca="system").metadata(target)


@pytest.mark.parametrize(
    "access",
    [
        Access(certificate=Path("c.pem"), ca="system"),
        Access(key=Path("k.pem"), ca="system"),
        Access(certificate=Path("c.pem"), key=Path("k.pem")),
        Access(ca="no such file"),
    ],
)
def test_halves_of_an_access(access: Access) -> None:
    """A certificate without its key, without TLS, and a CA that is not there are told before anything is sent."""
    with pytest.raises(SettingsError):
        access.credentials("127.0.0.1:1")
