"""Proximity: which words of a question stand near each other in a problem, and side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from indexer.index.postings import Floats, Ints, begins_of
from indexer.search.occurrences import Met, Text, Wanted

# Two words are a pair where so few words lie between their places; inner words of long ones count.
_PAIR = 2


def windows(
    text: Text, met: Met, wanted: Wanted, owner: Ints, reaches: Sequence[int]
) -> list[Floats]:
    """For each reach, per problem, what words within so many of each other count for at most.

    `owner` says whose each of the places met is. A word that is said in several ways within reach
    counts as its best.
    """
    # A window begins at each place met. What a word counts for is added at the first place whose
    # window holds it and taken off after its own, level by level of its factors; summed up from
    # place to place, that is what each window holds. It counts once: not before it stands again.
    count = len(met.places)
    before = np.zeros(len(text.words) + 1, np.int32)
    before[met.places + 1] = 1
    np.cumsum(before, out=before)
    lows = [
        before[np.maximum(met.places - reach + 1, text.starts[owner])].astype(np.int64)
        for reach in reaches
    ]
    totals = [np.zeros(count + 1) for _ in reaches]
    words, at, levels = met.word, met.at, met.level
    gains = wanted.factors.copy()
    gains[1:] -= wanted.factors[:-1]
    for level, gained in enumerate(gains):
        if level:
            mine = levels >= level
            words, at, levels = words[mine], at[mine], levels[mine]
        gain = wanted.importance[words] * gained
        ends = at + 1
        since = np.zeros(len(at), np.int64)
        np.multiply(ends[:-1], words[1:] == words[:-1], out=since[1:])
        left = np.bincount(ends, gain, count + 1)
        for total, low in zip(totals, lows, strict=True):
            total += np.bincount(np.maximum(low[at], since), gain, count + 1) - left
    firsts = begins_of(owner)
    found = []
    for total in totals:
        most = np.zeros(len(text.starts), np.float32)
        most[owner[firsts]] = np.maximum.reduceat(np.cumsum(total[:-1]), firsts)
        found.append(most)
    return found


def side_by_side(met: Met, wanted: Wanted, owner: Ints, problems: int) -> npt.NDArray[np.bool_]:
    """Which pairs of the question stand side by side in which problems: problems x pairs.

    `owner` says whose each of the places met is.
    """
    # A bit for each word: the sums are exact, as a word stands at a place but once.
    bits = np.bincount(met.at, 2.0**met.word, len(met.places)).astype(np.int64)
    # Places of two problems lie further apart than words of a pair.
    place = met.places + owner * _PAIR
    following = np.zeros(len(place), np.int64)
    for step in range(1, _PAIR + 1):
        following[:-step] |= bits[step:] * (place[step:] - place[:-step] <= _PAIR)
    left, right = wanted.pairs.T
    sought = np.zeros(len(wanted.names), np.int64)
    np.bitwise_or.at(sought, left, np.int64(1) << right)
    rows = (following[met.at] & sought[met.word]).nonzero()[0]
    follows = following[met.at[rows], None] >> right & 1 == 1
    row, pair = (follows & (met.word[rows, None] == left)).nonzero()
    there = np.zeros((problems, len(left)), bool)
    there[owner[met.at[rows[row]]], pair] = True
    return there
