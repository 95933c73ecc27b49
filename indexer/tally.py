"""Tally: the terms of many problems, cut and counted at once."""

from __future__ import annotations

from array import array as packed
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from indexer.analyzer import BIGRAM, PART, PIECE, WHOLE, comes_again, tokens, weigh
from indexer.dictionary import cut
from indexer.postings import FIELDS, PARTS, Places, Postings, Wording, ends_of, ranges

# Half of what a term counts for, in parts of one: all are whole numbers.
_HALVES = {weight: round(weight * PARTS / 2) for weight in (WHOLE, PIECE, PART, BIGRAM)}
# So many tokens are known at the most; more are forgotten, all at once.
_MOST = 250_000
# Bits that hold what a term counts for in one place.
_BITS = 8
_NUMBER = {field: number for number, field in enumerate(FIELDS)}


class _Cuts:
    """The terms of tokens, one token's after the other's, and what each counts for."""

    def __init__(self) -> None:
        self.terms = packed("i")
        self.halves = packed("b")
        self.ends = packed("i", [0])

    def add(self, terms: list[int], halves: list[int]) -> int:
        """The number of one more token, with its terms."""
        self.terms.extend(terms)
        self.halves.extend(halves)
        self.ends.append(len(self.terms))
        return len(self.ends) - 2


class _Tokens(dict[str, int]):
    """Numbers of tokens; one that is asked for the first time is cut."""

    def __init__(self) -> None:
        super().__init__()
        # Numbers of terms, in the order in which they came.
        self.terms: defaultdict[str, int] = defaultdict()
        self.terms.default_factory = self.terms.__len__
        self.cuts = _Cuts()
        self._pairs = _Pairs(self.cuts, self.terms)
        self.begin()

    def begin(self) -> None:
        """Forgets the long runs."""
        # The tokens of which each consists, one run's after the other's, and where they end.
        self.of_runs = packed("i")
        self.ends = packed("i", [0])

    def __missing__(self, token: str) -> int:
        """A long run of Chinese hardly comes again: it is cut into tokens that do, numbered -1 …"""
        if comes_again(token):
            return self._keep(token)
        words = cut(token)
        found = [self._keep(w) if (n := self.get(w)) is None else n for w in words]
        end = 0
        for word in words[:-1]:
            end += len(word)
            found.append(self._pairs[token[end - 1 : end + 1]])
        self.of_runs.extend(found)
        self.ends.append(len(self.of_runs))
        return 1 - len(self.ends)

    def _keep(self, token: str) -> int:
        found = weigh(token)
        number = self.terms.__getitem__
        self[token] = place = self.cuts.add(
            [number(term) for term, _ in found], [_HALVES[weight] for _, weight in found]
        )
        return place


class _Pairs(dict[str, int]):
    """Numbers of two characters as a token."""

    def __init__(self, cuts: _Cuts, terms: dict[str, int]) -> None:
        super().__init__()
        self._cuts, self._terms = cuts, terms

    def __missing__(self, pair: str) -> int:
        self[pair] = place = self._cuts.add([self._terms[pair]], [_HALVES[BIGRAM]])
        return place


class Said(NamedTuple):
    """What a problem says in a field, by its part, -1 for a title, a heading, a tag.

    What stands in the name of a file counts `half`.
    """

    field: str
    text: str
    part: int = -1
    half: bool = False


class Tally:
    """What the terms of texts count for, problem by problem.

    A text is taken in as the numbers of its tokens; their terms are looked at all at once, as
    arrays.
    """

    def __init__(self) -> None:
        self._tokens = _Tokens()
        self._begin()

    def _begin(self) -> None:
        if len(self._tokens) > _MOST:
            self._tokens = _Tokens()
        self._tokens.begin()
        self._found: list[int] = []
        # Per block: its number of tokens, its field, its part, of how many halves its counts are.
        self._blocks: list[tuple[int, int, int, int]] = []
        # How many blocks each problem has.
        self._problems: list[int] = []

    def add(self, problems: Sequence[Sequence[Said]]) -> None:
        """Takes in what the problems of a post say: all of it, or nothing where cutting fails."""
        found: list[int] = []
        blocks = []
        for problem in problems:
            for field, text, part, half in problem:
                before = len(found)
                found += map(self._tokens.__getitem__, tokens(text))
                blocks.append((len(found) - before, _NUMBER[field], part, 1 if half else 2))
        self._found += found
        self._blocks += blocks
        self._problems += map(len, problems)

    def take(self) -> Postings:
        """The postings of the problems that came since some were last taken.

        Their terms stand in no order.
        """
        block, terms, halves = self._cut()
        told = np.array(self._blocks, np.int64).reshape(-1, 4)
        _, fields, parts, factors = told.T
        count = len(self._problems)
        problems = np.repeat(np.arange(count), self._problems)
        # One number says which term it is, where it stands and what it counts for.
        key = (terms * count + problems[block]) * len(FIELDS) + fields[block]
        key = np.sort(key << _BITS | halves * factors[block])
        counts, key = key & ((1 << _BITS) - 1), key >> _BITS
        first = np.flatnonzero(np.diff(key, prepend=-1))
        counts = np.add.reduceat(counts, first) if len(first) else counts
        key, of_field = np.divmod(key[first], len(FIELDS))
        term, of_problem = np.divmod(key, max(count, 1))
        begins = np.diff(term, prepend=-1) > 0
        used = term[begins]
        place = np.zeros(len(self._tokens.terms), np.int32)
        place[used] = np.arange(len(used), dtype=np.int32)
        is_word = halves >= _HALVES[PIECE]
        words = np.bincount(block[is_word], minlength=len(told))
        # A block without words is none.
        holds = words > 0
        names = list(self._tokens.terms)
        self._begin()
        return Postings(
            [names[number] for number in used.tolist()],
            np.cumsum(begins, dtype=np.int32) - np.int32(1),
            of_problem.astype(np.int32),
            of_field.astype(np.uint8),
            counts.astype(np.float32) / np.float32(PARTS),
            Wording(
                place[terms[is_word]],
                ends_of(words[holds]),
                fields[holds].astype(np.uint8),
                parts[holds].astype(np.int32),
                ends_of(np.bincount(problems[holds], minlength=count)),
            ),
        )

    def _cut(self) -> tuple[Places, Places, Places]:
        """The terms of all texts as they stand: the block of each, its number, its halves."""
        cuts, runs = self._tokens.cuts, self._tokens.ends
        found = np.array(self._found, np.int64)
        # Long runs are numbered below zero: each is several tokens, any other is itself.
        whole = np.arange(len(cuts.ends) - 1)
        parts = np.concatenate([whole, self._tokens.of_runs])
        ends = np.concatenate([whole, np.array(runs, np.int64) + len(whole)])
        found[found < 0] = len(whole) - 1 - found[found < 0]
        at, first = ranges(ends[found], ends[found + 1])
        ends = np.array(cuts.ends, np.int64)
        tokens = parts[at]
        at, token = ranges(ends[tokens], ends[tokens + 1])
        lengths = [length for length, *_ in self._blocks]
        block = np.repeat(np.arange(len(lengths)), lengths)[first[token]]
        return (
            block,
            np.array(cuts.terms, np.int64)[at],
            np.array(cuts.halves, np.int64)[at],
        )
