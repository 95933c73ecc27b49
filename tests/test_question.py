"""A question as terms: what is said, what of a paste counts, and how else it can be said."""

from __future__ import annotations

import sys

import pytest

from indexer.search.question import read_question

PASTE = (
    "Traceback (most recent call last):\n"
    '  File "/home/zoe/shop/cart.py", line 3, in total\n'
    "    return prices[name]\n"
    "KeyError: 'discount'\n"
)


def test_the_lines_that_say_what_went_wrong_count_most() -> None:
    question = read_question(PASTE)
    assert question.kind == "paste"
    assert question.terms["keyerror"] > question.terms["zoe"]
    assert question.terms["discount"] > question.terms["cart"]


def test_a_question_is_words_and_never_a_query_language() -> None:
    for text in ('"', "AND OR NOT", "title:x", "a^2~", "(((", "*", "?q=[1 TO 2]", "--", "\\"):
        assert isinstance(read_question(text).terms, dict)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("nginx 502", "words"),
        ("两个 RNNCell 变量作用域 报错", "words"),
        ("VS2012 TypeLoadException editor", "words"),
        ("TypeLoadException: no such assembly", "paste"),
        ("stack\tUPDATE_ROLLBACK\tno such bucket", "paste"),
        ("why does nginx answer with 502 when the backend is slow", "sentence"),
        ("升级以后容器为什么起不来了", "sentence"),
        ("升級以後容器為什麼起不來了", "sentence"),
    ],
)
def test_a_few_words_are_no_sentence(text: str, kind: str) -> None:
    assert read_question(text).kind == kind


def test_neighbours_are_pairs() -> None:
    assert ("connect", "refus") in read_question("connection refused").pairs


def test_a_phrase_comes_before_the_longer_one_that_holds_it() -> None:
    sizes = [len(one.terms) for one in read_question("foreign key constraint fails").phrases]
    assert sizes == sorted(sizes)


def test_a_question_of_any_length_is_read_in_part() -> None:
    assert len(read_question("错误 error\n" * 50_000).text) <= 64 * 1024


@pytest.mark.parametrize(
    "text", ["nginx 502 " * 6500, "错误解决安装" * 3600, "Error: " * 9000, "内存不足 " * 9000]
)
def test_what_is_said_again_and_again_is_read_once(text: str) -> None:
    # Every place held against every other one is 300 calls a character and more.
    calls = 0

    def count(frame: object, event: str, _: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        read_question(text)
    finally:
        sys.setprofile(None)
    assert calls < 60 * len(text)
