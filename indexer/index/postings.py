"""Postings as arrays: which term stands in which problem, how often, in which field."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]

# What a term counts for is a whole number of such parts of one.
PARTS = 20

# The fields a term can stand in, in the order of their numbers.
FIELDS = ("title", "error", "head", "tags", "problem", "cause", "fix", "code", "text")


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of every problem in the order in which they stand, block by block.

    A word is the number of its term. Block b holds `words[blocks[b]:blocks[b + 1]]`, counts in
    field `fields[b]` and is part `parts[b]` of its problem, -1 for a title, a heading, a tag;
    problem p holds the blocks from `problems[p]` to `problems[p + 1]`.
    """

    words: Ints
    blocks: Places
    fields: Bytes
    parts: Ints
    problems: Places


@dataclass(frozen=True, slots=True)
class Postings:
    """Postings sorted by the number of their term, by problem and field.

    Posting i says: the term numbered `rows[i]` stands in problem `problems[i]`, in field
    `fields[i]`, and counts `counts[i]` there.
    """

    terms: Sequence[str]
    rows: Ints
    problems: Ints
    fields: Bytes
    counts: Floats
    wording: Wording

    def __len__(self) -> int:
        return len(self.rows)


def merge(parts: Sequence[tuple[Postings, Ints]]) -> Postings:
    """One Postings of several, terms by code point; with each, new numbers of its problems, or -1.

    Problems numbered -1 are left out, and so are terms that no posting is left of. The new
    numbers rise from problem to problem and from part to part.
    """
    known: defaultdict[str, int] = defaultdict(count().__next__)
    columns: list[tuple[Any, ...]] = []
    wordings = []
    for postings, renumbered in parts:
        of = np.fromiter(map(known.__getitem__, postings.terms), np.int32, len(postings.terms))
        problems = renumbered[postings.problems]
        kept = problems >= 0
        sizes = np.bincount(postings.rows[kept], minlength=len(of))
        columns.append((of, sizes, problems[kept], postings.fields[kept], postings.counts[kept]))
        wordings.append(_kept(postings.wording, of, renumbered >= 0))
    totals = np.zeros(len(known), np.int64)
    for of, sizes, *_ in columns:
        totals[of] += sizes
    names = sorted(term for term, number in known.items() if totals[number])
    order = np.fromiter(map(known.__getitem__, names), np.int32, len(names))
    place = np.zeros(len(known), np.int32)
    place[order] = np.arange(len(names), dtype=np.int32)
    # Each part's postings of a term follow those of the parts before it: nothing is to be sorted.
    free = np.zeros(len(known), np.int64)
    free[order] = ends_of(totals[order])[:-1]
    whole = int(totals.sum())
    problems, fields = np.empty(whole, np.int32), np.empty(whole, np.uint8)
    counts = np.empty(whole, np.float32)
    for of, sizes, *values in columns:
        to, _ = ranges(free[of], free[of] + sizes)
        free[of] += sizes
        problems[to], fields[to], counts[to] = values
    wording = _joined(wordings)
    return Postings(
        names,
        np.repeat(np.arange(len(names), dtype=np.int32), totals[order]),
        problems,
        fields,
        counts,
        replace(wording, words=place[wording.words]),
    )


def _kept(wording: Wording, rows: Ints, kept: npt.NDArray[np.bool_]) -> Wording:
    """The wording of the problems that are kept, its words numbered anew."""
    blocks = np.repeat(kept, np.diff(wording.problems))
    lengths = np.diff(wording.blocks)
    words = np.repeat(blocks, lengths)
    return Wording(
        rows[wording.words[words]],
        ends_of(lengths[blocks]),
        wording.fields[blocks],
        wording.parts[blocks],
        ends_of(np.diff(wording.problems)[kept]),
    )


def _joined(wordings: Sequence[Wording]) -> Wording:
    none: list[Any] = [np.empty(0, np.int32)]
    return Wording(
        np.concatenate(none + [w.words for w in wordings]).astype(np.int32),
        ends_of(np.concatenate(none + [np.diff(w.blocks) for w in wordings])),
        np.concatenate(none + [w.fields for w in wordings]).astype(np.uint8),
        np.concatenate(none + [w.parts for w in wordings]).astype(np.int32),
        ends_of(np.concatenate(none + [np.diff(w.problems) for w in wordings])),
    )


def ends_of(lengths: npt.NDArray[Any] | Sequence[int]) -> Places:
    """Where things of some lengths end that stand one after the other, after a 0."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def begins_of(column: npt.NDArray[Any], *others: npt.NDArray[Any]) -> Places:
    """Where runs of equal values begin, of one column or of several side by side."""
    first = np.ones(len(column), bool)
    np.not_equal(column[1:], column[:-1], out=first[1:])
    for other in others:
        first[1:] |= other[1:] != other[:-1]
    return first.nonzero()[0]


def ranges(starts: Places, ends: Places) -> tuple[Places, Places]:
    """All whole numbers of several ranges one after the other, and for each the number of its."""
    lengths = ends - starts
    if len(lengths) and lengths.max() == 1:
        owner = np.flatnonzero(lengths)
        return starts[owner], owner
    owner = np.repeat(np.arange(len(starts)), lengths)
    before = np.cumsum(lengths) - lengths
    return np.arange(len(owner)) + (starts - before)[owner], owner
