"""What is seen of the posts ranked first, and what their order makes of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from indexer import KnowledgeBase
from indexer.index.postings import FIELDS
from indexer.posts.roles import tells_of_trouble
from indexer.search.confidence import read_signals
from indexer.search.evidence import FAR, LOOKED_AT, NAMES, NEAR, OPENING, depth_of, weights
from indexer.search.generation import Generation
from indexer.search.question import Question, read_question

Make = Callable[..., Path]


def ask(folder: Path, text: str) -> dict[str, dict[str, float]]:
    """Path → what was seen, best first."""
    knowledge_base = KnowledgeBase(folder, folder / ".fixdex")
    knowledge_base.rebuild()
    generation = knowledge_base.generation()
    judged = generation.judge(read_question(text))
    return {
        generation.entry(int(problem)).path: dict(zip(NAMES, row.tolist(), strict=True))
        for problem, row in zip(judged.ranked.problems, judged.rows, strict=False)
    }


def write(folder: Path, **posts: str) -> Path:
    for name, text in posts.items():
        (folder / f"{name}.md").write_text(text, "utf-8")
    return folder


def test_the_whole_title_and_all_of_the_question_are_seen(tmp_path: Path) -> None:
    seen = ask(write(tmp_path, a="# Disk full\n\nDelete logs.", b="# Other\n\nx"), "disk full")
    assert seen["a.md"]["title"] == pytest.approx(1.0)
    assert seen["a.md"]["title_whole"] == pytest.approx(1.0)
    assert seen["a.md"]["coverage"] == pytest.approx(1.0)


def test_words_that_stand_together_are_told_from_words_that_do_not(tmp_path: Path) -> None:
    filler = " ".join(f"word{i}" for i in range(200))
    posts = write(
        tmp_path,
        near=f"# A\n\nkernel panic {filler}",
        far=f"# B\n\nkernel {filler} panic",
    )
    seen = ask(posts, "kernel panic")
    assert seen["near.md"]["near"] > seen["far.md"]["near"]
    assert seen["near.md"]["pairs_share"] == pytest.approx(1.0)
    assert seen["far.md"]["pairs_share"] == 0.0
    assert seen["far.md"]["coverage"] == pytest.approx(1.0)
    assert [*seen] == ["near.md", "far.md"]


def test_a_translation_is_met_but_is_not_the_word_itself(tmp_path: Path) -> None:
    seen = ask(
        write(tmp_path, a="# 外键约束\n\n删除失败", b="# 索引\n\n慢"), "foreign key constraint"
    )
    assert seen["a.md"]["coverage"] > 0.5
    assert seen["a.md"]["own"] == 0.0
    assert seen["a.md"]["language"] == 0.0


def test_a_way_to_say_it_does_not_begin_in_one_post_and_go_on_in_the_next(tmp_path: Path) -> None:
    posts = write(
        tmp_path, a="# Kafka\n\nlogs to read", b="# Write\n\nkafka", c="# C\n\nread write"
    )
    seen = ask(posts, "io kafka")
    assert seen["c.md"]["coverage"] > 0
    assert seen["a.md"]["coverage"] == pytest.approx(seen["b.md"]["coverage"])


def test_a_way_that_says_a_word_twice_is_not_met_by_the_last_word_of_a_post(tmp_path: Path) -> None:
    posts = write(
        tmp_path,
        a="# Redis\n\nmysql is active",
        b="# Redis\n\nactive mysql is",
        c="# Redis\n\nactive-active mysql is",
    )
    seen = ask(posts, "mysql 异地多活")
    assert seen["a.md"]["coverage"] == pytest.approx(seen["b.md"]["coverage"])
    assert seen["c.md"]["coverage"] > 2 * seen["a.md"]["coverage"]


def test_all_problems_of_a_post_see_what_the_whole_post_holds(tmp_path: Path) -> None:
    one, other = "## Error Number: 11\n\nkafka. 解决：x", "## Error Number: 12\n\nredis. 解决：y"
    text = f"# Notes\n\n{one}\n\n{other}\n"
    folder = write(tmp_path, notes=text, other="# Other\n\nwords")
    knowledge_base = KnowledgeBase(folder, folder / ".fixdex")
    knowledge_base.rebuild()
    generation = knowledge_base.generation()
    problems = np.arange(len(generation.post_of), dtype=np.int32)[generation.post_of == 0]
    assert len(problems) >= 2
    question = read_question("kafka redis")
    rows = generation.evidence.features(question, problems, np.ones(len(problems), np.float32))
    met = rows[:, NAMES.index("coverage")] > 0
    assert met.sum() >= 2
    assert rows[met, NAMES.index("post")] == pytest.approx(1.0)


def test_a_title_that_tells_of_trouble_is_seen_by_those_who_tell_theirs(tmp_path: Path) -> None:
    posts = write(
        tmp_path,
        use="# Matplotlib over VNC\n\nplot window",
        gone="# Matplotlib 窗口不显示\n\nplot window",
    )
    seen = ask(posts, "matplotlib plot window")
    assert seen["gone.md"]["trouble"] == 0.5
    assert seen["use.md"]["trouble"] == 0.0
    pasted = ask(posts, "Traceback (most recent call last):\nRuntimeError: no plot window")
    assert pasted["gone.md"]["trouble"] == 0.0


def test_a_title_about_trouble_says_less_where_a_name_asked_for_is_missing(tmp_path: Path) -> None:
    posts = write(
        tmp_path,
        mine="# Dapper fails on a decimal\n\nsqlite decimal column",
        other="# mysql decimal fails\n\ndecimal column",
        use="# Decimals\n\nsqlite decimal column",
    )
    seen = ask(posts, "sqlite decimal column")
    assert seen["mine.md"]["names"] == pytest.approx(1.0)
    assert 0 < seen["other.md"]["names"] < 1
    assert seen["mine.md"]["trouble"] == seen["other.md"]["trouble"]
    assert seen["mine.md"]["trouble_named"] > seen["other.md"]["trouble_named"] > 0
    assert [*seen].index("mine.md") < [*seen].index("other.md")


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("容器起動失敗", True),
        ("webpack热更新失败-检测不到文件变化", True),
        ("Cannot connect to the Docker daemon", True),
        ("ignore-errors", False),
        ("Nothing but notes", False),
        ("Docker 入门", False),
    ],
)
def test_a_title_tells_of_trouble_or_names_a_thing(title: str, told: bool) -> None:
    assert tells_of_trouble(title) == told


def test_posts_past_those_looked_at_stand_below_them(tmp_path: Path) -> None:
    posts = {f"p{i:03}": f"# Post {i}\n\nshared {'pad ' * i}" for i in range(LOOKED_AT + 20)}
    knowledge_base = KnowledgeBase(write(tmp_path, **posts), tmp_path / ".fixdex")
    knowledge_base.rebuild()
    judged = knowledge_base.generation().judge(read_question("shared"))
    assert len(judged.rows) == LOOKED_AT
    assert len(judged.ranked) == LOOKED_AT + 20
    assert list(judged.ranked.scores) == sorted(judged.ranked.scores, reverse=True)


def test_far_behind_the_first_only_thirty_are_looked_at_again() -> None:
    far = np.array([10.0] + [1.0] * 99, np.float32)
    assert depth_of(far) == 30
    assert depth_of(far[:12]) == 12
    assert depth_of(np.linspace(10, 5, 100, dtype=np.float32)) == LOOKED_AT
    assert depth_of(np.array([10.0] * 40 + [3.0] * 40, np.float32)) == 40
    # Posts that are named come first, whatever their score.
    assert depth_of(np.array([1.0] * 35 + [10.0] * 10 + [1.0] * 10, np.float32)) == 45
    assert depth_of(np.empty(0, np.float32)) == 0


def test_every_coefficient_has_its_signal_and_every_signal_its_coefficient(tmp_path: Path) -> None:
    found = weights()
    assert set(found["evidence"]) == {"paste", "words", "sentence"}
    assert all(set(own) == set(NAMES) for own in found["evidence"].values())
    knowledge_base = KnowledgeBase(write(tmp_path, a="# A\n\nb"), tmp_path / ".fixdex")
    knowledge_base.rebuild()
    question = read_question("a b")
    signals = read_signals(question, knowledge_base.generation().judge(question), 1)
    assert {*signals, "constant"} == set(found["confidence"]["weights"])


def test_more_of_the_question_never_puts_a_post_lower() -> None:
    for own in weights()["evidence"].values():
        for name in ("coverage", "near", "title", "pairs_share", "error_same", "strength"):
            assert own[name] >= 0, name


def test_what_is_seen_is_finite_whatever_is_asked(tmp_path: Path) -> None:
    knowledge_base = KnowledgeBase(write(tmp_path, a="# A\n\nb c", b="错误"), tmp_path / ".fixdex")
    knowledge_base.rebuild()
    for text in ("", "  ", "?!", "b" * 5000, "错误 " * 9000, "\0", "a b c 错误"):
        judged = knowledge_base.generation().judge(read_question(text))
        assert np.isfinite(judged.rows).all()


def test_a_question_that_is_a_title_finds_that_post_first(tmp_path: Path) -> None:
    posts = {f"p{i:03}": f"# Docker {i}\n\ndocker docker docker {'x ' * i}" for i in range(80)}
    posts["short"] = "# Docker\n\n" + "a long story of other things " * 300
    assert next(iter(ask(write(tmp_path, **posts), "docker"))) == "short.md"


NONSENSE = (
    "blorp", "quazz", "frobby", "zint", "plurk", "vexo", "drimm", "snaz", "kloot", "wibby",
    "gronk", "tazz",
)  # fmt: skip


def test_what_is_seen_is_what_plain_loops_count(tmp_path: Path) -> None:
    draw = random.Random(5)

    def some(most: int) -> str:
        return " ".join(draw.choices(NONSENSE, k=draw.randint(1, most)))

    posts = {
        f"p{i}": f"# {some(4)}\n\n{some(60)}\n\n## {some(3)}\n\n{some(150)}\n\n- {some(5)}\n"
        for i in range(14)
    }
    knowledge_base = KnowledgeBase(write(tmp_path, **posts), tmp_path / ".fixdex")
    knowledge_base.rebuild()
    generation = knowledge_base.generation()
    for _ in range(20):
        question = read_question(" ".join(draw.sample(NONSENSE, draw.randint(2, 6))))
        judged = generation.judge(question)
        importance = generation.ranking.importance(question)
        for problem, row in zip(judged.ranked.problems, judged.rows, strict=True):
            seen = dict(zip(NAMES, row.tolist(), strict=True))
            for name, value in counted(generation, question, importance, int(problem)).items():
                assert seen[name] == pytest.approx(value, abs=1e-4), name


def counted(
    generation: Generation, question: Question, importance: dict[str, float], problem: int
) -> dict[str, float]:
    """What is seen of a problem, word by word."""
    engine = generation.index.engine
    wording = engine.wording(np.array([problem], np.int32), 20_000)
    vocabulary = engine.vocabulary()
    blocks = [
        (
            FIELDS[wording.fields[block]],
            [
                vocabulary[n]
                for n in wording.words[wording.blocks[block] : wording.blocks[block + 1]]
            ],
        )
        for block in range(len(wording.fields))
    ]
    text = [word for _, block in blocks for word in block]
    whole = sum(importance.values())

    def share(words: list[str]) -> float:
        return sum(importance[word] for word in importance if word in words) / whole

    def best(fields: tuple[str, ...]) -> float:
        return max((share(block) for field, block in blocks if field in fields), default=0.0)

    def window(reach: int) -> float:
        return max(share(text[start : start + reach]) for start in range(len(text)))

    neighbours = {
        (left, right): min(importance[left], importance[right]) for left, right in question.pairs
    }
    stand = [
        weight
        for (left, right), weight in neighbours.items()
        if any(word == left and right in text[at + 1 : at + 3] for at, word in enumerate(text))
    ]
    return {
        "coverage": share(text),
        "own": share(text),
        "title": best(("title",)),
        "heading": best(("title", "head", "tags")),
        "near": window(NEAR),
        "far": window(FAR),
        "opening": share(text[:OPENING]),
        "pairs": sum(stand) / whole,
        "pairs_share": sum(stand) / sum(neighbours.values()),
    }
