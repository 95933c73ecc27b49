"""Postings as arrays: which term stands in which problem, how often, in which field."""

from __future__ import annotations

from array import array as packed
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.int64]

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
    """Postings sorted by term, problem and field; `terms` is sorted by code point.

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


@dataclass(frozen=True, slots=True)
class Counted:
    """A problem cut into terms: one mapping from term to count per field of FIELDS, and its blocks.

    A block is the number of its field, its words in order and the number of the part it is of, or
    -1; its words are among the terms.
    """

    fields: Sequence[Mapping[str, float]]
    blocks: Sequence[tuple[int, Sequence[str], int]] = ()


def collect(problems: Iterable[Counted]) -> Postings:
    """The postings of problems, numbered as they come."""
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    number = numbers.__getitem__
    rows = packed("i")
    counts = packed("f")
    sizes: list[int] = []
    words = packed("i")
    lengths: list[int] = []
    blocks: list[tuple[int, int]] = []
    block_counts: list[int] = []
    for counted in problems:
        for found in counted.fields:
            rows.extend(map(number, found))
            counts.extend(found.values())
            sizes.append(len(found))
        for field, block, part in counted.blocks:
            words.extend(map(number, block))
            lengths.append(len(block))
            blocks.append((field, part))
        block_counts.append(len(counted.blocks))
    ids = np.repeat(np.arange(len(block_counts), dtype=np.int32), len(FIELDS))
    fields = np.tile(np.arange(len(FIELDS), dtype=np.uint8), len(block_counts))
    block_fields, block_parts = np.array(blocks, np.int32).reshape(-1, 2).T
    return _sorted(
        list(numbers),
        np.array(rows, np.int32),
        np.repeat(ids, sizes),
        np.repeat(fields, sizes),
        np.array(counts, np.float32),
        Wording(
            np.array(words, np.int32),
            _ends(lengths),
            block_fields.astype(np.uint8),
            block_parts.copy(),
            _ends(block_counts),
        ),
    )


def merge(parts: Sequence[tuple[Postings, Ints]]) -> Postings:
    """One Postings of several; each comes with the new number of each of its problems, or -1.

    Problems numbered -1 are left out, and so are terms that no posting is left of. The new
    numbers rise from problem to problem and from part to part.
    """
    numbers: dict[str, int] = {}
    columns: tuple[list[Any], ...] = ([], [], [], [])
    wordings = []
    for postings, renumbered in parts:
        rows = np.array([numbers.setdefault(t, len(numbers)) for t in postings.terms], np.int32)
        problems = renumbered[postings.problems]
        kept = problems >= 0
        values: tuple[Any, ...] = (
            rows[postings.rows],
            problems,
            postings.fields,
            postings.counts,
        )
        for column, value in zip(columns, values, strict=True):
            column.append(value[kept])
        wordings.append(_kept(postings.wording, rows, renumbered >= 0))
    rows, ids, fields, counts = (
        np.concatenate(column) if column else np.empty(0, kind)
        for column, kind in zip(columns, (np.int32, np.int32, np.uint8, np.float32), strict=True)
    )
    used = np.zeros(len(numbers), bool)
    used[rows] = True
    names = [term for term, keep in zip(numbers, used, strict=True) if keep]
    place = (np.cumsum(used) - 1).astype(np.int32)
    wording = _joined(wordings)
    wording = replace(wording, words=place[wording.words])
    return _sorted(names, place[rows], ids, fields, counts, wording)


def _kept(wording: Wording, rows: Ints, kept: npt.NDArray[np.bool_]) -> Wording:
    """The wording of the problems that are kept, its words numbered anew."""
    blocks = np.repeat(kept, np.diff(wording.problems))
    lengths = np.diff(wording.blocks)
    words = np.repeat(blocks, lengths)
    return Wording(
        rows[wording.words[words]],
        _ends(lengths[blocks]),
        wording.fields[blocks],
        wording.parts[blocks],
        _ends(np.diff(wording.problems)[kept]),
    )


def _joined(wordings: Sequence[Wording]) -> Wording:
    none: list[Any] = [np.empty(0, np.int32)]
    return Wording(
        np.concatenate(none + [w.words for w in wordings]).astype(np.int32),
        _ends(np.concatenate(none + [np.diff(w.blocks) for w in wordings])),
        np.concatenate(none + [w.fields for w in wordings]).astype(np.uint8),
        np.concatenate(none + [w.parts for w in wordings]).astype(np.int32),
        _ends(np.concatenate(none + [np.diff(w.problems) for w in wordings])),
    )


def _ends(lengths: npt.NDArray[Any] | list[int]) -> Places:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _sorted(
    names: list[str], rows: Ints, ids: Ints, fields: Bytes, counts: Floats, wording: Wording
) -> Postings:
    order = sorted(range(len(names)), key=names.__getitem__)
    place = np.empty(len(names), np.int32)
    place[order] = np.arange(len(names), dtype=np.int32)
    rows = place[rows]
    # No two are alike: one number says where each belongs, and sorts in a third of the time.
    key = (rows.astype(np.int64) * (int(ids.max(initial=0)) + 1) + ids) * len(FIELDS) + fields
    index = np.argsort(key)
    return Postings(
        [names[i] for i in order],
        rows[index],
        ids[index],
        fields[index],
        counts[index],
        replace(wording, words=place[wording.words]),
    )
