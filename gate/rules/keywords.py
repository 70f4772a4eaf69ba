"""What a reply says about consent: the whole body is a keyword, or it is none.

The keywords and their sources stand in `data/keywords.toml`. Nothing is matched inside a sentence; what a person
would still take for an opt-out is the second tier's (`phrases`), and only ever possible.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from gate.rules.normal import normalise
from gate.rules.phrases import PhraseTable, phrase_table, reads_like_opt_out
from gate.rules.rows import rows, text

__all__ = ["Profile", "Reply", "ReplyTable", "normalise", "read_reply", "reply_table"]


class Profile(StrEnum):
    """Whose reading of the keywords holds where sources disagree: UNSTOP and YES."""

    ARTICLE = "article"
    TWILIO = "twilio"


class Reply(StrEnum):
    """What a reply says about consent. Also what a row of the table may say, apart from the last."""

    NONE = "none"
    OPT_OUT = "opt-out"
    OPT_IN = "opt-in"
    POSSIBLE_OPT_OUT = "possible-opt-out"


_MEANINGS = frozenset({Reply.NONE, Reply.OPT_OUT, Reply.OPT_IN})


@dataclass(frozen=True, slots=True)
class ReplyTable:
    """Both tiers as one profile reads them. Build it with `reply_table`."""

    version: str
    keywords: Mapping[str, Reply]
    """The meaning of each keyword; one that means nothing in this profile is left out."""
    phrases: PhraseTable


def reply_table(keywords: Mapping[str, object], phrases: Mapping[str, object], profile: Profile) -> ReplyTable:
    """Build the table of one profile from the two parsed documents.

    Raises ValueError that names the row: one without source, a keyword that is not its own normal form, or that
    has no meaning in the profile or two.
    """
    meanings: dict[str, Reply] = {}
    for row in rows(keywords, "keyword"):
        keyword, meaning = text(row, "keyword"), text(row, profile)
        if keyword != normalise(keyword):
            raise ValueError(f"keyword {keyword!r} is not in normal form; write {normalise(keyword)!r}")
        if meaning not in _MEANINGS:
            raise ValueError(f"keyword {keyword!r}: {profile} says {meaning!r}; say one of {sorted(_MEANINGS)}")
        if keyword in meanings:
            raise ValueError(f"keyword {keyword!r} stands twice")
        meanings[keyword] = Reply(meaning)
    return ReplyTable(
        version=text(keywords, "version"),
        keywords={keyword: meaning for keyword, meaning in meanings.items() if meaning is not Reply.NONE},
        phrases=phrase_table(phrases, (k for k, meaning in meanings.items() if meaning is Reply.OPT_OUT)),
    )


def read_reply(body: str, table: ReplyTable) -> Reply:
    """Read a reply's body. Takes any string; a keyword decides, a phrase only suspects."""
    normal = normalise(body)
    if (meaning := table.keywords.get(normal)) is not None:
        return meaning
    if reads_like_opt_out(normal, table.phrases):
        return Reply.POSSIBLE_OPT_OUT
    return Reply.NONE
