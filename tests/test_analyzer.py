"""Text to terms: code shapes whole and by their parts, Chinese by words and pairs, both scripts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from snowballstemmer.english_stemmer import EnglishStemmer

from indexer.text.analyzer import Sieve, fold, terms


def words(text: str) -> set[str]:
    return {term.text for term in terms(text)}


@pytest.mark.parametrize(
    ("text", "whole", "parts"),
    [
        ("dynamic_rnn", "dynamic_rnn", {"dynam", "rnn"}),
        ("RNNCell", "rnncell", {"rnn", "cell"}),
        ("torch._C", "torch._c", {"torch"}),
        ("ORA-00942", "ora-00942", {"ora", "00942"}),
        ("0x80070005", "0x80070005", set()),
        ("--no-cache-dir", "--no-cache-dir", {"cach", "dir"}),
        ("std::vector", "std::vector", {"std", "vector"}),
        ("C++", "c++", set()),
        (".NET", ".net", set()),
        ("E0308", "e0308", set()),
        ("java.lang.NullPointerException", "java.lang.nullpointerexception", {"pointer"}),
    ],
)
def test_a_code_shape_is_kept_whole_and_found_by_its_parts(
    text: str, whole: str, parts: set[str]
) -> None:
    assert whole in words(text)
    assert parts <= words(text)


def test_an_option_is_found_without_its_dashes() -> None:
    assert "no-cache-dir" in words("pip install --no-cache-dir")


def test_a_whole_identifier_counts_more_than_its_parts() -> None:
    weights = {term.text: term.weight for term in terms("RNNCell")}
    assert weights["rnncell"] > weights["rnn"]


def test_chinese_glued_to_latin_is_cut_where_the_script_changes() -> None:
    assert {"docker", "启动", "报错", "error"} <= words("启动docker报错error")


def test_chinese_has_words_and_the_pairs_between_them() -> None:
    found = words("变量作用域")
    assert {"变量", "作用域", "量作"} <= found


def test_traditional_and_simplified_meet() -> None:
    assert words("錯誤訊息") & words("错误讯息") >= {"错误"}
    assert fold("執行緒") == fold("执行绪")


def test_full_width_letters_are_letters() -> None:
    assert words("ＥＲＲＯＲ　１２３") == words("ERROR 123")


def test_english_prose_is_found_in_its_other_forms() -> None:
    assert words("weights") == words("weight")
    assert words("connecting") & words("connection refused")


def test_a_term_points_at_the_text_as_it_was_given() -> None:
    text = "ﬁle ﬂags：設定 ＲＮＮＣｅｌｌ"
    shown = {text[term.start : term.end] for term in terms(text)}
    assert "ＲＮＮＣｅｌｌ" in shown
    assert "設定" in shown


_ENDINGS = (
    "able", "age", "al", "ance", "ant", "ate", "ator", "ed", "ence", "ent", "er", "ful", "ic",
    "ical", "ing", "ion", "ism", "iti", "ive", "ize", "less", "li", "logist", "ly", "ment", "ness",
    "or", "ous", "s", "th", "tional", "ward", "y",
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(
    st.from_regex(r"[a-z]{3,12}", fullmatch=True),
    st.sampled_from(_ENDINGS),
)
def test_every_english_word_is_found_by_its_stem(word: str, ending: str) -> None:
    stem = EnglishStemmer().stemWord
    assert words(word) == {stem(word) if len(word) > 3 else word}
    assert words(word + ending) == {stem(word + ending)}


def test_zero_width_signs_do_not_part_a_word() -> None:
    assert words("dock\u200ber") == {"docker"}


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_cut_and_every_range_lies_in_it(text: str) -> None:
    for term in terms(text):
        assert 0 <= term.start < term.end <= len(text)
        assert term.text
        assert term.text == term.text.strip()


@pytest.mark.parametrize("text", ["a" * 100_000, "报" * 100_000, "a_" * 50_000, "." * 100_000])
def test_a_huge_run_is_cut_in_one_pass(text: str) -> None:
    assert len(list(terms(text))) <= 3 * len(text)


@given(
    st.lists(
        st.sampled_from(
            [
                *("hoping", "hopefully", "Happy", "happier", "cells", "don't", "naïve_2", "café"),
                *("RNNCell", "dynamic_rnn", "std::vector", "--no-cache-dir", "x86_64", "ERROR"),
                *("dying", "oing", "ΟΔΟΣ'Α", "ΟΔΟΣ.Α", "ΣΣ"),
                *("C++", ".NET", "=>", "==", "端口被占用", "内存不足，重启", "￡", "İ", "½"),
                *("无法解决排序规则冲突", "数据库管理员", "進行", "锁", "的", "异步", "〇一二三"),
            ]
        ),
        max_size=60,
    ),
    st.sampled_from([" ", "\n", "\t", "", ", "]),
    st.sets(st.integers(0, 200), max_size=12),
)
@settings(deadline=None)
def test_a_sieve_loses_no_place_of_what_is_sought(
    words: list[str], blank: str, chosen: set[int]
) -> None:
    text = blank.join(words)
    whole = list(terms(text))
    sought = {whole[number % len(whole)].text for number in chosen} if whole else {"hope"}

    sifted = list(Sieve(sought).find(text))

    assert sifted == [(term.text, term.start, term.end) for term in whole if term.text in sought]
