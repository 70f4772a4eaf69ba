"""Phrases: what a person may take for an opt-out is possible, and never more."""

import sys
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.rules.keywords import Profile, Reply, read_reply, reply_table
from gate.rules.pattern import follow, pattern
from gate.rules.phrases import LONGEST, phrase_table, reads_like_opt_out
from tests.unit.phrase_bodies import ORDINARY, REQUESTS


def _document(name: str) -> dict[str, Any]:
    return tomllib.loads((resources.files("gate.rules") / "data" / f"{name}.toml").read_text("utf-8"))


KEYWORDS = _document("keywords")
PHRASES = _document("phrases")
TABLES = {profile: reply_table(KEYWORDS, PHRASES, profile) for profile in Profile}
ARTICLE = TABLES[Profile.ARTICLE]
TWILIO = TABLES[Profile.TWILIO]


@pytest.mark.parametrize("row", PHRASES["phrase"], ids=lambda row: row["pattern"][:50])
def test_each_row_reads_its_examples(row: Mapping[str, Any]) -> None:
    """Each row alone, without the help of any other, finds every one of its examples possible."""
    alone = reply_table(KEYWORDS, PHRASES | {"phrase": [row]}, Profile.ARTICLE)

    for example in row["examples"]:
        assert read_reply(example, alone) is Reply.POSSIBLE_OPT_OUT, example


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize("row", PHRASES["phrase"], ids=lambda row: row["pattern"][:50])
def test_no_example_is_more_than_possible(row: Mapping[str, Any], profile: Profile) -> None:
    """All rows together still find each example possible, in both profiles."""
    assert {read_reply(example, TABLES[profile]) for example in row["examples"]} == {Reply.POSSIBLE_OPT_OUT}


@pytest.mark.parametrize(
    "word", [pytest.param(word, id=f"{row['language']}-{word}") for row in PHRASES["word"] for word in row["words"]]
)
def test_each_word_of_another_language(word: str) -> None:
    """An opt-out word of another language is possible in capitals and with courtesy, but not in a sentence."""
    assert read_reply(f"{word.upper()}!", ARTICLE) is Reply.POSSIBLE_OPT_OUT
    assert read_reply(f"{word}, por favor", TWILIO) is Reply.POSSIBLE_OPT_OUT
    assert read_reply(f"{word} 12345", ARTICLE) is Reply.NONE


@pytest.mark.parametrize("row", PHRASES["spelling"], ids=lambda row: row["letter"])
def test_each_spelling(row: Mapping[str, str]) -> None:
    """A letter with an accent of its own stands for the plain one."""
    assert row["letter"] in row["example"]
    assert read_reply(row["example"], ARTICLE) is Reply.POSSIBLE_OPT_OUT


@pytest.mark.parametrize(
    "body",
    [
        "STÓP",
        "ŞTOP",
        "UNSUBSCRİBE",
        "unsubscrıbe",
        "arret",
        "Arrêt",
        "sto\u0301p",
        "s\u0336t\u0336o\u0336p\u0336",
        "stóp texting me",
    ],
)
def test_accents_do_not_hide_an_opt_out(body: str) -> None:
    """An opt-out keyword under accents, strokes or cedillas is possible."""
    assert read_reply(body, ARTICLE) is Reply.POSSIBLE_OPT_OUT


@pytest.mark.parametrize("body", ["STÁRT", "yés", "ÚNSTOP", "start please", "unstop please"])
def test_nothing_like_an_opt_in_is_possible(body: str) -> None:
    """What resembles an opt-in is nothing: only consent that is certain counts."""
    assert read_reply(body, TWILIO) is Reply.NONE


def test_the_profile_decides_what_may_be_decorated() -> None:
    """UNSTOP with courtesy is possible where UNSTOP is an opt-out."""
    assert read_reply("please unstop", ARTICLE) is Reply.POSSIBLE_OPT_OUT


@pytest.mark.parametrize("body", REQUESTS)
def test_what_people_write_to_be_left_alone(body: str) -> None:
    """A request that a person would understand is possible."""
    assert read_reply(body, ARTICLE) is Reply.POSSIBLE_OPT_OUT


@pytest.mark.parametrize("body", ORDINARY)
def test_what_means_something_else(body: str) -> None:
    """A negation, an appointment or a bus stop is nothing."""
    assert read_reply(body, ARTICLE) is Reply.NONE


@given(st.lists(st.sampled_from(PHRASES["list"]["noise"]), max_size=8))
def test_noise_asks_for_nothing(words: list[str]) -> None:
    """Words that are dropped wherever they stand are nothing on their own."""
    assert read_reply(" ".join(words), ARTICLE) is Reply.NONE


@pytest.mark.parametrize("negation", ["don't", "do not", "never", "won't", "not", "didn't", "I don't want to"])
@pytest.mark.parametrize("request_", ["stop", "unsubscribe", "cancel", "quit", "opt out", "remove me", "opt me out"])
def test_a_negated_request_is_none(negation: str, request_: str) -> None:
    """A negation before a request makes it nothing, with courtesy too."""
    assert read_reply(f"{negation} {request_}", ARTICLE) is Reply.NONE
    assert read_reply(f"Hi, please {negation} {request_}, thanks", ARTICLE) is Reply.NONE


def test_a_letter_is_not_read() -> None:
    """A body over the limit is not looked at, so that a long one costs nothing."""
    assert reads_like_opt_out("please " * 20 + "stop", ARTICLE.phrases)
    assert not reads_like_opt_out(("please " * LONGEST + "stop")[-LONGEST - 1 :], ARTICLE.phrases)


@pytest.mark.parametrize("unit", ["please ", "stop ", "i want ", "stop sending me the these ", "a ", "wrong number "])
def test_the_worst_body_is_cheap(unit: str) -> None:
    """No body takes more than so many steps, counted as calls: the patterns never backtrack."""
    body = (unit * LONGEST)[:LONGEST]
    calls = 0

    def count(_frame: object, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        read_reply(body, ARTICLE)
    finally:
        sys.setprofile(None)

    assert calls < 20_000, calls


def test_pattern_notation() -> None:
    """A pattern has words, alternatives, named lists, any word, and words that may be missing or repeated."""
    elements = pattern("stop|quit <it>? very* _", {"it": ["it", "all of it"]})

    matched = [
        body
        for body in ["stop now", "quit all of it very very soon", "stop", "stop it", "go now", "quit all of"]
        if len(body.split()) in follow(elements, body.split(), {0})
    ]

    assert matched == ["stop now", "quit all of it very very soon", "stop it"]


STOP_ROW = {"pattern": "stop", "scope": "body", "examples": ["stop"], "source": "here"}


@pytest.mark.parametrize(
    ("table", "content", "complaint"),
    [
        ("phrase", [STOP_ROW | {"pattern": "<nowhere> stop"}], "there is no list <nowhere>"),
        ("phrase", [STOP_ROW | {"pattern": "stop? me*"}], "no word of it must be there"),
        ("phrase", [STOP_ROW | {"pattern": "_ stop"}], "begins with any word"),
        ("phrase", [STOP_ROW | {"pattern": "please? _ stop"}], "begins with any word"),
        ("phrase", [STOP_ROW | {"scope": "letter"}], "scope must be body or sentence"),
        ("phrase", [STOP_ROW | {"examples": []}], "examples is missing"),
        ("phrase", [STOP_ROW | {"examples": [" "]}], "examples holds ' '"),
        ("phrase", [STOP_ROW | {"source": ""}], "source is missing"),
        ("phrase", [], "phrase: at least one row"),
        (
            "word",
            [{"language": "French", "words": ["Arrêt"], "source": "here"}],
            "French word 'Arrêt' is not in normal form",
        ),
        ("word", [{"words": ["arrêt"], "source": "here"}], "language is missing"),
        ("list", None, "list: the named lists"),
        ("list", PHRASES["list"] | {"me": ["me please"]}, "'me please' can never match"),
        ("version", 1, "version is missing"),
    ],
)
def test_a_wrong_table_is_refused(table: str, content: object, complaint: str) -> None:
    """A table that cannot be right is refused with an error that names the row."""
    with pytest.raises(ValueError, match=complaint):
        phrase_table(PHRASES | {table: content}, ["stop"])
