"""Postings to hits: one ranking for every engine."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from indexer.analyzer import WHOLE, count_terms, terms
from indexer.engines.base import Engine
from indexer.pasted import read_pasted
from indexer.postings import FIELDS, Floats, Ints

# What an occurrence in a field counts for, and how far the length of the field is held against it.
WEIGHTS = {
    "title": 4.0, "error": 3.0, "head": 2.0, "tags": 2.0, "problem": 1.0,
    "cause": 1.0, "fix": 1.0, "code": 0.6, "text": 1.0,
}  # fmt: skip
LENGTH = {
    "title": 0.4, "error": 0.5, "head": 0.4, "tags": 0.0, "problem": 0.75,
    "cause": 0.75, "fix": 0.75, "code": 0.75, "text": 0.75,
}  # fmt: skip
K1 = 1.2

# In a paste, what the lines that say what went wrong count for, and all the others.
ERROR_LINES = (1.0, 0.6, 0.4, 0.4, 0.4)
OTHER_LINES = 0.15

# Postings of this many terms are kept ready.
_READY = 20_000


@dataclass(frozen=True, slots=True)
class Ranked:
    """Problems that hold a term of the question, best first, ties by number."""

    problems: Ints
    scores: Floats

    def __len__(self) -> int:
        return len(self.problems)


class Ranking:
    """BM25F over the postings of an engine.

    A term's counts in the fields of a problem are weighted, held against the fields' lengths
    and added before they saturate: Robertson, Zaragoza and Taylor, "Simple BM25 extension to
    multiple weighted fields", CIKM 2004.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        lengths = engine.lengths()
        filled = np.maximum((lengths > 0).sum(axis=1, keepdims=True), 1)
        mean = np.maximum(lengths.sum(axis=1, keepdims=True) / filled, 1e-9)
        b = np.array([[LENGTH[name]] for name in FIELDS])
        weights = np.array([[WEIGHTS[name]] for name in FIELDS])
        self._factor = (weights / (1 - b + b * lengths / mean)).astype(np.float32)
        self._ready: OrderedDict[str, tuple[Ints, Floats] | None] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._engine)

    def rank(self, question: Mapping[str, float]) -> Ranked:
        """The problems that hold any of the weighted terms, best first."""
        scores = np.zeros(len(self._engine), np.float32)
        for term, weight in question.items():
            found = self.term(term)
            if found is not None:
                problems, counts = found
                scores[problems] += weight * self.rarity(len(problems)) * saturated(counts)
        problems = np.flatnonzero(scores).astype(np.int32)
        order = np.lexsort((problems, -scores[problems]))
        return Ranked(problems[order], scores[problems[order]])

    def term(self, term: str) -> tuple[Ints, Floats] | None:
        """(problems, weighted counts) of a term, or None where no problem holds it."""
        with self._lock:
            if term in self._ready:
                self._ready.move_to_end(term)
                return self._ready[term]
        found = self._weighted(term)
        with self._lock:
            self._ready[term] = found
            if len(self._ready) > _READY:
                self._ready.popitem(last=False)
        return found

    def rarity(self, holding: int) -> float:
        """Inverse document frequency of a term that `holding` problems hold; always positive."""
        return float(np.log1p((len(self._engine) - holding + 0.5) / (holding + 0.5)))

    def importance(self, question: Mapping[str, float]) -> dict[str, float]:
        """What each term of a question counts for: its weight times its rarity.

        A term that no problem holds counts as if one did: in a small collection little is known.
        """
        return {
            term: weight * self.rarity(len(found[0]) if (found := self.term(term)) else 1)
            for term, weight in question.items()
        }

    def holds(self, term: str, problem: int) -> float:
        """The weighted count of a term in a problem; 0 where it does not stand there."""
        found = self.term(term)
        if found is None:
            return 0.0
        place = int(np.searchsorted(found[0], problem))
        if place < len(found[0]) and found[0][place] == problem:
            return float(found[1][place])
        return 0.0

    def explain(self, question: Mapping[str, float], problem: int) -> tuple[tuple[str, float], ...]:
        """What each term added to the score of a problem, most first."""
        parts = []
        for term, weight in question.items():
            count = self.holds(term, problem)
            found = self.term(term)
            if count and found is not None:
                grown = float(saturated(np.array([count], np.float32))[0])
                parts.append((term, weight * self.rarity(len(found[0])) * grown))
        return tuple(sorted(parts, key=lambda part: (-part[1], part[0])))

    def _weighted(self, term: str) -> tuple[Ints, Floats] | None:
        postings = self._engine.postings(term)
        if postings is None:
            return None
        problems, fields, counts = postings
        weighted = counts * self._factor[fields, problems]
        starts = np.flatnonzero(np.diff(problems, prepend=-1))
        return problems[starts], np.add.reduceat(weighted, starts).astype(np.float32)


def saturated(counts: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Weighted counts, grown less and less: 1 would be reached at infinity times (K1 + 1)."""
    return (counts * (K1 + 1) / (counts + K1)).astype(np.float32)


def question_terms(question: str) -> dict[str, float]:
    """The weighted terms of a question; of a paste, the lines that say what went wrong first."""
    pasted = read_pasted(question)
    weighted: dict[str, float] = {}
    if not (pasted.output and question.count("\n") >= 1):
        count_terms(question, weighted)
        return {term: min(weight, 2.0) for term, weight in weighted.items()}
    for line, weight in zip(pasted.errors, ERROR_LINES, strict=False):
        found: dict[str, float] = {}
        count_terms(line, found)
        for term, count in found.items():
            weighted[term] = max(weighted.get(term, 0.0), weight * min(count, 1.5))
    others: dict[str, float] = {}
    count_terms(question, others)
    for term in others:
        weighted.setdefault(term, OTHER_LINES)
    return weighted


def unknown_words(question: str, ranking: Ranking) -> tuple[str, ...]:
    """The words of a question that no post has, as they were typed."""
    unknown: dict[str, str] = {}
    covered: set[int] = set()
    for term in terms(question):
        if ranking.term(term.text) is not None:
            covered.update(range(term.start, term.end))
        elif term.weight == WHOLE:
            unknown.setdefault(term.text, question[term.start : term.end])
    words = [w for w in unknown.values() if len(w) <= 60]
    return tuple(dict.fromkeys(words))[:20]
