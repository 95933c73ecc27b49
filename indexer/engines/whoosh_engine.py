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
from whoosh.filedb.filestore import FileStorage
from whoosh.filedb.structfile import StructFile

from indexer import postings as arrays
from indexer.engines.whoosh_terms import Codec
from indexer.postings import FIELDS, Bytes, Floats, Ints, Places, Postings, TermList, Wording

_RECORD = "record"


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
        return self._postings.holding

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

    writer = index.create_in(folder / "whoosh", _schema()).writer(codec=Codec(), compound=False)
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

    def __init__(self, postings: Postings, lengths: Places, writer: Any) -> None:
        self._postings = postings
        self._lengths = lengths
        self._target = writer.fieldwriter

    def iter_postings(self) -> Iterator[Any]:
        """Nothing: `write` hands the postings over at once."""
        return iter(())

    def cleanup(self) -> None:
        """Nothing to clean: there are no files of ours."""

    def write(self, *_: Any) -> None:
        """Writes all postings."""
        self._target.add_counted(self._postings, self._lengths)
