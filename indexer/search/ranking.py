"""Postings to hits: one ranking for every engine."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from indexer.index.engine import Engine, Found
from indexer.index.postings import FIELDS, Floats, Ints, Places
from indexer.search.question import Phrase, Question
from indexer.search.recent import Ready, recent
from indexer.text.analyzer import WHOLE, terms
from indexer.text.bilingual import Other

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

# What a translation of a word counts for, against the word itself, and another word for it.
TRANSLATED = 0.8
SAID_OTHERWISE = 0.4

_ASKED_LATELY = 16
# So many terms are made ready before the first question.
_COMMON, _AT_ONCE = 500, 200


class Weighted(NamedTuple):
    """The problems that hold a term, and what it adds to the score of each; how rare it is."""

    problems: Ints
    values: Floats
    rarity: np.float32


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

    def __init__(self, engine: Engine, budget: int = 48_000_000) -> None:
        """`budget`: bytes of postings that are kept ready."""
        self.engine = engine
        lengths = engine.lengths()
        filled = np.maximum((lengths > 0).sum(axis=1, keepdims=True), 1)
        mean = np.maximum(lengths.sum(axis=1, keepdims=True) / filled, 1e-9)
        b = np.array([[LENGTH[name]] for name in FIELDS])
        weights = np.array([[WEIGHTS[name]] for name in FIELDS])
        self._factor = (weights / (1 - b + b * lengths / mean)).astype(np.float32)
        # By term, or by ways to say one thing.
        self._ready = Ready[Weighted | None](budget, _bytes)
        self._important: dict[Hashable, dict[str, float]] = {}

    def __len__(self) -> int:
        return len(self.engine)

    def warm_up(self, expected: Iterable[str] = ()) -> None:
        """Makes ready the terms that most problems hold, then what is expected, where it fits."""
        vocabulary = self.engine.vocabulary()
        held = np.argsort(-self.engine.holding())[:_COMMON].tolist()
        terms = [*(vocabulary[number] for number in held), *expected]
        # What all of them need on the way takes 80 MB, which stay with the process.
        for start in range(0, len(terms), _AT_ONCE):
            if not self._ready.full:
                self._ready.make_ready(terms[start : start + _AT_ONCE], self._weigh)

    def rank(self, question: Question) -> Ranked:
        """The problems that hold any word of the question, or another word for it, best first."""
        scores = self._scores(question)
        found = (scores > 0).nonzero()[0]
        # Bits of numbers from zero up rise with them. One number per problem, less for a greater
        # score and then for a smaller number, sorts in a fifth of the time of two keys.
        bits = scores[found].view(np.uint32).astype(np.uint64)
        key = np.sort(((np.uint64(0xFFFFFFFF) - bits) << np.uint64(32)) | found.astype(np.uint64))
        problems = (key & np.uint64(0xFFFFFFFF)).astype(np.int32)
        return Ranked(problems, scores[problems])

    def _scores(self, question: Question) -> Floats:
        # Looked up one by one, the terms of a long question take five times as long.
        ways_said = (ways for phrase in question.phrases for _, ways in ways_of(phrase))
        said = chain.from_iterable(way.words for ways in ways_said for way in ways)
        self._ready.make_ready([*question.terms, *said], self._weigh)
        nodes: list[tuple[frozenset[str], Floats]] = []
        free = set(question.terms)
        for phrase in question.phrases:
            others = [
                (factor * phrase.weight, found)
                for factor, ways in ways_of(phrase)
                if (found := self.others(ways)) is not None
            ]
            if not others:
                continue
            own = np.zeros(len(self.engine), np.float32)
            for covered, values in nodes:
                if covered <= phrase.terms:
                    own += values
            nodes = [node for node in nodes if not node[0] <= phrase.terms]
            for term in phrase.terms & free:
                self._add(own, term, question.terms[term])
            free -= phrase.terms
            for weight, found in others:
                own[found.problems] = np.maximum(own[found.problems], weight * found.values)
            nodes.append((phrase.terms, own))
        held = [
            (found.problems, weight * found.values)
            for term, weight in question.terms.items()
            if term in free and (found := self.term(term)) is not None
        ]
        scores = np.zeros(len(self.engine), np.float32)
        if held:
            problems, values = (np.concatenate(column) for column in zip(*held, strict=True))
            scores = np.bincount(problems, values, len(self.engine)).astype(np.float32)
        for _, values in nodes:
            scores += values
        return scores

    def _add(self, scores: Floats, term: str, weight: float) -> None:
        found = self.term(term)
        if found is not None:
            scores[found.problems] += weight * found.values

    def others(self, ways: tuple[Other, ...]) -> Weighted | None:
        """The problems that hold any of several ways to say one thing; all have one frequency."""
        return self._ready.get(ways, lambda: self._share(ways))

    def _share(self, ways: tuple[Other, ...]) -> Weighted | None:
        if len(ways) == 1 and len(ways[0].words) == 1 and ways[0].share == 1:
            return self.term(ways[0].words[0])
        parts = [
            (found[0], np.float32(way.share) * counted(found[1]))
            for way in ways
            if (found := self._together(way.words)) is not None
        ]
        if not parts:
            return None
        if len(parts) == 1:
            return self._valued(*parts[0])
        problems, counts = (np.concatenate(column) for column in zip(*parts, strict=True))
        sums = np.bincount(problems, counts)
        held = (sums > 0).nonzero()[0]
        return self._valued(held.astype(np.int32), sums[held].astype(np.float32))

    def _together(self, words: tuple[str, ...]) -> tuple[Ints, Floats] | None:
        """(problems, saturations) of the problems that hold all words; of each the least."""
        held = [found for word in words if (found := self.term(word)) is not None]
        if len(held) < len(words):
            return None
        first, *rest = sorted(held, key=lambda one: len(one.problems))
        problems, least = first.problems, first.values / first.rarity
        for found in rest:
            place = found.problems.searchsorted(problems)
            # What is past the last is held against the last: it is none of them.
            both = (found.problems.take(place, mode="clip") == problems).nonzero()[0]
            problems = problems.take(both)
            own = found.values.take(place.take(both)) / found.rarity
            least = np.minimum(least.take(both), own)
        return (problems, least) if len(problems) else None

    def term(self, term: str) -> Weighted | None:
        """The problems that hold a term, or None where none does."""
        return self._ready.get(term, lambda: self._weigh([term])[0])

    def holding(self, term: str) -> int:
        """How many problems hold a term."""
        found = self.term(term)
        return 0 if found is None else len(found.problems)

    def holds(self, term: str, problem: int) -> bool:
        """Whether a problem holds a term."""
        found = self.term(term)
        return found is not None and _place(found.problems, problem) is not None

    def holding_all(self, terms: Sequence[str]) -> list[int]:
        """How many problems hold each of several terms."""
        numbers = self.engine.vocabulary().recall(terms)
        known = numbers >= 0
        holding = np.zeros(len(numbers), np.int32)
        holding[known] = self.engine.holding()[numbers[known]]
        found: list[int] = holding.tolist()
        return found

    def rarity(self, holding: int) -> float:
        """Inverse document frequency of a term that `holding` problems hold; always positive."""
        return math.log1p((len(self.engine) - holding + 0.5) / (holding + 0.5))

    def rarity_of(self, holding: Ints | Places) -> Floats:
        """The rarity of terms that so many problems hold."""
        rarity = np.log1p((len(self.engine) - holding + 0.5) / (holding + 0.5))
        return rarity.astype(np.float32)

    def importance(self, question: Question) -> dict[str, float]:
        """What each term of a question counts for: its weight times its rarity.

        A term that no problem holds is as rare as another way to say it; without one, it counts
        as if one problem held it: in a small collection little is known.
        """
        return recent(self._important, question, lambda: self._importance(question), _ASKED_LATELY)

    def _importance(self, question: Question) -> dict[str, float]:
        rarity = {
            term: self.rarity(len(found.problems))
            for term in question.terms
            if (found := self.term(term)) is not None
        }
        for phrase in question.phrases:
            for ways in (phrase.translations, phrase.synonyms):
                if ways and (found := self.others(ways)) is not None:
                    for term in phrase.terms:
                        rarity.setdefault(term, self.rarity(len(found.problems)))
        unknown = self.rarity(1)
        return {t: weight * rarity.get(t, unknown) for t, weight in question.terms.items()}

    def explain(self, question: Question, problem: int) -> tuple[tuple[str, float], ...]:
        """What each term, or another way to say some, added to a problem's score; most first."""
        parts = {term: [(term, self._value(self.term(term), weight, problem))]
                 for term, weight in question.terms.items()}  # fmt: skip
        for phrase in question.phrases:
            own = [one for term in sorted(phrase.terms) for one in parts[term]]
            best = max(
                (
                    (self._value(self.others(ways), factor * phrase.weight, problem), way.words)
                    for factor, ways in ways_of(phrase)
                    for way in ways
                    if self._holds_all(way.words, problem)
                ),
                default=(0.0, ()),
            )
            if best[0] > sum(value for _, value in own):
                own = [(" ".join(best[1]), best[0])]
            for term in phrase.terms:
                parts[term] = []
            if phrase.terms:
                parts[min(phrase.terms)] = own
        added = [one for found in parts.values() for one in found if one[1]]
        return tuple(sorted(added, key=lambda part: (-part[1], part[0])))

    def _value(self, found: Weighted | None, weight: float, problem: int) -> float:
        """What postings add to the score of a problem."""
        if found is None or (place := _place(found.problems, problem)) is None:
            return 0.0
        return weight * float(found.values[place])

    def _holds_all(self, words: tuple[str, ...], problem: int) -> bool:
        found = self._together(words)
        return found is not None and _place(found[0], problem) is not None

    def _weigh(self, terms: Sequence[str]) -> list[Weighted | None]:
        """What terms count for in all fields of each problem that holds them."""
        parts = [self._weigh_part(found) for found in self.engine.postings(terms)]
        held = np.zeros((len(parts) + 1, len(terms)), np.int64)
        for number, (edges, _, _) in enumerate(parts):
            held[number] = np.diff(edges)
        holding = held.sum(axis=0)
        rarity = self.rarity_of(holding)
        weighted = [
            (edges.tolist(), problems, np.repeat(rarity, own) * saturated(counts))
            for own, (edges, problems, counts) in zip(held, parts, strict=False)
        ]
        result: list[Weighted | None] = []
        for number, one in enumerate(rarity):
            own = [
                (problems[begin:end], values[begin:end])
                for edges, problems, values in weighted
                if (begin := edges[number]) < (end := edges[number + 1])
            ]
            # Copied: a part of an array would keep the whole.
            if len(own) == 1:
                result.append(Weighted(own[0][0].copy(), own[0][1].copy(), one))
            elif own:
                problems, values = zip(*own, strict=True)
                result.append(Weighted(np.concatenate(problems), np.concatenate(values), one))
            else:
                result.append(None)
        return result

    def _weigh_part(self, found: Found) -> tuple[Places, Ints, Floats]:
        """(edges by term, problems, counts) with the fields of each problem added up."""
        problems = found.problems
        places = found.fields * np.int64(len(self.engine)) + problems
        weighted = found.counts * self._factor.take(places)
        if not len(problems):
            return found.edges, problems, weighted
        first = np.ones(len(problems), bool)
        np.not_equal(problems[1:], problems[:-1], out=first[1:])
        begins = found.edges[:-1]
        first[begins[begins < len(first)]] = True
        starts = np.flatnonzero(first)
        edges = np.concatenate([[0], np.cumsum(first)])[found.edges]
        return edges, problems[starts], np.add.reduceat(weighted, starts)

    def _valued(self, problems: Ints, counts: Floats) -> Weighted:
        rarity = np.float32(self.rarity(len(problems)))
        return Weighted(problems, rarity * saturated(counts), rarity)


def _place(problems: Ints, problem: int) -> int | None:
    place = int(problems.searchsorted(np.int32(problem)))
    return place if place < len(problems) and problems[place] == problem else None


def _bytes(found: Weighted | None) -> int:
    # With what a dictionary, a key and two arrays take themselves.
    return 450 + (found.problems.nbytes + found.values.nbytes if found is not None else 0)


def ways_of(phrase: Phrase) -> list[tuple[float, tuple[Other, ...]]]:
    """The other ways to say a phrase, each kind with what it counts for."""
    kinds = (TRANSLATED, phrase.translations), (SAID_OTHERWISE, phrase.synonyms)
    return [(factor, ways) for factor, ways in kinds if ways]


def saturated(counts: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Weighted counts, grown less and less: 1 would be reached at infinity times (K1 + 1)."""
    return counts * np.float32(K1 + 1) / (counts + np.float32(K1))


def counted(saturations: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The weighted counts that have grown less to this: `saturated`, turned round."""
    return saturations * np.float32(K1) / (np.float32(K1 + 1) - saturations)


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
