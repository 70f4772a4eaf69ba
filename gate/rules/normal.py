"""The normal form of a reply: what is left of a body when nothing but its words counts."""

import unicodedata
from collections.abc import Callable

_KEYCAP = "\u20e3"
_KEYCAP_BASES = "0123456789#*"

# Pictures that NFKC would spell out in letters: a trade mark sign after STOP must not make it "stoptm".
_PICTURES = dict.fromkeys((0x2122, 0x2139, 0x3297, 0x3299, *range(0x1F200, 0x1F266)), " ")
_CIRCLED_M = "\u24c2\ufe0f"

# Default-ignorable code points (Unicode's DerivedCoreProperties) whose category is neither control nor format.
_IGNORABLE = frozenset(
    (
        0x034F,
        0x115F,
        0x1160,
        0x17B4,
        0x17B5,
        0x180B,
        0x180C,
        0x180D,
        0x180F,
        0x2065,
        *range(0xFE00, 0xFE10),
        *range(0xFFF0, 0xFFF9),
        *range(0xE0000, 0xE1000),
    )
)

# Joins words like a hyphen, but Unicode files it under other punctuation, symbols or modifiers.
_OTHER_HYPHENS = frozenset("\u02d7\u2043\u2212")

_REMEMBERED = 0x20000
"""Below it is what people write in. Only of that the answers are kept, so that they stay within some 10 MB."""


class _Table(dict[int, str | None]):
    """What becomes of each character, for str.translate: a hundred times as fast as asking about each.

    Characters are asked about when they are first seen: every start would wait for all of Unicode.
    """

    def __init__(self, become: Callable[[str], str | None]) -> None:
        super().__init__()
        self._become = become

    def __missing__(self, code: int) -> str | None:
        become = self._become(chr(code))
        if code < _REMEMBERED:
            self[code] = become
        return become


def _seen(char: str) -> str | None:
    """Drop what shows nothing, and level white space. A lone surrogate is half of a character that got lost."""
    if char.isspace():
        return " "
    return None if unicodedata.category(char) in {"Cc", "Cf", "Cs"} or ord(char) in _IGNORABLE else char


def _spaced(char: str) -> str:
    """Let what joins words separate them."""
    return " " if unicodedata.category(char) == "Pd" or char in _OTHER_HYPHENS else char


_SEEN = _Table(_seen)
_SPACED = _Table(_spaced)


def normalise(body: str) -> str:
    """Reduce a reply to the form in which it is compared with a keyword.

    Case, width, invisible characters, and whatever decorates either end do not count; inner white space and
    hyphens count as one space. Takes any string, lone surrogates included, and is idempotent.
    """
    if body.isascii() and body.isprintable():  # most are, and all that is rare elsewhere cannot be in them
        return _one_space(_undecorated(body.lower()))
    text = body.replace(_CIRCLED_M, " ").translate(_PICTURES)
    text = unicodedata.normalize("NFKC", text)
    # Dropping a character can bring a letter and its accent together, and folding case can leave a sequence
    # that composes; both settle in a round or two.
    while (folded := _fold(text)) != text:
        text = folded
    return _one_space(_undecorated(text))


def _fold(text: str) -> str:
    """Drop what cannot be seen and level case, once."""
    return unicodedata.normalize("NFKC", text.translate(_SEEN).casefold())


def _undecorated(text: str) -> str:
    """Strip everything at both ends that is not part of a word.

    An accent belongs to the character before it, and goes or stays with it.
    """
    if text[:1].isalpha() and text[-1:].isalpha():
        return text
    start, end = 0, len(text)
    while start < end:
        if text[start] in _KEYCAP_BASES and text.startswith(_KEYCAP, start + 1):
            start += 2
        elif _decoration(text[start]) or _mark(text[start]):
            start += 1
        else:
            break
    while start < end:
        base = end - 1
        while base > start and _mark(text[base]):
            base -= 1
        if not _decoration(text[base]):
            break
        keycap = text[base] == _KEYCAP and base > start and text[base - 1] in _KEYCAP_BASES
        end = base - 1 if keycap else base
    return text[start:end]


def _decoration(char: str) -> bool:
    """Tell white space, punctuation, symbols and emoji from letters, digits and their marks.

    An emoji newer than this Python's Unicode is unassigned to it, and a carrier's own is in private use.
    """
    category = unicodedata.category(char)
    return category[0] in "ZPS" or category in {"Co", "Cn", "Me"}


def _mark(char: str) -> bool:
    """Tell accents and vowel signs, which sit on the character before them."""
    return unicodedata.category(char) in {"Mn", "Mc"}


def _one_space(text: str) -> str:
    """Turn each inner run of white space, hyphens and dashes into one space."""
    text = text.replace("-", " ") if text.isascii() else text.translate(_SPACED)
    return " ".join(text.split())
