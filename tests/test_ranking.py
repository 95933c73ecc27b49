"""The ranking is BM25F: a plain reference, written for reading, gives the same scores."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from conftest import Counted, make_engine, postings_of
from indexer.index.postings import FIELDS
from indexer.search.question import Phrase, Question
from indexer.search.ranking import K1, LENGTH, SAID_OTHERWISE, TRANSLATED, WEIGHTS, Ranking
from indexer.text.bilingual import Other

Counts = dict[str, dict[str, float]]


def reference(problems: list[Counts], question: dict[str, float]) -> dict[int, float]:
    """Scores by the formula of Robertson, Zaragoza and Taylor, one posting at a time."""
    mean = {}
    for field in FIELDS:
        filled = [sum(p[field].values()) for p in problems if p.get(field)]
        mean[field] = sum(filled) / len(filled) if filled else 0.0
    scores: dict[int, float] = {}
    for number, problem in enumerate(problems):
        for term, weight in question.items():
            count = 0.0
            for field, counts in problem.items():
                if term in counts:
                    long = sum(counts.values()) / mean[field]
                    count += (
                        WEIGHTS[field] * counts[term] / (1 - LENGTH[field] + LENGTH[field] * long)
                    )
            if count:
                holding = sum(any(term in c for c in p.values()) for p in problems)
                idf = math.log(1 + (len(problems) - holding + 0.5) / (holding + 0.5))
                scores[number] = scores.get(number, 0.0) + weight * idf * count * (K1 + 1) / (
                    count + K1
                )
    return scores


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_a_plain_reference(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    words = [f"w{n}" for n in range(30)]
    problems: list[Counts] = [
        {
            field: {
                w: float(chance.randint(1, 4)) for w in chance.sample(words, chance.randint(1, 8))
            }
            for field in FIELDS
            if chance.random() < 0.6
        }
        for _ in range(40)
    ]
    counted = [Counted(problem) for problem in problems]
    half = len(counted) // 2
    parts = [(postings_of(some), ["{}"] * len(some)) for some in (counted[:half], counted[half:])]
    ranking = Ranking(make_engine(tmp_path, *parts))
    question = {word: chance.choice([0.3, 1.0, 2.0]) for word in chance.sample(words, 6)}
    question["unknown"] = 1.0
    asked = Question("", "words", question)
    ranked = ranking.rank(asked)
    expected = reference(problems, question)
    got = dict(zip(ranked.problems.tolist(), ranked.scores.tolist(), strict=True))
    assert got == pytest.approx(expected, rel=1e-4)
    assert list(ranked.scores) == sorted(ranked.scores, reverse=True)
    best = int(ranked.problems[0])
    assert sum(added for _, added in ranking.explain(asked, best)) == pytest.approx(
        expected[best], rel=1e-4
    )


def index(folder: Path, *texts: dict[str, float]) -> Ranking:
    counted = [Counted({"text": text}) for text in texts]
    return Ranking(make_engine(folder, (postings_of(counted), ["{}"] * len(texts))))


def scores(ranking: Ranking, question: Question) -> dict[int, float]:
    ranked = ranking.rank(question)
    return dict(zip(ranked.problems.tolist(), ranked.scores.tolist(), strict=True))


def test_ties_stand_in_the_order_of_the_posts(tmp_path: Path) -> None:
    ranking = index(tmp_path, *[{"same": 1.0}] * 5)
    ranked = ranking.rank(Question("same", "words", {"same": 1.0}))
    assert ranked.problems.tolist() == [0, 1, 2, 3, 4]


def test_translations_of_a_word_share_one_frequency(tmp_path: Path) -> None:
    texts = [{"显存": 1.0}, {"vram": 1.0}, {"gpu": 1.0, "memory": 1.0}, {"gpu": 1.0}, {"x": 1.0}]
    ranking = index(tmp_path, *texts)
    ways = (Other(("vram",), 1.0), Other(("gpu", "memory"), 1.0))
    phrase = Phrase(frozenset({"显存"}), 1.0, ways, ())
    found = scores(ranking, Question("显存", "words", {"显存": 1.0}, (phrase,)))
    assert set(found) == {0, 1, 2}
    shared = TRANSLATED * ranking.rarity(2)
    own = ranking.rarity(1)
    # Equal counts in fields of unequal length: the saturated count is what is left of a score.
    assert found[1] / shared == pytest.approx(found[0] / own, rel=1e-4)
    assert found[2] < found[1]


def test_another_word_for_it_never_adds_to_the_word_itself(tmp_path: Path) -> None:
    ranking = index(tmp_path, {"容器": 1.0, "container": 1.0}, {"容器": 1.0, "y": 1.0}, {"z": 1.0})
    phrase = Phrase(frozenset({"容器"}), 1.0, (Other(("container",), 1.0),), ())
    found = scores(ranking, Question("容器", "words", {"容器": 1.0}, (phrase,)))
    assert found[0] == pytest.approx(
        max(found[1], TRANSLATED * ranking.rarity(1) * found[1] / ranking.rarity(2)), rel=1e-4
    )


def test_another_word_of_the_same_language_counts_for_less(tmp_path: Path) -> None:
    ranking = index(tmp_path, {"数据库": 1.0}, {"database": 1.0}, {"库": 1.0}, {"z": 1.0})
    phrase = Phrase(
        frozenset({"数据库"}), 1.0, (Other(("database",), 1.0),), (Other(("库",), 1.0),)
    )
    found = scores(ranking, Question("数据库", "words", {"数据库": 1.0}, (phrase,)))
    assert found[0] > found[1] > found[2] > 0
    assert found[2] / found[1] == pytest.approx(SAID_OTHERWISE / TRANSLATED, rel=1e-4)
