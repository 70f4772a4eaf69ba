"""Bearer tokens: made at random, told once, kept as salted hashes.

A token is `sendgate_ID_SECRET`. The secret has 256 random bits, so that nobody finds it by trying, however fast the
hash: the slow hashes that passwords need would cost every first call tens of milliseconds and buy nothing. The salt
keeps equal secrets from showing, and tables made beforehand from helping.
"""

import hmac
import secrets
from hashlib import sha256
from typing import Final, NamedTuple

_PREFIX: Final = "sendgate"
_ID_BYTES: Final = 6
_SECRET_BYTES: Final = 32
_SALT_BYTES: Final = 16
_LONGEST: Final = 256
_PARTS: Final = 3
_NOBODY: Final = bytes(sha256().digest_size)


class Hashed(NamedTuple):
    """What is kept of a token's secret."""

    salt: bytes
    digest: bytes

    def fits(self, secret: str) -> bool:
        """Compare, in a time that does not depend on how much of it is right."""
        return hmac.compare_digest(_digest(self.salt, secret), self.digest)


NO_TOKEN: Final = Hashed(bytes(_SALT_BYTES), _NOBODY)
"""Stands in for the hash of an unknown id, so that one costs the same time as a wrong secret."""


def mint() -> tuple[str, str, Hashed]:
    """Make a token; return its id, the token itself, and what is kept of it."""
    token_id, secret, salt = secrets.token_hex(_ID_BYTES), secrets.token_urlsafe(_SECRET_BYTES), secrets.token_bytes(16)
    return token_id, f"{_PREFIX}_{token_id}_{secret}", Hashed(salt, _digest(salt, secret))


def parts(token: str) -> tuple[str, str]:
    """Split a token into id and secret; both are empty where it is none."""
    pieces = token.split("_", _PARTS - 1) if len(token) <= _LONGEST else []
    if len(pieces) != _PARTS or pieces[0] != _PREFIX:
        return "", ""
    return pieces[1], pieces[2]


def _digest(salt: bytes, secret: str) -> bytes:
    return sha256(salt + secret.encode("utf-8", "surrogateescape")).digest()
