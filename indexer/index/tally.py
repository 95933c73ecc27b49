"""Tally: the terms of many problems, cut and counted at once."""

from __future__ import annotations

from array import array as packed
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from itertools import count
from typing import NamedTuple, TypeVar

import numpy as np

from indexer.index.postings import FIELDS, PARTS, Places, Postings, Wording, ends_of, ranges
from indexer.text.analyzer import BIGRAM, PART, PIECE, WHOLE, is_run, tokens, weigh
from indexer.text.dictionary import cut

# Half of what a term counts for, in parts of one: all are whole numbers.
_HALVES = {weight: round(weight * PARTS / 2) for weight in (WHOLE, PIECE, PART, BIGRAM)}
# So many tokens are known at the most, and so many times as many words of runs; more are forgotten,
# all at once.
_MOST, _WORDS = 300_000, 10
_LONG_RUN = 6
# Bits that hold what a term counts for in one place.
_BITS = 8
# Bits that hold a character.
_CHARACTER = 21
_LOW = (1 << _CHARACTER) - 1
_NUMBER = {field: number for number, field in enumerate(FIELDS)}


class _Cuts:
    """The terms of tokens, one token's after the other's.

    None of this holds a reference to itself: what is forgotten is freed at once.
    """

    def __init__(self) -> None:
        # Numbers of terms, in the order in which they came.
        self.terms: defaultdict[str, int] = defaultdict(count().__next__)
        # The terms of tokens, in halves what each counts for, and where those of a token end.
        self.numbers, self.halves, self.ends = packed("i"), packed("b"), packed("i", [0])
        # What each token begins and ends with.
        self.first, self.last = packed("i"), packed("i")

    def add(self, token: str) -> int:
        """The number of one more token."""
        number, terms = self.terms.__getitem__, weigh(token)
        self.numbers.extend([number(term) for term, _ in terms])
        self.halves.extend([_HALVES[weight] for _, weight in terms])
        self.first.append(ord(token[0]))
        self.last.append(ord(token[-1]))
        self.ends.append(len(self.numbers))
        return len(self.ends) - 2

    def pair(self, characters: int) -> int:
        """The number of the term that two characters are, given as one number."""
        return self.terms[chr(characters >> _CHARACTER) + chr(characters & _LOW)]


_Key = TypeVar("_Key", bound=Hashable)


class _Made(dict[_Key, int]):
    """Numbers made by a function when they are first asked for."""

    def __init__(self, make: Callable[[_Key], int]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: _Key) -> int:
        self[key] = made = self._make(key)
        return made


class _Tokens(dict[str, int]):
    """Numbers of tokens; one that is asked for the first time is cut.

    A run of Chinese is cut into words: they are tokens themselves, and most are known. Runs are
    numbered -1, -2 …
    """

    def __init__(self) -> None:
        super().__init__()
        self.cuts = _Cuts()
        # The words of runs, and where those of a run end.
        self.runs, self.ends = packed("i"), packed("i", [0])
        self.pairs = _Made(self.cuts.pair)
        self._words = _Made(self.cuts.add)

    def __missing__(self, token: str) -> int:
        if not is_run(token):
            self[token] = number = self.cuts.add(token)
            return number
        self.runs.extend(map(self._words.__getitem__, cut(token)))
        self.ends.append(len(self.runs))
        number = 1 - len(self.ends)
        # Of long runs nine of ten stand only once.
        if len(token) < _LONG_RUN:
            self[token] = number
        return number


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
        known = self._tokens
        if max(len(known.cuts.ends), len(known.runs) // _WORDS) > _MOST:
            self._tokens = _Tokens()
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
        whole = len(self._problems)
        problems = np.repeat(np.arange(whole), self._problems)
        # One number says which term it is, where it stands and what it counts for.
        key = (terms * whole + problems[block]) * len(FIELDS) + fields[block]
        key = np.sort(key << _BITS | halves * factors[block])
        counts, key = key & ((1 << _BITS) - 1), key >> _BITS
        first = np.flatnonzero(np.diff(key, prepend=-1))
        counts = np.add.reduceat(counts, first) if len(first) else counts
        key, of_field = np.divmod(key[first], len(FIELDS))
        term, of_problem = np.divmod(key, max(whole, 1))
        begins = np.diff(term, prepend=-1) > 0
        used = term[begins]
        place = np.zeros(len(self._tokens.cuts.terms), np.int32)
        place[used] = np.arange(len(used), dtype=np.int32)
        is_word = halves >= _HALVES[PIECE]
        words = np.bincount(block[is_word], minlength=len(told))
        # A block without words is none.
        holds = words > 0
        names = list(self._tokens.cuts.terms)
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
                ends_of(np.bincount(problems[holds], minlength=whole)),
            ),
        )

    def _cut(self) -> tuple[Places, Places, Places]:
        """The terms of all texts as they stand: the block of each, its number, its halves."""
        known, cuts = self._tokens, self._tokens.cuts
        # Each run is several tokens, any other is itself.
        itself = np.arange(len(cuts.ends) - 1)
        parts = np.concatenate([itself, known.runs])
        ends = np.concatenate([itself, np.array(known.ends, np.int64) + len(itself)])
        found = np.array(self._found, np.int64)
        found[found < 0] = len(itself) - 1 - found[found < 0]
        at, whole = ranges(ends[found], ends[found + 1])
        tokens, ends = parts[at], np.array(cuts.ends, np.int64)
        lengths = [length for length, *_ in self._blocks]
        block = np.repeat(np.arange(len(lengths)), lengths)[whole]
        # Between two words of a run the last character of one and the first of the next are a pair.
        before = np.flatnonzero(whole[1:] == whole[:-1])
        last = np.array(cuts.last, np.int64)[tokens[before]]
        pairs, pair = np.unique(
            last << _CHARACTER | np.array(cuts.first)[tokens[before + 1]], return_inverse=True
        )
        numbers = np.fromiter(map(known.pairs.__getitem__, pairs.tolist()), np.int64, len(pairs))
        at, token = ranges(ends[tokens], ends[tokens + 1])
        return (
            np.concatenate([block[token], block[before]]),
            np.concatenate([np.array(cuts.numbers, np.int64)[at], numbers[pair]]),
            np.concatenate(
                [np.array(cuts.halves, np.int64)[at], np.full(len(pair), _HALVES[BIGRAM])]
            ),
        )
