"""The second tier: replies that look like an opt-out to a person, but are no keyword. It never decides anything.

Three kinds of rows: opt-out words of other languages, which must be the whole body; a keyword written with
accents; and English requests. A request is recognised only where nothing is left over beside it but courtesy,
greetings and the like, so that "don't stop" or "stop by tomorrow" is never half understood.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gate.rules.normal import normalise
from gate.rules.pattern import Element, Pattern, any_of, follow, pattern
from gate.rules.rows import Row, rows, text, texts

LONGEST = 160
"""Characters of a normalised body beyond which it is a letter, not a reply, and is not read."""

_MARKS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]")
_APOSTROPHES = re.compile("['\u2018\u2019\u201b\u02bc\u2032`]")
_SENTENCE_ENDS = re.compile("[.,!?;:\u3002]+")
_WORD = re.compile(r"[^\W_]+")
_DRAWN_OUT = re.compile(r"([a-z])\1{2,}")


@dataclass(frozen=True, slots=True)
class PhraseTable:
    """What the second tier knows. Build it with `phrase_table`."""

    version: str
    letters: Mapping[int, str]
    """Letters that an accent is part of, by code point, and what they are without it."""
    bodies: frozenset[str]
    """Whole bodies, plain: words of other languages, and keywords for comparison with accented ones."""
    noise: frozenset[str]
    """Words that never change what a sentence asks for, dropped wherever they stand."""
    asides: Element
    requests: tuple[Pattern, ...]
    clear_requests: tuple[Pattern, ...]
    """The requests that one sentence of several may hold."""


def phrase_table(document: Row, opt_outs: Iterable[str]) -> PhraseTable:
    """Build the second tier from its parsed document and the profile's opt-out keywords.

    Raises ValueError that names the row, where a row has no source or example, a word is not in normal form,
    or a pattern cannot be read.
    """
    keywords = frozenset(opt_outs)
    letters = {ord(text(row, "letter")): text(row, "plain") for row in rows(document, "spelling")}
    named = _lists(document) | {"keyword": tuple(sorted(keywords))}
    requests = [(_request(row, named), _is_clear(row)) for row in rows(document, "phrase")]
    return PhraseTable(
        version=text(document, "version"),
        letters=letters,
        bodies=frozenset(plain(body, letters) for body in _foreign(document)) | keywords,
        noise=frozenset(named["noise"]),
        asides=any_of(named["aside"], optional=True, repeated=True),
        requests=tuple(request for request, _ in requests),
        clear_requests=tuple(request for request, clear in requests if clear),
    )


def reads_like_opt_out(normal: str, table: PhraseTable) -> bool:
    """Tell whether a person would take a normalised body for an opt-out, or might."""
    if len(normal) > LONGEST:
        return False
    body = plain(normal, table.letters)
    if body in table.bodies or _asks(_words(body, table), table.requests, table.asides):
        return True
    sentences = [_words(sentence, table) for sentence in _SENTENCE_ENDS.split(body)]
    return any(_asks(sentence, table.clear_requests, table.asides) for sentence in sentences)


def plain(normal: str, letters: Mapping[int, str]) -> str:
    """Take the accents off a normalised text; other scripts keep the marks that make their words."""
    bare = _MARKS.sub("", unicodedata.normalize("NFD", normal)).translate(letters)
    return normalise(bare)


def _words(sentence: str, table: PhraseTable) -> list[str]:
    """Split into words, without apostrophes, noise, and letters drawn out as in "stoppp"."""
    found = (_DRAWN_OUT.sub(r"\1", word) for word in _WORD.findall(_APOSTROPHES.sub("", sentence)))
    return [word for word in found if word not in table.noise]


def _asks(words: list[str], requests: tuple[Pattern, ...], asides: Element) -> bool:
    """Tell whether the words are one or more requests, with asides around them and nothing else."""
    fresh = asides.reach(words, {0})
    asked: set[int] = set()
    while fresh:
        behind = {place for request in requests for place in follow(request, words, fresh)}
        fresh = asides.reach(words, behind) - asked
        asked |= fresh
    return len(words) in asked


def _lists(document: Row) -> dict[str, tuple[str, ...]]:
    lists = document.get("list")
    if not isinstance(lists, Mapping):
        raise ValueError("list: the named lists of words are missing")  # noqa: TRY004 - a table's error is one kind
    return {name: texts(lists, name) for name in lists}


def _foreign(document: Row) -> Iterable[str]:
    for row in rows(document, "word"):
        word = text(row, "word")
        text(row, "language")
        if word != normalise(word):
            raise ValueError(f"word {word!r} is not in normal form; write {normalise(word)!r}")
        yield word


def _request(row: Row, named: Mapping[str, Iterable[str]]) -> Pattern:
    texts(row, "examples")
    return pattern(text(row, "pattern"), named)


def _is_clear(row: Row) -> bool:
    scope = text(row, "scope")
    if scope not in {"body", "sentence"}:
        raise ValueError(f"row {row!r}: scope must be body or sentence")
    return scope == "sentence"
