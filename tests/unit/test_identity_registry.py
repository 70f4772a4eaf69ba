"""The file of credentials: what it may say, and whom it makes known."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from gate.dataplane.context import Context, Peer
from gate.dataplane.heads import Head
from gate.errors import LocationDeniedError, PermissionDeniedError, SettingsError, UnauthenticatedError
from gate.identity.files import replace
from gate.identity.live import LiveRegistry
from gate.identity.registry import Credential, Known, Registry, RegistryError, parse, written
from gate.identity.tokens import mint, parts
from gate.service.caller import Role, caller_with
from gate.servicers.identity import Identity

NOON: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOKEN_ID, TOKEN, HASHED = mint()
SAN: Final = "uri:spiffe://example.com/sender"
GOOD: Final[dict[str, Any]] = {
    "id": f'"{TOKEN_ID}"',
    "roles": '["sender"]',
    "locations": '["acme"]',
    "created": "2026-03-02T12:00:00Z",
    "salt": f'"{HASHED.salt.hex()}"',
    "hash": f'"{HASHED.digest.hex()}"',
}


def credential(**fields: Any) -> Credential:
    """Make a sender's token for acme; `fields` replace what differs."""
    usual: dict[str, Any] = {
        "id": TOKEN_ID,
        "name": "campaigns",
        "roles": frozenset({Role.SENDER}),
        "locations": frozenset({"acme"}),
        "created": NOON,
        "hashed": None if "san" in fields else HASHED,
    }
    return Credential(**usual | fields)


def table(kind: str = "token", **fields: str | None) -> str:
    """Write a table of the file; None leaves a field out."""
    rows = (f"{name} = {text}" for name, text in (GOOD | fields).items() if text is not None)
    return "\n".join([f"[[{kind}]]", *rows, ""])


def name_of(known: Known | None) -> str | None:
    """Tell who was found."""
    return known and known.caller.name


def test_a_token_is_found_by_its_secret_alone() -> None:
    """The token that was told is known; any other with its id, its secret under another id, and no token are not."""
    registry = Registry([credential()])
    token_id, secret = parts(TOKEN)

    assert (token_id, name_of(registry.by_token(TOKEN))) == (TOKEN_ID, "campaigns")
    for other in (f"sendgate_{TOKEN_ID}_", f"{TOKEN}x", TOKEN[:-1], f"sendgate_other_{secret}", secret, "", "x" * 999):
        assert registry.by_token(other) is None


def test_the_file_does_not_hold_the_token() -> None:
    """Neither the token nor its secret can be read from what is written; what is written reads as it was."""
    credentials = (
        credential(expires=NOON + timedelta(days=90), locations=frozenset({'a "quoted" \x7f place', "b"})),
        credential(id="c1", name="edge", san=SAN, locations=None, roles=frozenset({Role.USER, Role.SUPPORT})),
    )

    text = written(credentials)

    assert parts(TOKEN)[1] not in text
    assert parse(text) == credentials


def test_two_tokens_never_have_the_same_hash() -> None:
    """Each has a salt and 256 random bits of its own."""
    minted = [mint() for _ in range(20)]

    assert len({hashed.salt for _, _, hashed in minted}) == len({token for _, token, _ in minted}) == 20
    assert all(len(parts(token)[1]) >= 256 / 6 for _, token, _ in minted)


def test_a_certificate_is_found_by_the_kind_and_the_whole_of_a_name() -> None:
    """A name of another kind, a part of it and a longer one are somebody else's; the first known name counts."""
    registry = Registry([credential(san=SAN, id="a"), credential(san="dns:x.example.com", id="b", name="other")])

    assert name_of(registry.by_names(["dns:unknown", SAN])) == "campaigns"
    assert name_of(registry.by_names(["dns:x.example.com", SAN])) == "other"
    for name in (SAN.replace("uri", "dns"), SAN[:-1], f"{SAN}/more", "dns:example.com", "dns:X.example.com"):
        assert registry.by_names([name]) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("token = 1", "token: write [[token]]"),
        ("[[tokens]]", "tokens: unknown; the tables are [[token]] and [[certificate]]"),
        ("[[token]", "not TOML"),
        (table(id=None), "token 1: id is missing"),
        (table(hash=None), "token 1: hash is missing"),
        (table(roles=None), "token 1: roles is missing"),
        (table(locations=None), "token 1: locations is missing"),
        (table() + table(id='"b"', roles='["boss"]'), "token 2: 'boss' is not a valid Role"),
        (table(locations="[]"), "locations: name them"),
        (table(locations='["*", "acme"]'), "locations: name them"),
        (table(locations='"acme"'), "locations: name them"),
        (table(locations=f'["{"x" * 257}"]'), "is not 1 to 256 bytes"),
        (table(locations="[1]"), "locations: 1 is not"),
        (table(id="5"), "token 1: id: 5 is no text"),
        ("token = [1]", "token 1: 1 is no table"),
        (table(expires="9999-12-31T23:59:59-10:00"), "token 1: date value out of range"),
        (table(created="2026-03-02T12:00:00"), "created: not a time with its zone"),
        (table(expires='"never"'), "expires: not a time with its zone"),
        (table(name='"local"'), "other than local"),
        (table(name='"two words"'), "is not 1 to 128 letters"),
        (table(hash='"00"'), "hash: not the 64 digits"),
        (table(hash='"zz"'), "token 1: "),
        (table(scope='"x"'), "token 1: scope: unknown"),
        (table() + table(), ": stands there twice"),
        (table("certificate", san='"uri:x"'), "certificate 1: hash: unknown"),
        (table("certificate", salt=None, hash=None), "certificate 1: san is missing"),
        (table("certificate", salt=None, hash=None, san='"spiffe://x"'), "is neither uri:... nor dns:..."),
    ],
    # A file has a random token in it, so that workers would not agree on the name of its test.
    ids=lambda text: "file" if text.startswith("[[") else text,
)
def test_what_the_file_must_not_say(text: str, told: str) -> None:
    """One line names the table and what is wrong with it; nothing of the file is taken."""
    with pytest.raises(RegistryError) as refusal:
        parse(text)

    assert told in str(refusal.value)


@pytest.mark.parametrize("role", list(Role))
def test_a_role_opens_its_own_doors_alone(role: Role) -> None:
    """Each role is itself and no other, but admin, who is all of them."""
    caller = caller_with("x", frozenset({role}), None)

    for other in Role:
        if other is role or role is Role.ADMIN:
            caller.need(other, at="anywhere")
        else:
            with pytest.raises(PermissionDeniedError):
                caller.need(other)


def test_a_location_is_one_by_its_whole_name() -> None:
    """A caller for some locations is let into no other, not even one with a similar or an empty name."""
    caller = caller_with("x", frozenset({Role.ADMIN}), frozenset({"acme"}))

    caller.need(Role.USER, at="acme")
    for other in ("", "acm", "acme ", "ACME", "*", "default"):
        with pytest.raises(LocationDeniedError):
            caller.need(Role.USER, at=other)


class Asked:
    """A gate's file of credentials, its identity, and a clock that the test sets."""

    def __init__(self, path: Path, *credentials: Credential) -> None:
        self.path = path
        self.write(written(credentials))
        self.registry = LiveRegistry(path)
        self.seconds = NOON.timestamp()
        self.identity = Identity(self.registry, lambda: self.seconds)

    def write(self, text: str) -> None:
        """Replace the file."""
        replace(self.path, text)

    def who(self, *headers: tuple[str, str], names: Mapping[str, tuple[bytes, ...]] | None = None) -> str:
        """Tell who calls with these metadata and these names in a certificate."""
        head = Head()
        head.metadata = (("user-agent", "x"), *headers)
        context: Any = Context(head, Peer("ipv4:127.0.0.1:1", names))
        try:
            return self.identity(context).name
        except UnauthenticatedError as error:
            return str(error)


NOBODY: Final = str(UnauthenticatedError())
BEARER: Final = ("authorization", f"Bearer {TOKEN}")


@pytest.mark.parametrize(
    ("value", "known"),
    [
        ("Bearer TOKEN", True),
        ("bearer  TOKEN", True),
        ("TOKEN", False),
        ("Basic TOKEN", False),
        ("Bearer TOKEN, Bearer TOKEN", False),
        ("Bearer ", False),
        ("Bearer \udcff\u00e9", False),
        ("", False),
    ],
)
def test_how_a_token_is_shown(tmp_path: Path, value: str, *, known: bool) -> None:
    """As `Bearer` and the token, in metadata of that name; everything else is refused with the same words."""
    asked = Asked(tmp_path / "tokens.toml", credential())
    value = value.replace("TOKEN", TOKEN)

    assert [asked.who(("authorization", value)) for _ in range(2)] == ["campaigns" if known else NOBODY] * 2
    assert asked.who(("x-authorization", value)) == NOBODY


def test_a_token_decides_where_there_is_one(tmp_path: Path) -> None:
    """A certificate counts without a token alone: a wrong token is refused whatever the certificate says."""
    asked = Asked(tmp_path / "tokens.toml", credential(), credential(id="c", san=SAN, name="edge"))
    names = {"peer_uri": (SAN.removeprefix("uri:").encode(),)}

    assert asked.who(names=names) == "edge"
    assert asked.who(BEARER, names=names) == "campaigns"
    assert asked.who(("authorization", "Bearer x"), names=names) == NOBODY


def test_names_of_a_certificate_keep_their_kind(tmp_path: Path) -> None:
    """A DNS name that reads like a trusted URI, and the subject's common name, are nobody."""
    asked = Asked(tmp_path / "tokens.toml", credential(id="c", san=SAN))
    name = SAN.removeprefix("uri:").encode()

    assert asked.who(names={"peer_uri": (b"x", name)}) == "campaigns"
    for names in ({"peer_dns": (name,)}, {"x509_common_name": (name,)}, {"x509_subject_alternative_name": (name,)}):
        assert asked.who(names=names) == NOBODY


def test_an_expired_credential(tmp_path: Path) -> None:
    """It proves nothing from its last second on, also where it was remembered."""
    asked = Asked(tmp_path / "tokens.toml", credential(expires=NOON + timedelta(hours=1)))
    assert asked.who(BEARER) == "campaigns"

    asked.seconds += 3600

    assert asked.who(BEARER) == NOBODY


def test_a_change_of_the_file(tmp_path: Path) -> None:
    """What is revoked is forgotten, what is new is known, and a broken or a missing file changes nothing."""
    asked = Asked(tmp_path / "tokens.toml", credential())
    assert asked.who(BEARER) == "campaigns"
    assert not asked.registry.refresh()

    spoils: list[Callable[[], object]] = [
        lambda: asked.write("[[token]]"),
        asked.path.unlink,
        lambda: asked.path.touch(mode=0o644),
    ]
    for spoil in spoils:
        spoil()
        with pytest.raises(SettingsError):
            asked.registry.refresh()
        assert (asked.registry.refresh(), asked.who(BEARER)) == (False, "campaigns")

    asked.write(written([credential(id="c", san=SAN, name="edge")]))
    assert asked.registry.refresh()
    assert asked.who(BEARER) == NOBODY
    assert asked.who(names={"peer_uri": (SAN.removeprefix("uri:").encode(),)}) == "edge"


def test_what_is_remembered_is_bounded(tmp_path: Path) -> None:
    """Unknown tokens are not kept, and known ones in ever new spellings take the room of some thousands."""
    asked = Asked(tmp_path / "tokens.toml", credential())

    for spaces in range(9_000):
        asked.who(("authorization", f"Bearer {' ' * spaces}{TOKEN}"))
        asked.who(("authorization", f"Bearer {spaces}"))

    assert 0 < len(asked.registry.now.shown) <= 4_096
