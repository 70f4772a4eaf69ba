"""Texts cut to the contract's bounds. An over-long detail must not keep an opt-out from being recorded."""

from typing import Final

from gate.connectors.errors import MalformedError

BODY_BYTES: Final = 4_096
"""The longest body that the gate takes; see InboundMessage in send_gate.proto."""

DETAIL_BYTES: Final = 256
"""The longest code, status, reason or tag that the gate takes."""


def clipped(text: str, limit: int = DETAIL_BYTES) -> str:
    """Cut a text to `limit` bytes of UTF-8, between two characters."""
    return encoded(text)[:limit].decode(errors="ignore")


def encoded(text: str) -> bytes:
    """Encode a text. Raises MalformedError for half of a surrogate pair, which JSON can spell."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise MalformedError("a text is not Unicode") from error
