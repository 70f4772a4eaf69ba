"""The connectors' configuration file: what it may say, and how it is refused."""

from pathlib import Path

import pytest

from gate.connectors.config import Config, MailgunDomain, TwilioAccount, load
from gate.errors import SettingsError

KEY = "very-secret"
FILED_KEY = "from-a-file"
TWILIO = """
[[twilio]]
location = "acme"
account_sid = "AC1"
auth_token = "very-secret"
public_url = "https://hooks.example.com"
"""
MAILGUN = """
[[mailgun]]
location = "acme"
domain = "MG.example.com"
signing_key = "very-secret"
"""


def write(folder: Path, text: str) -> Path:
    """Write a configuration file."""
    path = folder / "connectors.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_accounts_are_read(tmp_path: Path) -> None:
    """Each table becomes an account with its location and its secret."""
    config = load(write(tmp_path, TWILIO + MAILGUN))

    assert config == Config(
        twilio=(
            TwilioAccount(location="acme", account_sid="AC1", auth_token=KEY, public_url="https://hooks.example.com"),
        ),
        mailgun=(MailgunDomain(location="acme", domain="mg.example.com", signing_key=KEY),),
    )


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    """A configuration that is printed or logged does not give its secrets away."""
    assert "very-secret" not in repr(load(write(tmp_path, TWILIO + MAILGUN)))


@pytest.mark.parametrize("written", ["token", "{folder}/token"])
def test_secrets_are_read_from_files(tmp_path: Path, written: str) -> None:
    """A secret may stand in a file of its own, named from the configuration's folder."""
    (tmp_path / "token").write_text(f"{FILED_KEY}\n", encoding="utf-8")
    path = written.format(folder=tmp_path)
    text = (TWILIO + MAILGUN).replace('"very-secret"', f'"{path}"')

    config = load(write(tmp_path, text.replace("auth_token", "auth_token_file").replace("_key", "_key_file")))

    assert config.twilio[0].auth_token == FILED_KEY
    assert config.mailgun[0].signing_key == FILED_KEY


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://hooks.example.com/", "https://hooks.example.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://example.com/sendgate/", "https://example.com/sendgate"),
    ],
)
def test_a_public_url_may_have_port_and_prefix(tmp_path: Path, written: str, read: str) -> None:
    """What stands in front of the path is taken as it is written, without the slash at its end."""
    assert load(write(tmp_path, TWILIO.replace("https://hooks.example.com", written))).twilio[0].public_url == read


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("account_sid", "acount_sid", r"twilio 1: acount_sid: unknown key; did you mean account_sid\?"),
        ("[[twilio]]", "[[twillio]]", r"twillio: unknown key; did you mean twilio\?"),
        ("[[twilio]]", "[twilio]", r"twilio: not a list of tables; write \[\[twilio\]\]"),
        ('account_sid = "AC1"', "", "twilio 1: account_sid: required"),
        ('"AC1"', '""', "twilio 1: account_sid: not a text, or an empty one"),
        ('"AC1"', "1", "twilio 1: account_sid: not a text, or an empty one"),
        ('"acme"', '" "', "twilio 1: location: not a text, or an empty one"),
        ('"acme"', f'"{"x" * 257}"', "twilio 1: location: at most 256 bytes"),
        ('auth_token = "very-secret"', "", "twilio 1: auth_token: give either auth_token or auth_token_file"),
        ("public_url", 'auth_token_file = "token"\npublic_url', "give either auth_token or auth_token_file"),
        ('auth_token = "very-secret"', 'auth_token_file = "none"', "auth_token_file: .*none: No such file"),
        ('auth_token = "very-secret"', 'auth_token_file = "empty"', "auth_token_file: .*empty: empty"),
        ('auth_token = "very-secret"', 'auth_token_file = "binary"', "auth_token_file: .*binary: not UTF-8"),
        ("https://hooks", "hooks", "public_url: not an http or https URL"),
        ("https://hooks", "ftp://hooks", "public_url: not an http or https URL"),
        ("hooks.example.com", "", "public_url: not an http or https URL"),
        ("example.com", "example.com:port", "public_url: not an http or https URL"),
        ("example.com", "example.com?a=1", "public_url: not an http or https URL"),
        ("[[twilio]]", "[[twilio", "not TOML in UTF-8"),
    ],
)
def test_a_faulty_table_is_refused(tmp_path: Path, old: str, new: str, problem: str) -> None:
    """A fault is told in one line that names the file, the table and the key, and never a secret."""
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "token").write_text("another-secret", encoding="utf-8")

    with pytest.raises(SettingsError, match=problem) as refusal:
        load(write(tmp_path, TWILIO.replace(old, new, 1)))

    message = str(refusal.value)
    assert message.startswith(f"{tmp_path / 'connectors.toml'}: ")
    assert "\n" not in message
    assert "secret" not in message


@pytest.mark.parametrize("text", ["", "twilio = []\nmailgun = []"])
def test_a_configuration_without_accounts_is_refused(tmp_path: Path, text: str) -> None:
    """A configuration that can take no webhook is an error."""
    with pytest.raises(SettingsError, match="no account"):
        load(write(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A configuration file that cannot be read is an error, as is one in another encoding."""
    with pytest.raises(SettingsError, match="No such file"):
        load(tmp_path / "none.toml")
    (tmp_path / "latin").write_bytes(b"# \xe9")
    with pytest.raises(SettingsError, match="not TOML in UTF-8"):
        load(tmp_path / "latin")


@pytest.mark.parametrize("table", [TWILIO, MAILGUN])
def test_an_account_has_one_location(tmp_path: Path, table: str) -> None:
    """An account may stand twice, while its secret is replaced, but not for two locations."""
    assert load(write(tmp_path, table + table.replace("very-secret", "next-secret")))

    with pytest.raises(SettingsError, match="two locations"):
        load(write(tmp_path, table + table.replace("acme", "other")))
