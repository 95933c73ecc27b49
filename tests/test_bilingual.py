"""Between languages: what the glossary finds in a text, and what it offers for it."""

from __future__ import annotations

import pytest

from conftest import MakeKnowledgeBase
from indexer.text.bilingual import Glossary, choose_pairs, find_pairs, glossary

SMALL = Glossary(
    [
        "# a comment",
        "",
        "显存, 顯示記憶體 = GPU memory, VRAM",
        "内存, 記憶體 = memory",
        "行 = row, line",
        "行 = OK",
    ]
)


def said(text: str, among: Glossary = SMALL) -> dict[str, set[str]]:
    return {
        text[span.start : span.end]: {" ".join(way.words) for way in span.translations}
        for span in among.spans(text)
    }


def test_chinese_is_found_inside_a_run_and_said_in_english() -> None:
    assert said("显存不足") == {"显存": {"gpu memori", "vram"}}


def test_english_is_found_by_its_word_stems() -> None:
    assert "显存" in said("out of GPU memory")["GPU memory"]


def test_traditional_and_simplified_are_one_form() -> None:
    assert said("顯存不足")["顯存"] == said("显存不足")["显存"]


def test_taiwan_vocabulary_meets_that_of_the_mainland() -> None:
    (span,) = SMALL.spans("記憶體")
    assert ("内存",) in {way.words for way in span.synonyms}


def test_a_short_form_must_be_a_word_of_the_sentence() -> None:
    assert "行" not in said("正在进行中")


def test_a_span_ends_where_its_text_ends() -> None:
    among = Glossary(["显存 = GPU memory", "显存不足 = out of memory"])
    (span,) = among.spans("查看显存")
    assert (span.start, span.end) == (2, 4)


def test_the_terms_of_a_glossary_are_the_words_of_its_forms() -> None:
    assert Glossary(["显存不足 = out of memory"]).terms() == {"显存", "不足", "out", "of", "memori"}


def test_a_form_of_several_senses_counts_for_less() -> None:
    (span,) = SMALL.spans("行")
    assert {way.share for way in span.translations} == {0.5}


def test_spans_lie_in_each_other_or_apart() -> None:
    spans = glossary().spans("外键约束失败，数据库连接超时，foreign key constraint fails on delete")
    assert len(spans) > 3
    for one in spans:
        for other in spans:
            assert not one.start < other.start < one.end < other.end


def test_the_glossary_has_fifteen_hundred_terms_and_several_forms_each() -> None:
    assert len(glossary()) >= 1500


@pytest.mark.parametrize(
    ("chinese", "english"),
    [
        ("权限不够", "permission denied"),
        ("连接超时", "connection timed out"),
        ("没有那个文件或目录", "no such file or directory"),
        ("显存", "gpu memory"),
        ("空指针", "null pointer"),
        ("外鍵", "foreign key"),
    ],
)
def test_what_systems_say_meets_in_both_languages(chinese: str, english: str) -> None:
    whole = {tuple(word.text for word in words_of(english))}
    spans = [s for s in glossary().spans(chinese) if (s.start, s.end) == (0, len(chinese))]
    assert spans, chinese
    assert whole & {way.words for way in spans[0].translations}


def words_of(text: str) -> list:
    from indexer.text.analyzer import words

    return words(text)


def test_what_a_text_says_in_both_languages_is_found_in_either_order() -> None:
    text = "订单中心（order center）每天对账，显存（GPU memory）不够；cold start (冷启动) 很慢。"
    assert find_pairs(text) == (
        ("order center", ("中心", "订单中心")),
        ("gpu memory", ("显存",)),
        ("cold start", ("冷启动",)),
    )
    assert find_pairs("见附录（2021）、按键（Ctrl+C）、保存(x)") == ()


def test_the_words_before_a_bracket_that_texts_share_are_the_name() -> None:
    found = [
        *find_pairs("检查对账中台（recon hub）"),
        *find_pairs("重启对账中台（Recon Hub）"),
        *find_pairs("先看对账中台（recon hub）"),
    ]
    assert choose_pairs(found, glossary()) == ("对账中台 = recon hub",)


def test_a_name_that_stands_beside_many_things_is_no_translation() -> None:
    found = find_pairs("安装客户端（ubuntu）、编译内核（ubuntu）、换源镜像站（ubuntu）")
    assert len(found) == 3
    assert choose_pairs(found, glossary()) == ()


def test_what_the_glossary_knows_is_not_learnt_anew() -> None:
    assert choose_pairs(find_pairs("显存（video thing）") * 2, glossary()) == ()


def test_an_english_question_finds_a_chinese_post_by_a_pair_of_another(
    make_kb: MakeKnowledgeBase,
) -> None:
    fix = "# 订单中心卡住\n\n## 解决\n\n清掉订单中心的锁：\n\n```\nredis-cli del lock\n```\n"
    words = "# 名词\n\n每天对账的是订单中心（orderly hub）。\n"
    found = make_kb({"words.md": words, "fix.md": fix}).search("orderly hub")
    assert {hit.post.path for hit in found.hits} == {"words.md", "fix.md"}


def test_a_glossary_that_goes_on_leaves_the_one_before_as_it_was() -> None:
    before = SMALL.spans("显存")
    more = Glossary(["显存 = frame buffer"], SMALL)
    assert len(more.spans("显存")[0].translations) == len(before[0].translations) + 1
    assert SMALL.spans("显存") == before and len(SMALL) + 1 == len(more)
