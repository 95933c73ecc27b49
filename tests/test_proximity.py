"""What stands near each other and side by side, against counting it word by word."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.search.occurrences import Met, Text, Wanted
from indexer.search.proximity import side_by_side, windows

IMPORTANCE = (3.0, 2.0, 1.0)
FACTORS = (0.5, 1.0)
PAIRS = ((0, 1), (1, 2), (2, 2))


def text_of(problems: list[list[tuple[int, int] | None]]) -> tuple[Text, Wanted, Met, np.ndarray]:
    """Problems as words of them: None, or which word of the question and how it is said."""
    lengths = np.array([len(problem) for problem in problems])
    starts = np.cumsum(lengths) - lengths
    met = [(at, said) for at, said in enumerate(chain(*problems)) if said is not None]
    places = np.array([at for at, _ in met], np.int64)
    rows = sorted((word, number, level) for number, (_, (word, level)) in enumerate(met))
    word, at, level = np.array(rows, np.int64).reshape(-1, 3).T
    importance, factors = np.array(IMPORTANCE, np.float32), np.array(FACTORS, np.float32)
    none = np.empty(0, np.int32)
    text = Text(np.zeros(lengths.sum(), np.int32), starts, lengths, starts, none, none, none)
    wanted = Wanted(
        ("a", "b", "c"), importance, 6.0, np.zeros(3, bool), np.array(PAIRS), none,
        none.astype(np.int64), none, none, none.reshape(0, 1), factors,
    )  # fmt: skip
    owner = np.searchsorted(starts, places, side="right") - 1
    return text, wanted, Met(places, at, word, level, importance[word] * factors[level]), owner


said = st.one_of(st.none(), st.tuples(st.integers(0, 2), st.integers(0, 1)))


@given(st.lists(st.lists(said, min_size=1, max_size=12), min_size=1, max_size=4), st.integers(1, 6))
def test_what_stands_near_and_side_by_side_is_what_counting_finds(
    problems: list[list[tuple[int, int] | None]], reach: int
) -> None:
    text, wanted, met, owner = text_of(problems)
    if not len(met):
        return
    (found,) = windows(text, met, wanted, owner, (reach,))
    there = side_by_side(met, wanted, owner, len(problems))
    for number, problem in enumerate(problems):
        assert found[number] == pytest.approx(max(map(worth, slices(problem, reach))), abs=1e-5)
        words = [one[0] if one else None for one in problem]
        for pair, (left, right) in enumerate(PAIRS):
            beside = any(
                word == left and right in words[at + 1 : at + 3] for at, word in enumerate(words)
            )
            assert there[number, pair] == beside


def slices(problem: list[tuple[int, int] | None], reach: int) -> list[list[tuple[int, int] | None]]:
    return [problem[start : start + reach] for start in range(len(problem))]


def worth(window: list[tuple[int, int] | None]) -> float:
    best: dict[int, float] = {}
    for word, level in filter(None, window):
        best[word] = max(best.get(word, 0.0), IMPORTANCE[word] * FACTORS[level])
    return sum(best.values())
