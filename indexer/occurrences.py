"""Occurrences: where the words of a question, or other ways to say them, stand in problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from indexer.analyzer import PIECE, terms
from indexer.engines.base import Engine
from indexer.pasted import LONGEST
from indexer.postings import Floats, Ints, Places, ranges
from indexer.question import Question
from indexer.ranking import ways_of
from indexer.segments import Vocabulary

# Only the words that count most are looked for, and only so much of one problem is looked at.
_MOST_WORDS = 40
_READ = 20_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """The words of a question, numbered; a way is a word or words that say some of them.

    `terms` are those that ways are made of; the ways come level by level.
    """

    names: tuple[str, ...]
    importance: Floats
    terms: Ints
    levels: tuple[Level, ...]
    codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Level:
    """The ways of one factor. Those of one word stand side by side, by their first.

    The words that are said by the term numbered `firsts[i]` stand in `said` from `starts[i]` to
    `starts[i + 1]`. Ways of more words stand in `longer`: which first, which of the rest, the
    words said.
    """

    factor: float
    starts: Places
    said: Ints
    longer: tuple[tuple[int, tuple[int, ...], tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Text:
    """The words of several problems one after the other: their terms.

    Problem i begins at place `starts[i]`, block b at `edges[b]`. Per block: its field, its
    problem, and which part of that it is (-1: none).
    """

    words: Ints
    starts: Places
    edges: Places
    fields: Ints
    block_owner: Ints
    parts: Ints

    def owner(self, place: Places) -> Places:
        """The problem that each place is in."""
        return np.searchsorted(self.starts, place, side="right") - 1

    def block(self, place: Places) -> Places:
        """The block that each place is in."""
        return np.searchsorted(self.edges, place, side="right") - 1

    def lengths(self) -> Places:
        """How many words of each problem are here."""
        return np.diff(self.starts, append=len(self.words))


@dataclass(frozen=True, slots=True)
class Met:
    """Where words of a question stand: in a text at `place`, its `word`, said so far by `factor`.

    A factor of 1 is the word itself; others are translations and other words for it. Factors rise.
    """

    place: Places
    word: Ints
    factor: Floats

    def __len__(self) -> int:
        return len(self.place)


def want(question: Question, importance: Mapping[str, float], vocabulary: Vocabulary) -> Wanted:
    """The words to look for, those first that count most by `importance`."""
    names = [
        term.text
        for term in terms(question.text[:LONGEST])
        if term.weight >= PIECE and term.text in importance
    ]
    names = sorted(dict.fromkeys(names), key=lambda name: (-importance[name], name))
    names = names[:_MOST_WORDS]
    number = {name: i for i, name in enumerate(names)}
    numbers: dict[int, int] = {}
    by_factor: dict[float, list[tuple[int, tuple[int, ...], tuple[int, ...]]]] = {}

    def add(way: tuple[str, ...], said: tuple[int, ...], factor: float) -> None:
        rows = [vocabulary.find(word) for word in way]
        if said and all(row is not None for row in rows):
            first, *rest = (
                numbers.setdefault(row, len(numbers)) for row in rows if row is not None
            )
            by_factor.setdefault(factor, []).append((first, tuple(rest), said))

    for name, i in number.items():
        add((name,), (i,), 1.0)
    for phrase in question.phrases:
        said = tuple(number[term] for term in phrase.terms if term in number)
        for factor, ways_said in ways_of(phrase):
            for way in ways_said:
                add(way.words, said, factor)
    return Wanted(
        tuple(names),
        np.array([importance[name] for name in names], np.float32),
        np.array(list(numbers), np.int32),
        tuple(_level(factor, ways, len(numbers)) for factor, ways in sorted(by_factor.items())),
        question.codes,
    )


def _level(
    factor: float, ways: Sequence[tuple[int, tuple[int, ...], tuple[int, ...]]], terms: int
) -> Level:
    own: list[list[int]] = [[] for _ in range(terms)]
    for first, rest, said in ways:
        if not rest:
            own[first] += said
    return Level(
        factor,
        np.cumsum([0, *map(len, own)]),
        np.array([word for said in own for word in said], np.int32),
        tuple((first, rest, said) for first, rest, said in ways if rest),
    )


def gather(engine: Engine, problems: Ints) -> Text:
    """The words of these problems, each as far as it is looked at."""
    wording = engine.wording(problems, _READ)
    return Text(
        wording.words,
        wording.blocks[wording.problems[:-1]],
        wording.blocks[:-1],
        wording.fields.astype(np.int32),
        np.repeat(np.arange(len(problems), dtype=np.int32), np.diff(wording.problems)),
        wording.parts,
    )


# Of every term its rarity in whole parts, to look words up in: two bytes each fit into a cache.
# From _WANTED on it is the number of a term that is wanted; a rarity never comes so far.
Rarities = npt.NDArray[np.uint16]
_RARITY_PARTS, _WANTED = 2048, 1 << 15


def code_rarities(rarities: Floats) -> Rarities:
    """Rarities as `meet` looks them up."""
    return np.minimum(np.rint(rarities * _RARITY_PARTS), _WANTED - 1).astype(np.uint16)


def meet(words: Ints, wanted: Wanted, rarities: Rarities) -> tuple[Met, Rarities]:
    """Where the words wanted stand among these, and the rarities of all of these, in parts.

    `rarities`, of every term, are written to meanwhile: no other thread may use them.
    """
    assert len(wanted.terms) <= _WANTED
    own = rarities[wanted.terms]
    rarities[wanted.terms] = _WANTED + np.arange(len(wanted.terms), dtype=np.uint16)
    found = rarities.take(words)
    rarities[wanted.terms] = own
    hits = (found >= _WANTED).nonzero()[0]
    of = found[hits] - np.uint16(_WANTED)
    found[hits] = own[of]
    met = (np.bincount(of, minlength=len(wanted.terms)) > 0).tolist()
    last = len(words) - 1
    places, numbers, factors = [], [], []
    for level in wanted.levels:
        way, hit = ranges(level.starts[of], level.starts[of + 1])
        there, said = [hits[hit]], [level.said[way]]
        for first, rest, meant in level.longer:
            if not (met[first] and all(met[other] for other in rest)):
                continue
            here = hits[of == first]
            for step, other in enumerate(rest, 1):
                term, ahead = wanted.terms[other], np.minimum(here + step, last)
                here = here[(words[ahead] == term) | (words[np.minimum(ahead + 1, last)] == term)]
            if not len(here):
                continue
            there += [here] * len(meant)
            said += [np.full(len(here), word, np.int32) for word in meant]
        places += there
        numbers += said
        factors.append(np.full(sum(map(len, there)), level.factor, np.float32))
    if not places:
        return Met(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.float32)), found
    return Met(np.concatenate(places), np.concatenate(numbers), np.concatenate(factors)), found
