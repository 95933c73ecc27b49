"""Segment: the postings of some posts as arrays in one file, never changed once it is written.

The arrays stand one after the other as NumPy writes them, and are mapped into memory. Terms are
numbered across the segments of an index: each adds those that none before it has.
"""

from __future__ import annotations

import math
import mmap
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import compress, crc32, decompressobj

import numpy as np
import numpy.typing as npt

from indexer.index.postings import (
    FIELDS,
    PARTS,
    Bytes,
    Floats,
    Ints,
    Places,
    Postings,
    Wording,
    ends_of,
)
from indexer.index.storage import open_file

Hashes = npt.NDArray[np.uint32]
# Whole numbers from zero up, in as few bytes as the greatest needs; to be widened before sums.
Narrow = npt.NDArray[Any]


class TermList(Sequence[str]):
    """Sorted terms in one buffer of UTF-8, looked up without making a string of each.

    `hashes` are sorted, `hashed` says for each of them which term it is of.
    """

    def __init__(self, data: Any, ends: Narrow, hashes: Hashes, hashed: Ints) -> None:
        self.data = memoryview(data)
        self.ends = ends
        self.hashes = hashes
        self.hashed = hashed

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, i: Any) -> Any:
        return bytes(self.data[self.ends[i] : self.ends[i + 1]]).decode("utf-8")

    def find(self, key: bytes, hashed: int) -> int | None:
        """The place of a term, given as UTF-8 with its hash, or None."""
        at = int(self.hashes.searchsorted(np.uint32(hashed)))
        while at < len(self.hashes) and self.hashes[at] == hashed:
            row = int(self.hashed[at])
            if self.data[self.ends[row] : self.ends[row + 1]] == key:
                return row
            at += 1
        return None

    def find_all(self, keys: Sequence[bytes], hashes: Hashes) -> Ints:
        """The place of each of many terms, -1 where it is not here."""
        found = np.full(len(keys), -1, np.int32)
        at = self.hashes.searchsorted(hashes)
        inside = np.minimum(at, max(len(self.hashes) - 1, 0))
        if not len(self.hashes):
            return found
        alike = np.flatnonzero(self.hashes[inside] == hashes)
        rows = self.hashed[inside[alike]]
        begins, ends = self.ends[rows].tolist(), self.ends[rows + 1].tolist()
        data = self.data
        for i, row, begin, end in zip(alike.tolist(), rows.tolist(), begins, ends, strict=True):
            if data[begin:end] == keys[i]:
                found[i] = row
            elif (other := self.find(keys[i], int(hashes[i]))) is not None:
                found[i] = other
        return found


class Vocabulary(Sequence[str]):
    """The terms of all segments, by number; those of each segment are sorted by code point."""

    def __init__(self, lists: Sequence[TermList] = ()) -> None:
        self._lists = tuple(lists)
        self._firsts = np.cumsum([0, *map(len, lists)]).tolist()
        self._found: dict[str, int | None] = {}

    def __len__(self) -> int:
        return int(self._firsts[-1])

    def __getitem__(self, number: Any) -> Any:
        for first, terms in zip(self._firsts, self._lists, strict=False):
            if first <= number < first + len(terms):
                return terms[number - first]
        raise IndexError(number)

    def __iter__(self) -> Iterator[str]:
        for terms in self._lists:
            yield from terms

    def find(self, term: str) -> int | None:
        """The number of a term, or None."""
        if term in self._found:
            return self._found[term]
        key = term.encode("utf-8")
        hashed, number = crc32(key), None
        for first, terms in zip(self._firsts, self._lists, strict=False):
            row = terms.find(key, hashed)
            if row is not None:
                number = first + row
                break
        if len(self._found) >= _FOUND:
            self._found = {}
        self._found[term] = number
        return number

    def find_all(self, terms: Sequence[str]) -> Ints:
        """The numbers of many terms, -1 where one is not known."""
        keys = [term.encode("utf-8") for term in terms]
        hashes = np.fromiter(map(crc32, keys), np.uint32, len(keys))
        numbers = np.full(len(keys), -1, np.int32)
        for first, known in zip(self._firsts, self._lists, strict=False):
            rows = known.find_all(keys, hashes)
            numbers[rows >= 0] = rows[rows >= 0] + first
        return numbers

    def recall(self, terms: Sequence[str]) -> Ints:
        """The same of terms that are asked for again and again: they are remembered."""
        found = self._found
        new = [term for term in terms if term not in found]
        if len(found) + len(new) >= _FOUND:
            # Another for all; who has this one goes on with it.
            self._found = found = {}
            new = list(terms)
        for term, number in zip(new, self.find_all(new).tolist() if new else (), strict=True):
            found[term] = number if number >= 0 else None
        numbers = (found[term] for term in terms)
        return np.array([-1 if number is None else number for number in numbers], np.int32)

    def beginning(self, start: str, most: int) -> list[str]:
        """Terms that begin so, at most so many of each segment."""
        found = []
        for terms in self._lists:
            low = bisect_left(terms, start)
            for row in range(low, min(low + most, len(terms))):
                if not terms[row].startswith(start):
                    break
                found.append(terms[row])
        return found


_MOST = 65_535
# A header can spell half of a character, `"\\ud800"`.
_HALVES = "surrogatepass"
# Level 1 of zlib leaves two fifths of the bytes; a record of a whole post fits into the length.
_LEVEL, _LONGEST_TEXT = 1, 64_000_000
# Each array stands where its values may begin; so far, NumPy's own header sees to it.
_ALIGNED = 8
# The numbers of so many terms are remembered.
_FOUND = 20_000


@dataclass(frozen=True, slots=True)
class Segment:
    """Postings on disk, read where they stand; its problems are numbered from 0.

    `terms` are those it adds, `numbers` of all terms it holds, rising. The postings of the term
    numbered `numbers[row]` stand from `starts[row]` to `starts[row + 1]`, and `holding[row]`
    problems hold it. `coded` are counts in twentieths, of which all weights of terms are made, and
    3,276 at the most. `lengths` says what all terms of a field count for together: fields x
    problems.
    """

    terms: TermList
    numbers: Ints
    starts: Narrow
    holding: Ints
    problems: Narrow
    fields: Bytes
    coded: npt.NDArray[np.uint16]
    lengths: Floats
    wording: Wording

    def __len__(self) -> int:
        return int(self.lengths.shape[1])

    def of(self, numbers: Ints) -> tuple[Places, Places]:
        """Where the postings of terms begin and end; those of one that is not here are none."""
        if not len(self.numbers):
            return np.zeros(len(numbers), np.int64), np.zeros(len(numbers), np.int64)
        rows = np.minimum(self.numbers.searchsorted(numbers), len(self.numbers) - 1)
        here = self.numbers[rows] == numbers
        starts, ends = self.starts[rows], self.starts[rows + here]
        return starts.astype(np.int64), ends.astype(np.int64)

    def counts(self, places: Places | slice) -> Floats:
        """What the postings at some places count for."""
        counts: Floats = self.coded[places].astype(np.float32) / np.float32(PARTS)
        return counts

    def holding_without(self, gone: npt.NDArray[np.bool_]) -> Ints:
        """`holding`, where problems are `gone`."""
        lost = np.flatnonzero(gone[self.problems])
        rows = self.starts.searchsorted(lost, side="right") - 1
        once = np.unique(rows * len(self) + self.problems[lost])
        holding: Ints = self.holding - np.bincount(
            once // max(len(self), 1), minlength=len(self.holding)
        ).astype(np.int32)
        return holding

    def load(self, vocabulary: Vocabulary) -> Postings:
        """All of it in memory, to be merged into another."""
        names = [vocabulary[number] for number in self.numbers.tolist()]
        rows = np.repeat(np.arange(len(names), dtype=np.int32), np.diff(self.starts))
        own = np.full(len(vocabulary), -1, np.int32)
        own[self.numbers] = np.arange(len(names), dtype=np.int32)
        wording = self.wording
        return Postings(
            names,
            rows,
            np.array(self.problems, np.int32),
            np.array(self.fields),
            self.counts(slice(None)),
            Wording(
                own[wording.words], wording.blocks, wording.fields, wording.parts, wording.problems
            ),
        )


def write(file: Path, postings: Postings, lengths: Floats, known: Vocabulary) -> None:
    """Writes a segment, whose terms are numbered after those that are known."""
    numbers = known.find_all(postings.terms)
    new = np.flatnonzero(numbers < 0)
    numbers[new] = len(known) + np.arange(len(new), dtype=np.int32)
    order = np.argsort(numbers)
    rows, problems = postings.rows, postings.problems
    fields, counts = postings.fields, postings.counts
    if len(known):
        place = np.empty(len(order), np.int32)
        place[order] = np.arange(len(order), dtype=np.int32)
        rows = place[rows]
        # Within a term they stay in their order.
        sort = np.argsort(rows, kind="stable")
        rows, problems, fields, counts = rows[sort], problems[sort], fields[sort], counts[sort]
    starts = np.searchsorted(rows, np.arange(len(order) + 1)).astype(np.int64)
    wording = postings.wording
    data, ends, hashes, hashed = _term_list([postings.terms[i] for i in new.tolist()])
    arrays: tuple[Any, ...] = (
        _narrow(ends), _narrow(starts), _narrow(wording.blocks), _narrow(wording.problems),
        hashes, hashed, numbers[order], _holding(starts, problems), _narrow(problems),
        np.asarray(lengths, np.float32), numbers[wording.words], wording.parts,
        np.minimum(np.rint(counts * np.float32(PARTS)), _MOST).astype(np.uint16),
        data, fields, wording.fields,
    )  # fmt: skip
    _write_arrays(file, arrays)


def _narrow(numbers: npt.NDArray[Any]) -> Narrow:
    most = int(numbers.max(initial=0))
    return numbers.astype(
        np.uint16 if most < 1 << 16 else np.uint32 if most < 1 << 32 else np.uint64
    )


def open_segment(file: Path) -> Segment:
    """The segment of a file, mapped into memory rather than read."""
    (
        ends, starts, blocks, problem_blocks, hashes, hashed, numbers, holding, problems,
        lengths, words, parts, coded, data, fields, block_fields,
    ) = _map_arrays(file)  # fmt: skip
    return Segment(
        TermList(data, ends, hashes, hashed),
        numbers, starts, holding, problems, fields, coded, lengths,
        Wording(words, blocks, block_fields, parts, problem_blocks),
    )  # fmt: skip


class Texts(Sequence[str]):
    """Texts in one buffer, each compressed UTF-8; text i ends at `ends[i + 1]`."""

    def __init__(self, data: Any, ends: Narrow) -> None:
        self._data = memoryview(data)
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, i: Any) -> Any:
        packed = self._data[self._ends[i] : self._ends[i + 1]]
        return decompressobj().decompress(packed, _LONGEST_TEXT).decode("utf-8", _HALVES)


def write_texts(file: Path, texts: Sequence[str]) -> None:
    """Writes texts, to be opened by `open_texts`."""
    packed = [compress(text.encode("utf-8", _HALVES), _LEVEL) for text in texts]
    data = np.frombuffer(b"".join(packed), np.uint8)
    _write_arrays(file, (_narrow(ends_of([*map(len, packed)])), data))


def open_texts(file: Path) -> Texts:
    """The texts of a file, mapped into memory rather than read."""
    ends, data = _map_arrays(file)
    return Texts(data, ends)


def _write_arrays(file: Path, arrays: Sequence[npt.NDArray[Any]]) -> None:
    with file.open("wb") as stream:
        for array in arrays:
            whole = np.ascontiguousarray(array)
            np.lib.format.write_array_header_1_0(
                stream, np.lib.format.header_data_from_array_1_0(whole)
            )
            # Not as NumPy writes: of a full disk it says only how many values it could not write.
            stream.write(whole.data)
            stream.write(bytes(-stream.tell() % _ALIGNED))


def _map_arrays(file: Path) -> list[npt.NDArray[Any]]:
    """The arrays of a file, mapped into memory. Raises ValueError where it holds anything else."""
    arrays = []
    with open_file(file) as stream:
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        size = len(mapped)
        while stream.tell() < size:
            version = np.lib.format.read_magic(stream)
            if version != (1, 0):
                raise ValueError(f"{file.name} holds an array of format {version}")
            shape, by_column, kind = np.lib.format.read_array_header_1_0(stream)
            if kind.kind not in "iuf" or min(shape, default=0) < 0:
                raise ValueError(f"{file.name} holds something other than numbers")
            begin, count = stream.tell(), math.prod(shape)
            flat = np.frombuffer(mapped, kind, count, begin) if count else np.empty(0, kind)
            arrays.append(flat.reshape(shape, order="F" if by_column else "C"))
            end = begin + count * kind.itemsize
            stream.seek(end + -end % _ALIGNED)
    return arrays


def lengths_of(postings: Postings, problems: int) -> Floats:
    """What all terms of a field count for together: fields x problems."""
    places = postings.fields.astype(np.int64) * problems + postings.problems
    sums = np.bincount(places, weights=postings.counts, minlength=len(FIELDS) * problems)
    return sums.astype(np.float32).reshape(len(FIELDS), problems)


def _term_list(terms: Sequence[str]) -> tuple[Bytes, Places, Hashes, Ints]:
    keys = [term.encode("utf-8") for term in terms]
    ends = np.cumsum([0, *map(len, keys)], dtype=np.int64)
    hashes = np.fromiter(map(crc32, keys), np.uint32, len(keys))
    order = np.argsort(hashes, kind="stable").astype(np.int32)
    return np.frombuffer(b"".join(keys), np.uint8), ends, hashes[order], order


def _holding(starts: Places, problems: Ints) -> Ints:
    """For every term, how many problems hold it."""
    first = np.ones(len(problems), np.int32)
    first[1:] = np.diff(problems) != 0
    begins = starts[:-1]
    first[begins[begins < len(first)]] = 1
    sums = np.concatenate([[0], np.cumsum(first, dtype=np.int64)])
    holding: Ints = (sums[starts[1:]] - sums[begins]).astype(np.int32)
    return holding
