"""The terms and postings of a Whoosh segment, written in bulk from postings that are counted.

The files are those that Whoosh's own codec writes and reads; a term costs a fifth of the time.
"""

from __future__ import annotations

import itertools
import struct
from array import array
from pickle import dumps
from typing import Any
from zlib import compress, crc32

import numpy as np
from whoosh.codec.whoosh3 import WHOOSH3_HEADER_MAGIC, W3Codec, W3FieldWriter, W3Segment, W3TermInfo
from whoosh.filedb.filetables import HashWriter, OrderedHashWriter
from whoosh.util.numeric import byte_to_length

from indexer.postings import FIELDS, Floats, Ints, Places, Postings

_BLOCK = 128
# Compressing a short block costs more time than it saves bytes.
_COMPRESSED_FROM = 32
# Flags, weight, frequency, least and greatest length, greatest weight, first and last problem.
_INFO = W3TermInfo._struct
_EXTENT = struct.Struct("!qi")
_LENGTHS = struct.Struct("!ii")
_SIZE = struct.Struct("!i")
_FIELD = struct.Struct("!H")
_CRC = 1
_SLOT = np.dtype([("hash", ">u4"), ("place", ">i8")])
# So many pieces are written at once.
_PIECES = 50_000


class Codec(W3Codec):  # type: ignore[misc]  # Whoosh has no types
    """Whoosh's codec, with a writer of terms that takes them all at once.

    A segment gets a name of ours instead of a random one, and names Whoosh's own codec, so that
    Whoosh alone can open it.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def new_segment(self, _: Any, indexname: str) -> Any:
        """A segment without documents."""
        return W3Segment(W3Codec(), indexname, segid=self._name)

    def field_writer(self, storage: Any, segment: Any) -> FieldWriter:
        """The writer of terms and postings."""
        return FieldWriter(self, storage, segment)


class FieldWriter(W3FieldWriter):  # type: ignore[misc]  # Whoosh has no types
    """Writes the terms of all fields of counted postings."""

    def __init__(self, codec: Any, storage: Any, segment: Any) -> None:
        super().__init__(codec, storage, segment)
        file = self._tindex.dbfile
        file.seek(0)
        self._tindex: _Terms = _Terms(file)
        self._fieldmap: dict[str, int] = {}
        self._tindex.extras["fieldmap"] = self._fieldmap

    def add_counted(self, postings: Postings, lengths: Places) -> None:
        """Writes field by field, term by term; `lengths` are those of each field by problem."""
        steps = np.array([byte_to_length(byte) for byte in range(256)])
        # Whoosh keeps lengths as one byte: the place of the first that is no less.
        coded = np.minimum(np.searchsorted(steps, lengths), 255)
        for name in sorted(FIELDS):
            number = FIELDS.index(name)
            mine = np.flatnonzero(postings.fields == number)
            if len(mine):
                key = _FIELD.pack(self._fieldmap.setdefault(name, len(self._fieldmap)))
                ids = postings.problems[mine]
                self._add_field(
                    key, postings, postings.rows[mine], ids, postings.counts[mine],
                    coded[number][ids],
                )  # fmt: skip

    def _add_field(
        self, field: bytes, postings: Postings, rows: Ints, ids: Ints, counts: Floats, lengths: Any
    ) -> None:
        starts = np.flatnonzero(np.diff(rows, prepend=-1)).tolist()
        terms = postings.terms
        numbers, weights, sizes = ids.tolist(), counts.tolist(), lengths.tolist()
        steps = np.diff(ids, prepend=0).tolist()
        at, written = self._postfile.tell(), []
        # Most terms stand in one problem, where many count alike.
        alone: dict[tuple[int, float], tuple[bytes, bytes]] = {}
        for start, end in itertools.pairwise([*starts, len(rows)]):
            if end - start == 1:
                number, weight = numbers[start], weights[start]
                made = alone.get((number, weight))
                if made is None:
                    size, told = sizes[start], weight if weight != 1.0 else None
                    made = alone[number, weight] = (
                        _block((number,), told, number, weight, size, size),
                        _INFO.pack(0, weight, 1, size, size, weight, number, number),
                    )
                block, info = made
            else:
                part = slice(start, end)
                block = _blocks(numbers[part], steps[part], weights[part], sizes[part])
                info = _INFO.pack(
                    0, sum(weights[part]), end - start, min(sizes[part]), max(sizes[part]),
                    max(weights[part]), numbers[start], numbers[end - 1],
                )  # fmt: skip
            self._tindex.add(
                field + terms[rows[start]].encode("utf-8"), info + _EXTENT.pack(at, len(block))
            )
            at += len(block)
            written.append(block)
            if len(written) >= _PIECES:
                self._postfile.write(b"".join(written))
                written.clear()
        self._postfile.write(b"".join(written))


def _blocks(ids: list[int], steps: list[int], weights: list[float], lengths: list[int]) -> bytes:
    """The postings of a term in blocks; a size below zero marks the last.

    `steps` lead from one problem to the next; a block begins with the problem itself.
    """
    blocks = []
    for start in range(0, len(ids), _BLOCK):
        part = slice(start, start + _BLOCK)
        own, counts, sizes = ids[part], weights[part], lengths[part]
        same = counts.count(counts[0]) == len(counts)
        # What is alike in a block is told once, and what counts one is not told.
        told = (None if counts[0] == 1.0 else counts[0]) if same else tuple(counts)
        blocks.append(
            _block(
                (own[0], *steps[start + 1 : start + _BLOCK]),
                told, own[-1], max(counts), min(sizes), max(sizes),
                last=start + _BLOCK >= len(ids), first=not start,
            )
        )  # fmt: skip
    return b"".join(blocks)


def _block(
    steps: tuple[int, ...],
    weights: float | tuple[float, ...] | None,
    last_id: int,
    most: float,
    shortest: int,
    longest: int,
    *,
    first: bool = True,
    last: bool = True,
) -> bytes:
    """One block: its size, what is known of it, and its postings."""
    data = dumps((steps, weights, None), 2)
    level = 3 if len(steps) >= _COMPRESSED_FROM else 0
    if level:
        data = compress(data, level)
    info = dumps((len(steps), last_id, most, level, shortest, longest), 2)
    size = len(info) + len(data)
    return (
        (WHOOSH3_HEADER_MAGIC if first else b"") + _SIZE.pack(-size if last else size) + info + data
    )


class _Terms(OrderedHashWriter):  # type: ignore[misc]  # Whoosh has no types
    """Whoosh's file of sorted keys; its hash tables are made all at once."""

    def __init__(self, file: Any) -> None:
        super().__init__(file)
        file.seek(0)
        HashWriter.__init__(self, file, hashtype=_CRC)
        self._hashes, self._places = array("I"), array("q")
        self._waiting: list[bytes] = []
        self._at = file.tell()

    def add(self, key: bytes, value: bytes) -> None:
        """Adds a key, greater than those before it, and its value."""
        self._hashes.append(crc32(key))
        self._places.append(self._at)
        self._waiting += (_LENGTHS.pack(len(key), len(value)), key, value)
        self._at += _LENGTHS.size + len(key) + len(value)
        if len(self._waiting) >= _PIECES:
            self._write_waiting()

    def _write_waiting(self) -> None:
        self.dbfile.write(b"".join(self._waiting))
        self._waiting.clear()

    def _write_hashes(self) -> None:
        self._write_waiting()
        self.index.array = array("I" if self._at < 1 << 32 else "q", self._places)
        hashes = np.frombuffer(self._hashes, np.uint32) if self._hashes else np.empty(0, np.uint32)
        places = np.frombuffer(self._places, np.int64) if self._places else np.empty(0, np.int64)
        of = hashes & 255
        order = np.argsort(of, kind="stable")
        edges = np.searchsorted(of[order], np.arange(257))
        for start, end in itertools.pairwise(edges.tolist()):
            mine = order[start:end]
            table = _table(hashes[mine], places[mine])
            self.directory.append((self.dbfile.tell(), len(table)))
            self.dbfile.write(table.tobytes())


def _table(hashes: Any, places: Any) -> Any:
    """A hash table of twice as many slots: each key at its slot, or at the next that is free."""
    size = 2 * len(hashes)
    table = np.zeros(size, _SLOT)
    if not size:
        return table
    home = (hashes >> 8) % size
    order = np.argsort(home, kind="stable")
    number = np.arange(len(home))
    slot = number + np.maximum.accumulate(home[order].astype(np.int64) - number)
    fits = slot < size
    table["hash"][slot[fits]], table["place"][slot[fits]] = hashes[order][fits], places[order][fits]
    free = iter(np.flatnonzero(table["place"] == 0).tolist())
    # Past the end it goes on from the beginning.
    for one in order[~fits].tolist():
        table[next(free)] = (hashes[one], places[one])
    return table
