"""The embedded engine: a Whoosh index that plain Whoosh can open, and its postings as arrays.

Whoosh holds the postings and the stored records; the same lie beside it as arrays, because reading
postings through Whoosh costs a call of Python each, and its files are pickles, which run what they
hold. Ours never are: Whoosh's files are written, and not opened again. A segment of ours is a
segment of Whoosh: FOLDER/NAME.postings, FOLDER/NAME.records and FOLDER/whoosh/MAIN_NAME.*.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from whoosh import fields, formats, index
from whoosh.analysis import SpaceSeparatedTokenizer
from whoosh.codec.whoosh3 import W3Codec, W3Segment
from whoosh.filedb.filestore import FileStorage

from indexer.index.engine import Found
from indexer.index.postings import (
    FIELDS,
    Bytes,
    Floats,
    Ints,
    Places,
    Postings,
    Wording,
    ends_of,
    ranges,
)
from indexer.index.segments import (
    Segment,
    Vocabulary,
    lengths_of,
    open_segment,
    open_texts,
    write_texts,
)
from indexer.index.segments import write as write_arrays
from indexer.index.whoosh_terms import Codec

_RECORD = "record"
_NAME = "MAIN"


class WhooshSegment:
    """A segment that is open: its arrays and its records."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.arrays: Segment = open_segment(folder / f"{name}.postings")
        self._records = open_texts(folder / f"{name}.records")
        if len(self._records) != len(self.arrays):
            raise ValueError(f"{name} has records of other problems")

    def __len__(self) -> int:
        return len(self.arrays)

    def record(self, problem: int) -> str:
        """What was stored with a problem."""
        record: str = self._records[problem]
        return record

    def in_whoosh(self, gone: Iterable[int]) -> Any:
        """The segment as Whoosh's contents name it, some of its problems deleted."""
        segment = W3Segment(W3Codec(), _NAME, len(self), self.name, set(gone) or None)
        lengths = np.ceil(self.arrays.lengths).sum(axis=1).astype(int).tolist()
        segment._fieldlengths = dict(zip(FIELDS, lengths, strict=True))
        return segment


@dataclass(frozen=True, slots=True)
class _Worded:
    """The words of problems of one part: those of each; of each block its length, field and part;
    how many blocks each problem has.
    """

    words: list[Ints]
    lengths: Places
    fields: Bytes
    parts: Ints
    blocks: Places


@dataclass(frozen=True, slots=True)
class _Part:
    """A segment as a part of an index: the first number of its problems, and which are kept.

    Where all are kept, `numbers` is None; else it is -1 for those that are gone.
    """

    segment: WhooshSegment
    first: int
    kept: npt.NDArray[np.bool_]
    numbers: Ints | None
    places: Ints

    def wording(self, problems: Ints, most: int) -> _Worded:
        """The words of these problems of the index, which are all here, at most so many of each."""
        told = self.segment.arrays.wording
        place = self.places[problems - self.first]
        first, last = (told.problems[at].astype(np.int64) for at in (place, place + 1))
        begins, ends = (told.blocks[at].astype(np.int64) for at in (first, last))
        ends = np.minimum(ends, begins + most)
        block, owner = ranges(first, last)
        start, stop = (np.minimum(told.blocks[at], ends[owner]) for at in (block, block + 1))
        return _Worded(
            [
                told.words[begin:end]
                for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
            ],
            stop - start,
            told.fields[block],
            told.parts[block],
            last - first,
        )

    def of(self, numbers: Ints) -> Found:
        """The postings of terms in this part."""
        arrays = self.segment.arrays
        starts, ends = arrays.of(numbers)
        edges = np.concatenate([[0], np.cumsum(ends - starts)])
        places = np.repeat(starts - edges[:-1], ends - starts) + np.arange(edges[-1])
        problems = arrays.problems.take(places).astype(np.int32)
        if self.numbers is None:
            problems += np.int32(self.first)
            return Found(edges, problems, arrays.fields.take(places), arrays.counts(places))
        problems = self.numbers.take(problems)
        kept = problems >= 0
        edges = np.concatenate([[0], np.cumsum(kept)])[edges]
        places = places[kept]
        return Found(edges, problems[kept], arrays.fields.take(places), arrays.counts(places))


class WhooshEngine:
    """Segments of which some problems may be gone, as one index; safe to read from threads."""

    def __init__(self, segments: Sequence[tuple[WhooshSegment, npt.NDArray[np.bool_]]]) -> None:
        """Each segment comes with which of its problems are kept."""
        self._vocabulary = Vocabulary([segment.arrays.terms for segment, _ in segments])
        self._parts: list[_Part] = []
        self._length = 0
        self._holding = np.zeros(len(self._vocabulary), np.int32)
        for segment, kept in segments:
            places = np.flatnonzero(kept).astype(np.int32)
            numbers = None
            holding = segment.arrays.holding
            if len(places) < len(segment):
                numbers = np.full(len(segment), -1, np.int32)
                numbers[places] = self._length + np.arange(len(places), dtype=np.int32)
                holding = segment.arrays.holding_without(~kept)
            self._holding[segment.arrays.numbers] += holding
            self._parts.append(_Part(segment, self._length, kept, numbers, places))
            self._length += len(places)
        self._firsts = np.array([part.first for part in self._parts], np.int64)

    def __len__(self) -> int:
        return self._length

    def postings(self, terms: Sequence[str]) -> list[Found]:
        numbers = self._vocabulary.recall(terms)
        return [part.of(numbers) for part in self._parts]

    def holding(self) -> Ints:
        return self._holding

    def lengths(self) -> Floats:
        none = [np.empty((len(FIELDS), 0), np.float32)]
        return np.concatenate(
            none + [part.segment.arrays.lengths[:, part.kept] for part in self._parts], axis=1
        )

    def record(self, problem: int) -> str:
        part = self._parts[int(self._firsts.searchsorted(problem, side="right")) - 1]
        return part.segment.record(int(part.places[problem - part.first]))

    def wording(self, problems: Ints, most: int) -> Wording:
        edges = [*problems.searchsorted(self._firsts).tolist(), len(problems)]
        own = [
            part.wording(problems[first:last], most)
            for part, (first, last) in zip(self._parts, itertools.pairwise(edges), strict=True)
        ]
        empty = [np.empty(0, np.int32)]
        return Wording(
            np.concatenate(empty + [words for part in own for words in part.words]),
            ends_of(np.concatenate(empty + [part.lengths for part in own])),
            np.concatenate([np.empty(0, np.uint8), *(part.fields for part in own)]),
            np.concatenate(empty + [part.parts for part in own]),
            ends_of(np.concatenate(empty + [part.blocks for part in own])),
        )

    def vocabulary(self) -> Vocabulary:
        return self._vocabulary


class _Closing(FileStorage):  # type: ignore[misc]  # Whoosh has no types
    """Closes what an error of writing leaves open."""

    def __init__(self, folder: str, made: list[Any] | None = None) -> None:
        super().__init__(folder)
        self._made: list[Any] = [] if made is None else made

    def create_file(self, name: str, **options: Any) -> Any:
        file = super().create_file(name, **options)
        self._made.append(file)
        return file

    def temp_storage(self, name: str | None = None) -> Any:
        return _Closing(super().temp_storage(name).folder, self._made)

    def close_all(self) -> None:
        """Closes the files that are open."""
        for file in self._made:
            # What it holds cannot be written, and need not be.
            with contextlib.suppress(OSError):
                file.file.close()


def write_segment(
    folder: Path, name: str, postings: Postings, records: Sequence[str], known: Vocabulary
) -> list[Path]:
    """The files of a segment, written into the folder of a generation.

    Its terms are numbered after those that are known.
    """
    arrays, texts = folder / f"{name}.postings", folder / f"{name}.records"
    lengths = lengths_of(postings, len(records))
    write_arrays(arrays, postings, lengths, known)
    write_texts(texts, records)
    # By itself, with what Whoosh makes for the time of writing only.
    apart = folder / f"{name}.apart"
    apart.mkdir()
    storage = _Closing(str(apart))
    try:
        _write_whoosh(storage, name, postings, records, lengths)
    finally:
        storage.close_all()
    (folder / "whoosh").mkdir(exist_ok=True)
    files = [file.rename(folder / "whoosh" / file.name) for file in apart.glob(f"{_NAME}_{name}.*")]
    shutil.rmtree(apart)
    return [arrays, texts, *files]


def _write_whoosh(
    storage: _Closing, name: str, postings: Postings, records: Sequence[str], lengths: Floats
) -> None:
    codec, schema = Codec(name), _schema()
    segment = codec.new_segment(storage, _NAME)
    documents = codec.per_document_writer(storage, segment)
    whole = np.ceil(lengths).astype(np.int64)
    for problem, record in enumerate(records):
        documents.start_doc(problem)
        documents.add_field(_RECORD, schema[_RECORD], record, 0)
        for number in np.flatnonzero(whole[:, problem]):
            field = FIELDS[number]
            documents.add_field(field, schema[field], None, int(whole[number, problem]))
        documents.finish_doc()
    documents.close()
    terms = codec.field_writer(storage, segment)
    terms.add_counted(postings, whole)
    terms.close()


def write_contents(
    folder: Path, parts: Sequence[tuple[WhooshSegment, npt.NDArray[np.bool_]]]
) -> Path:
    """The file that says of which segments, and which problems of each, the index is made."""
    segments = [
        segment.in_whoosh(np.flatnonzero(~kept).tolist()) for segment, kept in parts if len(kept)
    ]
    index.TOC(_schema(), segments, 1).write(FileStorage(str(folder / "whoosh")), _NAME)
    return folder / "whoosh" / f"_{_NAME}_1.toc"


def _schema() -> fields.Schema:
    """Fields of plain Whoosh classes only, so that plain Whoosh can unpickle the schema."""
    schema = fields.Schema(**{_RECORD: fields.STORED()})
    for name in FIELDS:
        field = fields.TEXT(analyzer=SpaceSeparatedTokenizer(), phrase=False)
        field.format = formats.Existence()
        schema.add(name, field)
    return schema
