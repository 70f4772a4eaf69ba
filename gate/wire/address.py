"""Addresses in the one form under which they are stored and matched.

Most are in it already. The libraries that read all others take a tenth of a gate's start to import, so that they are
when they are first needed, or by `warm`.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache, partial
from types import MappingProxyType, ModuleType
from typing import Final

from gate.errors import InvalidFieldError, Reason
from gate.rules.model import Channel
from gate.wire.fields import bounded

AddressReader = Callable[[Channel, str], str]
"""Reads an address of a channel into its normal form; empty stays empty. Raises InvalidFieldError."""

_REMEMBERED: Final = 65_536
_WARMING: Final = ((Channel.SMS, "+442079460000"), (Channel.EMAIL, "Nobody@Example.com"))
"""Addresses of nobody: Ofcom's range for drama, and RFC 2606."""

_CHANNEL_PREFIX: Final = re.compile(r"(whatsapp|sms):", re.IGNORECASE)
PLAIN_NANP: Final = re.compile(r"\+1[2-9][0-9]{9}")
"""North American numbers that are in E.164 already. The library gives them back unaltered, in 40 microseconds."""
PLAIN_EMAIL: Final = re.compile(
    r"(?=.{1,254}\Z)"
    r"(?=[^@]{1,64}@)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@"
    r"(?:(?=[^.]{1,63}\.)[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,63}"
)
"""Lower-case ASCII addresses that need no second look. The library gives them back unaltered, in 25 microseconds.

Of a domain two hyphens in a row are left to the library: they may be Punycode.
"""


def address_reader(default_region: str) -> AddressReader:
    """Make the reader of a gate whose numbers without a country code are of `default_region`, as in `US`."""
    return lru_cache(_REMEMBERED)(partial(_read, default_region))


def warm(read: AddressReader) -> None:
    """Read what takes the libraries, so that nobody waits for them later: some 100 milliseconds, in any thread."""
    for channel, text in _WARMING:
        read(channel, text)


def _read(default_region: str, channel: Channel, text: str) -> str:
    bounded("address", text)
    stripped = text.strip()
    if not stripped:
        if text:
            raise _invalid(text, "blank")
        return ""
    return _READERS[channel](stripped, default_region)


def _phone_number(text: str, default_region: str) -> str:
    number = _CHANNEL_PREFIX.sub("", text, count=1) if _CHANNEL_PREFIX.match(text) else text
    if PLAIN_NANP.fullmatch(number):
        return number
    import phonenumbers  # noqa: PLC0415

    try:
        parsed = phonenumbers.parse(number, default_region)
    except phonenumbers.NumberParseException as error:
        raise _invalid(text, f"not a phone number ({error})") from error
    if not phonenumbers.is_possible_number(parsed):
        raise _invalid(text, "not a phone number of possible length; write it as +, country code, number")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _email_address(text: str, _: str) -> str:
    if PLAIN_EMAIL.fullmatch(text):
        return text
    email_validator = _email_validator()
    try:
        parsed = email_validator.validate_email(text, check_deliverability=False)
    except email_validator.EmailNotValidError as error:
        raise _invalid(text, f"not an email address ({error})") from error
    normalized: str = parsed.normalized
    return normalized.lower()


@cache
def _email_validator() -> ModuleType:
    import email_validator  # noqa: PLC0415

    # Special-use domains are refused where mail has to be delivered. Here an address only has to be told from others.
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    return email_validator


def _own_user_id(text: str, _: str) -> str:
    return text


_READERS: Final[Mapping[Channel, Callable[[str, str], str]]] = MappingProxyType(
    {
        Channel.SMS: _phone_number,
        Channel.CALL: _phone_number,
        Channel.WHATSAPP: _phone_number,
        Channel.EMAIL: _email_address,
        Channel.FACEBOOK: _own_user_id,
        Channel.GMB: _own_user_id,
    }
)


def _invalid(text: str, problem: str) -> InvalidFieldError:
    return InvalidFieldError(Reason.ADDRESS_INVALID, "address", f"{text!r} is {problem}")
