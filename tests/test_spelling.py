"""An unknown word offers the nearest known one, a code never."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from conftest import MakeKnowledgeBase
from indexer.search.spelling import corrections
from indexer.text.analyzer import words
from posts_for_tests import POSTS

KNOWN = {"function": 9, "connection": 5, "refused": 4}


def holding(terms: Sequence[str]) -> list[int]:
    known = {words(word)[0].text: count for word, count in KNOWN.items()}
    return [known.get(term, 0) for term in terms]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("functino", "function"),
        ("functon", "function"),
        ("functioon", "function"),
        ("funktion", "function"),
        ("Conection", "connection"),
    ],
)
def test_one_slip_is_found(typed: str, meant: str) -> None:
    assert corrections(f"{typed} refused", holding) == {typed: meant}


@pytest.mark.parametrize(
    "text", ["refused", "E0308", "functin_name", "functin.py", "FUNCTINO", "func", "0x8007", "函树"]
)
def test_known_words_codes_and_identifiers_stay(text: str) -> None:
    assert corrections(text, holding) == {}


def test_a_question_about_something_else_is_not_bent_to_what_posts_have() -> None:
    assert corrections("functino bake sourdough", holding) == {}
    assert corrections("functino sourdough", holding) == {"functino": "function"}


def test_another_word_made_of_a_known_one_is_no_slip() -> None:
    for word in ("functioner", "refusedly", "connecter"):
        assert corrections(word, holding) == {}


def test_search_offers_the_nearest_word_and_keeps_the_question(make_kb: MakeKnowledgeBase) -> None:
    hits = make_kb(POSTS).search("unrelated historeis")
    assert hits.question == "unrelated historeis"
    assert hits.suggestion == "unrelated histories"
    assert make_kb(POSTS).search("unrelated histories").suggestion is None


def test_a_text_in_another_language_is_given_up_soon() -> None:
    looked_up = 0

    def none(terms: Sequence[str]) -> list[int]:
        nonlocal looked_up
        looked_up += len(terms)
        return [0] * len(terms)

    text = " ".join(f"unwort{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(200))
    assert corrections(text, none) == {}
    assert looked_up < 5000
