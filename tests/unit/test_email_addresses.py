"""Email addresses that are taken without the library's look: exactly those that it gives back unaltered."""

import email_validator
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gate.errors import InvalidFieldError
from gate.rules.model import Channel
from gate.wire.address import PLAIN_EMAIL, address_reader

READ = address_reader("US")
WORDS = st.sampled_from(["a", "Ann", "bo", "x1", "7", "0", "com", "test", "local", "xn", "ab", "a" * 63, "b" * 64])
MARKS = st.sampled_from([".", "..", "-", "--", "+", "_", "@", "", " ", "'", '"', "[", "\n", "\x7f", "é"])
PIECES = st.lists(st.one_of(WORDS, WORDS, MARKS), max_size=9).map("".join)
DOMAINS = st.lists(
    st.one_of(WORDS, st.from_regex(r"[a-z0-9-]{0,5}", fullmatch=True), st.just("xn--bcher-kva")), max_size=5
).map(".".join)

LOCAL_PARTS = st.from_regex(r"[a-z0-9_+.-]{1,12}", fullmatch=True) | st.just("a" * 64)
LABELS = st.from_regex(r"[a-z]{2,3}|[a-z0-9-]{1,9}", fullmatch=True) | st.just("b" * 63)


def by_library(text: str) -> str | None:
    """Read an address as the library does; None if it refuses."""
    try:
        return email_validator.validate_email(text, check_deliverability=False).normalized.lower()
    except email_validator.EmailNotValidError:
        return None


def read(text: str) -> str | None:
    """Read an address as the gate does."""
    try:
        return READ(Channel.EMAIL, text)
    except InvalidFieldError:
        return None


@given(st.builds("{}@{}".format, PIECES, st.one_of(DOMAINS, PIECES)))
def test_the_short_way_agrees_with_the_library(text: str) -> None:
    """Whatever the dots, hyphens, labels and lengths, the gate reads an address as the library does."""
    if text == text.strip():
        assert read(text) == by_library(text)


@given(st.builds("{}@{}.{}".format, LOCAL_PARTS, st.lists(LABELS, min_size=1, max_size=4).map(".".join), LABELS))
def test_every_plain_address_is_unaltered_by_the_library(text: str) -> None:
    """What the expression takes, the library gives back as it is, up to the longest."""
    assume(PLAIN_EMAIL.fullmatch(text))
    assert by_library(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "ann@example.com",
        "ann.bo+tag@mail.example.co",
        "a_b-c@x1.y-z.org",
        f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 57}.com",
    ],
)
def test_ordinary_addresses_are_plain(text: str) -> None:
    """What nearly all mail is sent to needs no second look."""
    assert PLAIN_EMAIL.fullmatch(text)
    assert READ(Channel.EMAIL, text) == by_library(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Ann@example.com",
        ".ann@example.com",
        "ann.@example.com",
        "a..b@example.com",
        "ann@example",
        "ann@example.c0",
        "ann@10.0.0.1",
        "ann@-a.com",
        "ann@a-.com",
        "ann@xn--bcher-kva.com",
        "ann@ab--c.com",
        "ann@a..com",
        "ann@.com",
        "ann@example.com.",
        "ann@example.com\n",
        "@example.com",
        "ann@bo@example.com",
        f"ann@{'a' * 64}.com",
        f"{'a' * 65}@example.com",
        f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 58}.com",
    ],
)
def test_what_is_left_to_the_library(text: str) -> None:
    """Where letters are capital, a dot or hyphen is out of place, or something is too long, the library decides."""
    assert not PLAIN_EMAIL.fullmatch(text)
