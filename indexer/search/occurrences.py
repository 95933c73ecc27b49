"""Occurrences: where the words of a question, or other ways to say them, stand in problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from indexer.index.engine import Engine
from indexer.index.postings import Floats, Ints, Places, ends_of, ranges
from indexer.index.segments import Vocabulary
from indexer.search.question import Question
from indexer.search.ranking import ways_of
from indexer.text.analyzer import PIECE

# Only the words that count most are looked for, and only so much of one problem is looked at.
_MOST_WORDS = 40
_READ = 20_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """The words of a question, numbered, and the ways to say them.

    `coded` says which name an error; `pairs` are those that stand side by side (pairs x 2). All
    words count for `whole` together. `terms` are those that ways are made of. Ways are sorted
    by the term they begin with, those of term i stand from `begins[i]` to `begins[i + 1]`. Way j
    says the word `said[j]`, which counts for `factors[levels[j]]` of itself then, and goes on with
    the terms `rest[j]` (numbers in `terms`; -1: none). Factors rise.
    """

    names: tuple[str, ...]
    importance: Floats
    whole: float
    coded: npt.NDArray[np.bool_]
    pairs: Places
    terms: Ints
    begins: Places
    said: Ints
    levels: Ints
    rest: Ints
    factors: Floats


@dataclass(frozen=True, slots=True)
class Text:
    """The words of several problems one after the other: their terms.

    Problem i begins at place `starts[i]` and has `lengths[i]` of them, block b begins at
    `edges[b]`. Per block: its field, its problem, and which part of that it is (-1: none).
    """

    words: Ints
    starts: Places
    lengths: Places
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


@dataclass(frozen=True, slots=True)
class Met:
    """The places of a text where words of a question may stand, rising, and which do.

    Row i says: at `places[at[i]]` stands the word `word[i]`, said in a way that counts for the
    factor numbered `level[i]`, and so for `value[i]`. Rows are sorted by word, then by place, each
    but once.
    """

    places: Places
    at: Places
    word: Places
    level: Places
    value: Floats

    def __len__(self) -> int:
        return len(self.at)


# The word that is said, the words that say so, and what these count for.
_Way = tuple[int, tuple[str, ...], float]


def want(question: Question, importance: Mapping[str, float], vocabulary: Vocabulary) -> Wanted:
    """The words to look for, those first that count most by `importance`."""
    names = [term.text for term in question.cut if term.weight >= PIECE and term.text in importance]
    names = sorted(dict.fromkeys(names), key=lambda name: (-importance[name], name))
    names = names[:_MOST_WORDS]
    number = {name: i for i, name in enumerate(names)}
    ways: list[_Way] = [(i, (name,), 1.0) for name, i in number.items()]
    for phrase in question.phrases:
        said = [number[term] for term in phrase.terms if term in number]
        for factor, others in ways_of(phrase):
            ways += [(word, way.words, factor) for way in others for word in said]
    used = list(dict.fromkeys(word for _, words, _ in ways for word in words))
    known = vocabulary.recall(used)
    held = (known >= 0).nonzero()[0]
    own = {used[i]: place for place, i in enumerate(held.tolist())}
    ways = [way for way in ways if all(map(own.__contains__, way[1]))]
    ways.sort(key=lambda way: own[way[1][0]])
    counts = [importance[name] for name in names]
    pairs = [(number[a], number[b]) for a, b in question.pairs if a in number and b in number]
    return Wanted(
        tuple(names),
        np.array(counts, np.float32),
        sum(counts) or 1.0,
        np.array([name in question.codes for name in names], bool),
        np.array(pairs, np.int64).reshape(-1, 2),
        known[held],
        *_table(
            [(said, [own[word] for word in words], factor) for said, words, factor in ways],
            len(held),
        ),
    )


def _table(
    ways: Sequence[tuple[int, list[int], float]], count: int
) -> tuple[Places, Ints, Ints, Ints, Floats]:
    """Ways as the columns of Wanted: begins, said, levels, rest, factors; of so many terms."""
    factors = sorted({factor for *_, factor in ways})
    rest = np.full((len(ways), max((len(words) for _, words, _ in ways), default=1)), -1, np.int32)
    for row, (_, words, _) in enumerate(ways):
        rest[row, : len(words)] = words
    return (
        ends_of(np.bincount(rest[:, 0], minlength=count)),
        np.array([said for said, *_ in ways], np.int32),
        np.array([factors.index(factor) for *_, factor in ways], np.int32),
        rest[:, 1:],
        np.array(factors, np.float32),
    )


def gather(engine: Engine, problems: Ints) -> Text:
    """The words of these problems, whose numbers rise, each as far as it is looked at."""
    wording = engine.wording(problems, _READ)
    edges = wording.blocks[wording.problems]
    return Text(
        wording.words,
        edges[:-1],
        edges[1:] - edges[:-1],
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


def meet(text: Text, wanted: Wanted, rarities: Rarities) -> tuple[Met, Rarities]:
    """Where the words wanted stand in a text, and the rarities of all of its words, in parts.

    `rarities`, of every term, are written to meanwhile: no other thread may use them.
    """
    assert len(wanted.terms) <= _WANTED
    own = rarities[wanted.terms]
    rarities[wanted.terms] = _WANTED + np.arange(len(wanted.terms), dtype=np.uint16)
    found = rarities.take(text.words)
    rarities[wanted.terms] = own
    places = (found >= _WANTED).nonzero()[0]
    of = found[places] - np.uint16(_WANTED)
    found[places] = own[of]
    way, at = _said(text, wanted, places, of)
    # Packed into one number they sort in a third of the time.
    rows = np.sort(wanted.said[way].astype(np.int64) << 32 | at << _LEVELS | wanted.levels[way])
    # Of several ways to say a word at one place, the last counts most.
    spot = rows >> _LEVELS
    last = np.ones(len(rows), bool)
    np.not_equal(spot[1:], spot[:-1], out=last[:-1])
    rows = rows[last]
    at, word, level = (rows & 0xFFFFFFFF) >> _LEVELS, rows >> 32, rows & (1 << _LEVELS) - 1
    return Met(places, at, word, level, wanted.importance[word] * wanted.factors[level]), found


# Levels take so many bits.
_LEVELS = 6


def _said(
    text: Text, wanted: Wanted, places: Places, of: npt.NDArray[np.uint16]
) -> tuple[Places, Places]:
    """(way, number of the place) where ways are said; at each place stands the term `of`."""
    here = np.bincount(of, minlength=len(wanted.terms)) > 0
    # The number -1 is the last.
    possible = np.logical_and.reduce(np.append(here, True)[wanted.rest], axis=1)
    begins = ends_of(possible)[wanted.begins]
    way, at = ranges(begins[of], begins[of + 1])
    way = possible.nonzero()[0][way]
    if not wanted.rest.shape[1]:
        return way, at
    longer = (wanted.rest[:, 0] >= 0)[way].nonzero()[0]
    said, fits = np.ones(len(way), bool), np.ones(len(longer), bool)
    place = places[at[longer]]
    # A way does not go on in the next problem.
    last = (text.starts + text.lengths)[text.owner(place)] - 1
    for step, number in enumerate(wanted.rest[way[longer]].T, 1):
        term, follows = wanted.terms[number], number < 0
        # One word may stand between two of a way.
        for ahead in (place + step, place + step + 1):
            follows |= (text.words[np.minimum(ahead, last)] == term) & (ahead <= last)
        fits &= follows
    said[longer] = fits
    return way[said], at[said]
