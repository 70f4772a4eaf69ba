"""Keywords: the whole body, in normal form, is one or it is none."""

import tomllib
import unicodedata
from collections.abc import Mapping
from importlib import resources
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gate.rules.keywords import Profile, Reply, ReplyTable, normalise, read_reply, reply_table


def _document(name: str) -> dict[str, Any]:
    return tomllib.loads((resources.files("gate.rules") / "data" / f"{name}.toml").read_text("utf-8"))


KEYWORDS = _document("keywords")
PHRASES = _document("phrases")
TABLES = {profile: reply_table(KEYWORDS, PHRASES, profile) for profile in Profile}
ARTICLE = TABLES[Profile.ARTICLE]
TWILIO = TABLES[Profile.TWILIO]

OPT_OUTS = (
    "stop",
    "unsubscribe",
    "cancel",
    "stopall",
    "stop all",
    "end",
    "quit",
    "revoke",
    "optout",
    "opt out",
)

# Beside a keyword, none of these is part of a word.
EMOJI = (
    "\U0001f6d1",
    "\U0001f44d\U0001f3fd",  # with a skin tone
    "1\ufe0f\u20e3",  # keycap 1
    "#\u20e3",  # keycap #, without its variation selector
    "\U0001f1e9\U0001f1ea",  # a flag of two regional indicators
    "\U0001f3f4\U000e0067\U000e0062\U000e007f",  # a flag of tags
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # a family, joined
    "\u2764\ufe0f",
    "\u2122\ufe0f",  # trade mark
    "\u2139\ufe0f",  # information
    "\u24c2\ufe0f",  # circled M
    "\u3297\ufe0f",  # congratulations
    "\U0001f21a",  # not free of charge
    "\U0001f170\ufe0f",  # blood group A
    "\U0001fae8",  # newer than this Python's Unicode, perhaps
    "\U0001faff",
    "\ue001",  # a carrier's own
)
INVISIBLE = (
    "\u200b",
    "\u200d",
    "\u2060",
    "\ufeff",
    "\u00ad",
    "\u034f",
    "\u115f",
    "\u3164",
    "\ufe0f",
    "\U000e0100",
    "\x00",
    "\x7f",
)
SPACES = (" ", "\t", "\n", "\r\n", "\x0b", "\x0c", "\x85", "\u00a0", "\u2003", "\u2028", "\u3000")
PUNCTUATION = tuple(".,!?;:'\"()[]{}<>*_-/\\|~^`@#$%&+=…“”‘’«»¡¿–—−、。！？・")
DECORATION = st.lists(st.sampled_from(EMOJI + INVISIBLE + SPACES + PUNCTUATION), max_size=6).map("".join)


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("row", KEYWORDS["keyword"], ids=lambda row: row["keyword"])
def test_each_row_reads_as_it_says(row: Mapping[str, str], profile: Profile) -> None:
    """Each keyword means in each profile what its row says, in capitals too."""
    assert read_reply(row["keyword"].upper(), TABLES[profile]) is Reply(row[profile])


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("keyword", OPT_OUTS)
def test_opt_outs(keyword: str, profile: Profile) -> None:
    """Both profiles share the opt-outs that the law and the providers name."""
    assert read_reply(keyword, TABLES[profile]) is Reply.OPT_OUT


def test_start_opts_in() -> None:
    """START is an opt-in in both profiles."""
    assert {read_reply("START", table) for table in TABLES.values()} == {Reply.OPT_IN}


def test_profiles_differ_on_unstop_and_yes_alone() -> None:
    """UNSTOP is an opt-out for the article and an opt-in for Twilio; YES is an opt-in for Twilio only."""
    differing = {
        row["keyword"]: (read_reply(row["keyword"], ARTICLE), read_reply(row["keyword"], TWILIO))
        for row in KEYWORDS["keyword"]
        if read_reply(row["keyword"], ARTICLE) is not read_reply(row["keyword"], TWILIO)
    }

    assert differing == {"unstop": (Reply.OPT_OUT, Reply.OPT_IN), "yes": (Reply.NONE, Reply.OPT_IN)}


@pytest.mark.parametrize(
    "body",
    [
        "sToP",
        '"STOP"',
        "¡Stop!",
        "ｓｔｏｐ",
        "\u24c8\u24c9\u24c4\u24c5",  # circled letters
        "s\u200bt\u00ado\u2060p",
        "Stop\u0000",
        "STOP\u2122",
        "1\ufe0f\u20e3 stop",
        "stop 3\ufe0f\u20e3",
        "stop \u00b4",  # an acute accent that stands alone
        "\u0301stop",
        "\ud83d stop \ude00",  # halves of an emoji
        "Stop-All",
        "stop \u2014\u2014 all",
        "stop\u2212all",
        "opt\u2011out",
        "OPT\u3000OUT",
        "opt\x0bout",
        "opt\n\nout",
    ],
)
def test_decoration_and_case_do_not_count(body: str) -> None:
    """A keyword stays one whatever its case, width, invisible characters and decoration."""
    assert read_reply(body, ARTICLE) is Reply.OPT_OUT


@pytest.mark.parametrize("body", ["", " ", "!!!", "\U0001f6d1", "1\ufe0f\u20e3", "\u200b", "\ud800", "\u0301\u0301"])
def test_nothing_but_decoration_is_nothing(body: str) -> None:
    """A body without any word has an empty normal form and says nothing."""
    assert normalise(body) == ""
    assert read_reply(body, ARTICLE) is Reply.NONE


@pytest.mark.parametrize(
    ("body", "normal"),
    [
        ("Straße", "strasse"),
        ("  a \t b-c – d  ", "a b c d"),
        ("e\u200b\u0301", "é"),
        ("stop 1", "stop 1"),
        ("# 1", "1"),
        ("बंद करो!", "बंद करो"),
        ("x\u20e3y", "x\u20e3y"),
        ("don't", "don't"),
    ],
)
def test_normal_form(body: str, normal: str) -> None:
    """Letters, digits and their accents stay, and so does punctuation inside."""
    assert normalise(body) == normal


@given(st.text())
@example("\ud800\udfff")
@example("\u00b4\u0345\u0390")
@example("e\u034f\u0301\u0345\u20e3")
def test_normalising_twice_changes_nothing(body: str) -> None:
    """Any string has a normal form, and that form is its own."""
    normal = normalise(body)

    assert normalise(normal) == normal


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
@example("-")
@example("1 STOP #")
def test_plain_text_takes_no_other_way(body: str) -> None:
    """A body of printable ASCII has the normal form that it has beside a character that shows nothing."""
    assert normalise(body) == normalise(f"{body}\u200b")


@given(DECORATION, st.sampled_from(KEYWORDS["keyword"]), DECORATION, st.sampled_from(Profile))
def test_decoration_never_changes_a_reading(before: str, row: Mapping[str, str], after: str, profile: Profile) -> None:
    """White space, punctuation, emoji and invisible characters at either end leave a keyword what it is."""
    assert read_reply(before + row["keyword"] + after, TABLES[profile]) is Reply(row[profile])


@given(
    st.text(st.characters(categories=["L", "Nd"]), max_size=5),
    st.sampled_from(KEYWORDS["keyword"]),
    st.text(st.characters(categories=["L", "Nd"]), max_size=5),
    st.sampled_from(Profile),
)
def test_a_longer_word_is_no_keyword(before: str, row: Mapping[str, str], after: str, profile: Profile) -> None:
    """A keyword inside a longer word sets and lifts nothing, unless that word is a keyword itself."""
    body = before + row["keyword"] + after
    if normalise(body) not in {other["keyword"] for other in KEYWORDS["keyword"]}:
        assert read_reply(body, TABLES[profile]) in {Reply.NONE, Reply.POSSIBLE_OPT_OUT}


@given(
    st.sampled_from(KEYWORDS["keyword"]),
    st.lists(st.sampled_from(["please", "we", "12345", "not", "стоп", "bus", "me", "it"]), min_size=1, max_size=4),
    st.data(),
)
def test_a_keyword_in_a_sentence_decides_nothing(
    row: Mapping[str, str], others: list[str], data: st.DataObject
) -> None:
    """Whatever stands beside a keyword, the reply is neither an opt-out nor an opt-in."""
    words = data.draw(st.permutations([row["keyword"], *others]))

    assert read_reply(" ".join(words), ARTICLE) in {Reply.NONE, Reply.POSSIBLE_OPT_OUT}


@pytest.mark.parametrize(
    "body", ["We have got to STOP this bill", "nonstop", "non-stop", "STOP 12345", "restart", "start now"]
)
def test_nothing_is_matched_inside(body: str) -> None:
    """A keyword within a word, a sentence or beside a number changes nothing."""
    assert read_reply(body, ARTICLE) is Reply.NONE


def test_each_version_is_told() -> None:
    """The tables carry the versions of their documents."""
    assert (ARTICLE.version, ARTICLE.phrases.version) == (KEYWORDS["version"], PHRASES["version"])


def _with(*rows: object) -> ReplyTable:
    return reply_table({"version": "1", "keyword": list(rows)}, PHRASES, Profile.ARTICLE)


STOP_ROW = {"keyword": "stop", "article": "opt-out", "twilio": "opt-out", "source": "here"}


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (STOP_ROW | {"keyword": "STOP"}, "'STOP' is not in normal form; write 'stop'"),
        (STOP_ROW | {"source": " "}, "source is missing"),
        (STOP_ROW | {"keyword": 1}, "keyword is missing"),
        (STOP_ROW | {"article": "possible-opt-out"}, "article says 'possible-opt-out'"),
        ({"keyword": "stop", "source": "here"}, "article is missing"),
        ("stop", "'stop' is not a table"),
    ],
)
def test_a_wrong_row_is_refused(row: object, complaint: str) -> None:
    """A row that cannot be right is refused with an error that names it."""
    with pytest.raises(ValueError, match=complaint):
        _with(row)


def test_a_keyword_has_one_meaning() -> None:
    """No keyword is both an opt-out and an opt-in within a profile."""
    with pytest.raises(ValueError, match="'stop' stands twice"):
        _with(STOP_ROW, STOP_ROW | {"article": "opt-in"})


@pytest.mark.parametrize("rows", [None, [], "stop"])
def test_an_empty_table_is_refused(rows: object) -> None:
    """A document without keywords is an error, never a gate that hears no STOP."""
    with pytest.raises(ValueError, match="keyword: at least one row"):
        reply_table({"version": "1", "keyword": rows}, PHRASES, Profile.ARTICLE)


def test_each_keyword_is_plain_text() -> None:
    """Keywords hold nothing that normalising would have to guess about."""
    assert all(unicodedata.is_normalized("NFKD", row["keyword"]) for row in KEYWORDS["keyword"])
