"""The posts that ship with Fixdex: each names where it comes from, and answers its own error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conftest import ROOT
from indexer import KnowledgeBase
from indexer.posts.folder import find_posts
from indexer.posts.front_matter import read_header

QUESTIONS = [
    json.loads(line)
    for line in (ROOT / "tests" / "kb_questions.jsonl").read_text("utf-8").splitlines()
]
POSTS = [found for found in find_posts(ROOT / "kb") if found.reason is None]


def header(path: str) -> dict[str, Any]:
    return read_header((ROOT / "kb" / path).read_text("utf-8").split("\n")).values


@pytest.mark.parametrize("question", QUESTIONS, ids=[q["query"][:60] for q in QUESTIONS])
def test_a_post_is_found_with_its_own_fix_by_its_error_line(
    shipped_kb: KnowledgeBase, question: dict[str, str]
) -> None:
    answer = shipped_kb.ask(question["query"])
    assert answer.found is not None, (answer.state, answer.confidence)
    assert answer.found.post.path == question["path"]
    shown = "\n".join(step.text for step in answer.found.fix.steps)
    assert question["fix"] in shown


def test_every_post_is_asked_for() -> None:
    assert {post.path for post in POSTS} == {question["path"] for question in QUESTIONS}


@pytest.mark.parametrize("path", [post.path for post in POSTS])
def test_a_post_names_its_source_or_how_it_was_reproduced(path: str) -> None:
    values = header(path)
    assert values.get("reproduced") or str(values.get("source")).startswith("https://")
    assert values.get("title") and values.get("date") and values.get("tags")


def test_at_least_ten_posts_were_reproduced() -> None:
    assert sum("reproduced" in header(post.path) for post in POSTS) >= 10


def test_two_thirds_are_chinese_and_some_traditional(shipped_kb: KnowledgeBase) -> None:
    langs: dict[str, int] = {}
    for post in POSTS:
        found = shipped_kb.post(post.path, lambda code, language: code)
        assert found is not None and not found.repairs
        lang = found.citation.lang
        langs[lang] = langs.get(lang, 0) + 1
    assert len(POSTS) >= 30
    assert langs["zh-Hant"] >= 3
    assert 0.6 <= (langs["zh"] + langs["zh-Hant"]) / len(POSTS) <= 0.75


@pytest.mark.parametrize(
    "question", ["how do I bake sourdough bread", "怎么做红烧肉", "最近有什么好看的电影"]
)
def test_what_no_post_is_about_matches_nothing(shipped_kb: KnowledgeBase, question: str) -> None:
    answer = shipped_kb.ask(question)
    assert answer.state == "none"
    assert answer.unmatched


def test_the_first_post_shows_what_changed(shipped_kb: KnowledgeBase) -> None:
    answer = shipped_kb.ask("second RNNCell weights")
    assert answer.found is not None
    added = [line for line in (answer.found.fix.diff or "").split("\n") if line.startswith("+")]
    assert sum("scope=" in line for line in added) == 2
    assert any(
        step.kind == "text" and "`scope` 参数" in step.text for step in answer.found.fix.steps
    )
    assert answer.found.post.date == "2017-08-07"


@pytest.mark.parametrize(
    "question",
    [
        "how to bake bread",
        "how to make a cake",
        "how to",
        "what is the weather today",
        "今天天气怎么样",
    ],
)
def test_a_question_about_something_else_has_no_answer(
    shipped_kb: KnowledgeBase, question: str
) -> None:
    assert shipped_kb.ask(question).state == "none"
