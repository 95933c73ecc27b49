"""The ranking is BM25F: a plain reference, written for reading, gives the same scores."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from indexer.engines import whoosh_engine
from indexer.postings import FIELDS, collect
from indexer.ranking import K1, LENGTH, WEIGHTS, Ranking, question_terms

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
    counted = [[problem.get(field, {}) for field in FIELDS] for problem in problems]
    whoosh_engine.write(tmp_path, collect(counted), ["{}"] * len(problems))
    ranking = Ranking(whoosh_engine.open_index(tmp_path))
    question = {word: chance.choice([0.3, 1.0, 2.0]) for word in chance.sample(words, 6)}
    question["unknown"] = 1.0
    ranked = ranking.rank(question)
    expected = reference(problems, question)
    got = dict(zip(ranked.problems.tolist(), ranked.scores.tolist(), strict=True))
    assert got == pytest.approx(expected, rel=1e-4)
    assert list(ranked.scores) == sorted(ranked.scores, reverse=True)
    best = int(ranked.problems[0])
    assert sum(added for _, added in ranking.explain(question, best)) == pytest.approx(
        expected[best], rel=1e-4
    )


def test_ties_stand_in_the_order_of_the_posts(tmp_path: Path) -> None:
    same = [{"same": 1.0} if name == "text" else {} for name in FIELDS]
    whoosh_engine.write(tmp_path, collect([same] * 5), ["{}"] * 5)
    ranked = Ranking(whoosh_engine.open_index(tmp_path)).rank({"same": 1.0})
    assert ranked.problems.tolist() == [0, 1, 2, 3, 4]


def test_the_lines_that_say_what_went_wrong_count_most() -> None:
    paste = (
        "Traceback (most recent call last):\n"
        '  File "/home/zoe/shop/cart.py", line 3, in total\n'
        "    return prices[name]\n"
        "KeyError: 'discount'\n"
    )
    terms = question_terms(paste)
    assert terms["keyerror"] > terms["zoe"]
    assert terms["discount"] > terms["cart"]


def test_a_question_is_words_and_never_a_query_language() -> None:
    for text in ('"', "AND OR NOT", "title:x", "a^2~", "(((", "*", "?q=[1 TO 2]", "--", "\\"):
        assert isinstance(question_terms(text), dict)
