"""The embedded engine: a Whoosh index that plain Whoosh can open, and its postings as arrays.

Whoosh keeps the postings and the stored records; the same postings lie beside it as arrays,
because reading them through Whoosh costs a call of Python per posting.
"""

from __future__ import annotations

import mmap
import sys
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from whoosh import fields, formats, index
from whoosh.analysis import SpaceSeparatedTokenizer
from whoosh.codec.whoosh3 import W3Codec, W3PostingsWriter
from whoosh.filedb.filestore import FileStorage
from whoosh.filedb.structfile import StructFile

from indexer import postings as arrays
from indexer.postings import FIELDS, Bytes, Floats, Ints, Postings, TermList, Wording

_RECORD = "record"
_BLOCK = 128
# Compressing a short block costs more time than it saves bytes.
_COMPRESSED_FROM = 32


class WhooshEngine:
    """An open index; safe to read from several threads."""

    def __init__(self, folder: Path) -> None:
        self._index = _Storage(str(folder / "whoosh"), readonly=True).open_index()
        self._reader = self._index.reader()
        self._postings = arrays.open_file(folder / "postings")
        self._lengths = np.load(folder / "postings" / "lengths.npy", allow_pickle=False)

    def __len__(self) -> int:
        return int(self._lengths.shape[1])

    def postings(self, term: str) -> tuple[Ints, Bytes, Floats] | None:
        return self._postings.of(term)

    def holding(self) -> Ints:
        return self._postings.holding()

    def lengths(self) -> Floats:
        return np.asarray(self._lengths, np.float32)

    def record(self, problem: int) -> str:
        return str(self._reader.stored_fields(problem)[_RECORD])

    def wording(self) -> Wording:
        return self._postings.wording

    def vocabulary(self) -> TermList:
        return self._postings.terms

    def load(self) -> Postings:
        return self._postings.load()

    def close(self) -> None:
        self._reader.close()
        self._index.close()


class _Storage(FileStorage):  # type: ignore[misc]  # Whoosh has no types
    """Files mapped into memory, so that threads may read them side by side.

    Whoosh's own are read where a shared cursor stands, or copied whole.
    """

    def open_file(self, name: str, **options: Any) -> Any:
        with Path(self._fpath(name)).open("rb") as file:
            try:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError:  # an empty file
                return super().open_file(name, **options)
        return _Mapped(mapped, name=name)


class _Mapped(StructFile):  # type: ignore[misc]  # Whoosh has no types
    def get(self, position: int, length: int) -> bytes:
        return bytes(self.file[position : position + length])

    def get_array(self, position: int, typecode: str, length: int) -> array[Any]:
        found = array(typecode)
        found.frombytes(self.get(position, length * found.itemsize))
        if sys.byteorder == "little":
            found.byteswap()
        return found


def open_index(folder: Path) -> WhooshEngine:
    """Opens the index of a folder. Whoosh runs pickle here: the folder must be the caller's own."""
    return WhooshEngine(folder)


def write(folder: Path, postings: Postings, records: Sequence[str]) -> None:
    """Writes a Whoosh index and the arrays beside it into an empty folder."""
    (folder / "whoosh").mkdir(parents=True)
    (folder / "postings").mkdir()
    lengths = _lengths(postings, len(records))
    arrays.write(postings, folder / "postings")
    np.save(folder / "postings" / "lengths.npy", lengths, allow_pickle=False)

    writer = index.create_in(folder / "whoosh", _schema()).writer(codec=W3Codec(), compound=False)
    whole = np.ceil(lengths).astype(np.int64)
    for problem, record in enumerate(records):
        document = writer.perdocwriter
        document.start_doc(problem)
        document.add_field(_RECORD, writer.schema[_RECORD], record, 0)
        for number in np.flatnonzero(whole[:, problem]):
            name = FIELDS[number]
            document.add_field(name, writer.schema[name], None, int(whole[number, problem]))
        document.finish_doc()
        writer.docnum = problem + 1
    writer._added = bool(records)
    writer.pool = _Counted(postings, whole, writer)
    writer.fieldwriter.add_postings = writer.pool.write
    writer.commit(merge=False)


def _schema() -> fields.Schema:
    """Fields of plain Whoosh classes only, so that plain Whoosh can unpickle the schema."""
    schema = fields.Schema(**{_RECORD: fields.STORED()})
    for name in FIELDS:
        field = fields.TEXT(analyzer=SpaceSeparatedTokenizer(), phrase=False)
        field.format = formats.Existence()
        schema.add(name, field)
    return schema


def _lengths(postings: Postings, problems: int) -> Floats:
    places = postings.fields.astype(np.int64) * problems + postings.problems
    sums = np.bincount(places, weights=postings.counts, minlength=len(FIELDS) * problems)
    return sums.astype(np.float32).reshape(len(FIELDS), problems)


class _Counted:
    """Stands in for Whoosh's pool of postings: ours are counted and sorted already."""

    def __init__(self, postings: Postings, lengths: Any, writer: Any) -> None:
        self._postings = postings
        self._lengths = lengths
        self._target = writer.fieldwriter

    def iter_postings(self) -> Iterator[Any]:
        """Nothing: `write` hands the postings over in blocks."""
        return iter(())

    def cleanup(self) -> None:
        """Nothing to clean: there are no files of ours."""

    def write(self, schema: fields.Schema, _lengths: Any, _items: Any) -> None:
        """Writes field by field, term by term, block by block, as Whoosh's own writer does."""
        ours, target = self._postings, self._target
        for name in sorted(FIELDS):
            number = FIELDS.index(name)
            mine = np.flatnonzero(ours.fields == number)
            if not len(mine):
                continue
            rows, ids, counts = ours.rows[mine], ours.problems[mine], ours.counts[mine]
            lengths = self._lengths[number]
            starts = np.flatnonzero(np.diff(rows, prepend=-1))
            target.start_field(name, schema[name])
            target._postwriter = _BlockWriter(target._postfile, _BLOCK)
            for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
                target.start_term(ours.terms[rows[start]].encode("utf-8"))
                target._postwriter.add_postings(ids[start:end], counts[start:end], lengths)
                target.finish_term()
            target.finish_field()


class _BlockWriter(W3PostingsWriter):  # type: ignore[misc]  # Whoosh has no types
    """Whoosh's writer of postings, fed with a term's whole list instead of one at a time."""

    def add_postings(self, ids: Ints, counts: Floats, lengths: Any) -> None:
        for start in range(0, len(ids), _BLOCK):
            block = ids[start : start + _BLOCK]
            if start:
                self._write_block()
            self._ids = array("I", block.astype(np.uint32).tobytes())
            self._weights = array("f", counts[start : start + _BLOCK].tobytes())
            self._maxweight = max(self._weights)
            found = lengths[block]
            self._minlength, self._maxlength = int(found.min()), int(found.max())
            self._compression = 3 if len(block) >= _COMPRESSED_FROM else 0
