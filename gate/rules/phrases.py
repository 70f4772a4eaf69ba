"""The second tier: replies that look like an opt-out to a person, but are no keyword. It never decides anything.

Three kinds of rows: opt-out words of other languages, which must be the whole body; a keyword written with
accents; and English requests. A request is recognised only where nothing is left over beside it but courtesy,
greetings and the like, so that "don't stop" or "stop by tomorrow" is never half understood.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gate.rules.normal import normalise
from gate.rules.pattern import Element, Pattern, any_of, follow, needed_words, pattern
from gate.rules.rows import Row, rows, text, texts

LONGEST = 160
"""Characters of a normalised body beyond which it is a letter, not a reply, and is not read."""

_MARKS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]")
_INSIDE_WORDS = re.compile("['\u2018\u2019\u201b\u02bc\u2032`*]")
# A request often follows its reason without a full stop: "my number changed please take me off your list".
_SENTENCE_ENDS = re.compile("[.,!?;:\u3002]+|\\b(?:please|pls|plz)\\b")
_STOPS = re.compile("[.,!?;:\u3002\\s]+")
_WORD = re.compile(r"[^\W_]+")
_DRAWN_OUT = re.compile(r"([a-z])\1{2,}")


class Request(NamedTuple):
    """One way to ask for an end of the messages."""

    pattern: Pattern
    clear: bool
    """Whether one sentence of several may hold it."""
    needs: tuple[frozenset[str], ...]
    """Sets of words: where none of one set is said, the pattern need not be tried."""


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
    requests: tuple[Request, ...]
    telling: Mapping[str, frozenset[int]]
    """Which requests, by place, a word makes worth trying: one that few sentences hold."""


def phrase_table(document: Row, opt_outs: Iterable[str]) -> PhraseTable:
    """Build the second tier from its parsed document and the profile's opt-out keywords.

    Raises ValueError that names the row, where a row has no source or example, a word is not in normal form,
    or a pattern cannot be read.
    """
    keywords = frozenset(opt_outs)
    letters = {ord(text(row, "letter")): text(row, "plain") for row in rows(document, "spelling")}
    named = _lists(document) | {"keyword": tuple(sorted(keywords))}
    requests = tuple(_request(row, named) for row in rows(document, "phrase"))
    words = {plain(word, letters) for word in _foreign(document)}
    polite = {f"{word} {courtesy}" for word in words for courtesy in named["courtesy"]}
    return PhraseTable(
        version=text(document, "version"),
        letters=letters,
        bodies=keywords | words | polite,
        noise=frozenset(named["noise"]),
        asides=any_of(named["aside"], optional=True, repeated=True),
        requests=requests,
        telling=_telling(requests),
    )


def reads_like_opt_out(normal: str, table: PhraseTable) -> bool:
    """Tell whether a person would take a normalised body for an opt-out, or might."""
    if len(normal) > LONGEST:
        return False
    body = plain(normal, table.letters)
    if _STOPS.sub(" ", body) in table.bodies:
        return True
    words = _words(body, table)
    requests = _worth_trying(words, table)
    if not requests:
        return False
    if _asks(words, [request.pattern for request in requests], table.asides):
        return True
    clear = [request.pattern for request in requests if request.clear]
    return any(_asks(_words(sentence, table), clear, table.asides) for sentence in _SENTENCE_ENDS.split(body))


def plain(normal: str, letters: Mapping[int, str]) -> str:
    """Take the accents off a normalised text; other scripts keep the marks that make their words."""
    if normal.isascii():
        return normal
    bare = _MARKS.sub("", unicodedata.normalize("NFD", normal)).translate(letters)
    return normalise(bare)


def _words(sentence: str, table: PhraseTable) -> list[str]:
    """Split into words, without apostrophes, stars in masked oaths, noise, and letters drawn out as in "stoppp"."""
    found = _WORD.findall(_DRAWN_OUT.sub(r"\1", _INSIDE_WORDS.sub("", sentence)))
    return [word for word in found if word not in table.noise]


def _worth_trying(words: list[str], table: PhraseTable) -> list[Request]:
    """Pick the few requests that the words could make; for most replies there is none."""
    said = frozenset(words)
    places = {place for word in said for place in table.telling.get(word, ())}
    requests = [table.requests[place] for place in sorted(places)]
    return [request for request in requests if _all_said(request.needs, said)]


def _all_said(needs: Iterable[frozenset[str]], said: frozenset[str]) -> bool:
    for need in needs:  # noqa: SIM110  all() takes twice as long, and this is asked about every reply
        if need.isdisjoint(said):
            return False
    return True


def _asks(words: list[str], requests: Iterable[Pattern], asides: Element) -> bool:
    """Tell whether the words are one or more requests, with asides around them and nothing else."""
    fresh = asides.reach(words, {0})
    asked: set[int] = set()
    while fresh:
        behind = {place for request in requests for place in follow(request, words, fresh)}
        fresh = asides.reach(words, behind) - asked
        asked |= fresh
    return len(words) in asked


def _telling(requests: Iterable[Request]) -> Mapping[str, frozenset[int]]:
    index: dict[str, set[int]] = {}
    for place, request in enumerate(requests):
        for word in min(request.needs, key=len):
            index.setdefault(word, set()).add(place)
    return {word: frozenset(places) for word, places in index.items()}


def _lists(document: Row) -> dict[str, tuple[str, ...]]:
    """Read the named lists. An entry that holds noise could never match, so it is refused."""
    lists = document.get("list")
    if not isinstance(lists, Mapping):
        raise ValueError("list: the named lists of words are missing")  # noqa: TRY004 - a table's error is one kind
    named = {name: texts(lists, name) for name in lists}
    noise = frozenset(named["noise"])
    for name in named.keys() - {"noise"}:
        for entry in named[name]:
            if found := noise.intersection(entry.split()):
                raise ValueError(f"list {name}: {entry!r} can never match, for {sorted(found)} are noise")
    return named


def _foreign(document: Row) -> Iterator[str]:
    for row in rows(document, "word"):
        language = text(row, "language")
        for word in texts(row, "words"):
            if word != normalise(word):
                raise ValueError(f"{language} word {word!r} is not in normal form; write {normalise(word)!r}")
            yield word


def _request(row: Row, named: Mapping[str, Iterable[str]]) -> Request:
    texts(row, "examples")
    scope = text(row, "scope")
    if scope not in {"body", "sentence"}:
        raise ValueError(f"row {row!r}: scope must be body or sentence")
    elements = pattern(text(row, "pattern"), named)
    return Request(elements, clear=scope == "sentence", needs=needed_words(elements))
