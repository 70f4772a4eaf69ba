"""Patterns over the words of a sentence, matched in time linear in the words: no backtracking, no regex.

A pattern is a row of elements. An element is a word, several (`quit|stop`), a named list (`<me>`, whose entries may
have several words), or any word (`_`). A question mark makes it optional; an asterisk lets it stand any number of
times or not at all. `<stop> <contacting> <me>? <ending>*` reads "quit texting me", "stop calling any more".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

Words = tuple[str, ...]
Pattern = tuple["Element", ...]


@dataclass(frozen=True, slots=True)
class Element:
    """One place in a pattern: what may stand there, and how often."""

    choices: Mapping[str, tuple[Words, ...]]
    """The alternatives by their first word; nothing at all means any word."""
    optional: bool = False
    repeated: bool = False

    def reach(self, words: Sequence[str], places: Iterable[int]) -> set[int]:
        """Return the places behind this element, for each place before it."""
        fresh = set(places)
        reached = set(fresh) if self.optional else set()
        while fresh:
            fresh = {after for place in fresh for after in self._once(words, place)} - reached
            reached |= fresh
            if not self.repeated:
                break
        return reached

    def _once(self, words: Sequence[str], place: int) -> Iterator[int]:
        if place == len(words):
            return
        if not self.choices:
            yield place + 1
        for choice in self.choices.get(words[place], ()):
            after = place + len(choice)
            if tuple(words[place:after]) == choice:
                yield after


def any_of(choices: Iterable[str], *, optional: bool = False, repeated: bool = False) -> Element:
    """Build an element from its alternatives, each one or more words."""
    by_first: dict[str, tuple[Words, ...]] = {}
    for choice in sorted(set(choices)):
        words = tuple(choice.split())
        by_first[words[0]] = (*by_first.get(words[0], ()), words)
    return Element(by_first, optional=optional, repeated=repeated)


def pattern(notation: str, lists: Mapping[str, Iterable[str]]) -> Pattern:
    """Read a pattern. Raises ValueError on an unknown list, or where it could match no words, or begin with any."""
    elements = tuple(_element(part, lists) for part in notation.split())
    if all(element.optional for element in elements):
        raise ValueError(f"pattern {notation!r}: no word of it must be there")
    if not all(element.choices for element in _beginning(elements)):
        raise ValueError(f"pattern {notation!r} begins with any word; let it begin with one that tells")
    return elements


def needed_words(elements: Pattern) -> tuple[frozenset[str], ...]:
    """Return sets of words of each of which at least one must be said, or the pattern cannot match."""
    return tuple(frozenset(element.choices) for element in elements if element.choices and not element.optional)


def _beginning(elements: Pattern) -> Pattern:
    """Return the elements up to the first that must be there."""
    optional = sum(1 for _ in takewhile(lambda element: element.optional, elements))
    return elements[: optional + 1]


def _element(notation: str, lists: Mapping[str, Iterable[str]]) -> Element:
    body = notation.rstrip("?*")
    optional, repeated = body != notation, notation.endswith("*")
    if body == "_":
        return Element({}, optional=optional, repeated=repeated)
    choices: list[str] = []
    for name in body.split("|"):
        if not name.startswith("<"):
            choices.append(name)
        elif name[1:-1] in lists:
            choices.extend(lists[name[1:-1]])
        else:
            raise ValueError(f"pattern element {notation!r}: there is no list {name}")
    return any_of(choices, optional=optional, repeated=repeated)


def follow(elements: Pattern, words: Sequence[str], places: Iterable[int]) -> set[int]:
    """Return the places behind a whole pattern, for each place before it."""
    reached = set(places)
    for element in elements:
        if not reached:
            break
        reached = element.reach(words, reached)
    return reached
