"""Keep people and secrets out of the log: a phone number or an email address is told in part, a token not at all."""

import re
from typing import Final

HIDDEN: Final = "•••"

_PHONE: Final = re.compile(r"(?<!\w)\+\d{7,15}(?!\d)")
_EMAIL: Final = re.compile(r"[^\s@<>\"'(),;:=]+@[\w-]+(?:\.[\w-]+)+")
_TOKEN: Final = re.compile(r"((?i:bearer)\s+)\S+|(sendgate_)[0-9a-z]+_[\w-]+")
"""What is written in capitals, such as SENDGATE_UNIX_PEERS, is a setting and no token."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_PHONE_HEAD: Final = 5
_PHONE_TAIL: Final = 4
_LONG_PHONE: Final = 11
"""Characters from which on a head and a tail leave something to hide."""


def address(text: str) -> str:
    """Tell an address in part: enough to recognise one that is known, too little to learn one that is not."""
    local, at, domain = text.rpartition("@")
    if at:
        return f"{local[:1]}{HIDDEN}@{domain}"
    if text.startswith("+") and len(text) >= _LONG_PHONE:
        return f"{text[:_PHONE_HEAD]}{HIDDEN}{text[-_PHONE_TAIL:]}"
    return f"{text[:2]}{HIDDEN}"


def scrub(text: str) -> str:
    """Redact what looks like an address or a token, wherever it stands, and let nothing begin a line of its own.

    The last line of defence: what the gate itself tells has none of it. A body cannot be told by its looks.
    """
    text = _TOKEN.sub(lambda found: f"{found[1] or found[2]}{HIDDEN}", text)
    text = _PHONE.sub(lambda found: address(found[0]), text)
    text = _EMAIL.sub(lambda found: address(found[0]), text)
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
