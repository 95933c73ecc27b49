"""The terms and postings of a Whoosh segment, written in bulk from postings that are counted.

The files are those that Whoosh's own codec writes and reads; a term costs a fifth of the time.
"""

from __future__ import annotations

import itertools
import struct
from array import array
from collections.abc import Sequence
from pickle import dumps
from typing import Any
from zlib import compress, crc32

import numpy as np
from whoosh.codec.whoosh3 import WHOOSH3_HEADER_MAGIC, W3Codec, W3FieldWriter, W3Segment
from whoosh.filedb.filetables import HashWriter, OrderedHashWriter
from whoosh.util.numeric import byte_to_length

from indexer.postings import FIELDS, Floats, Ints, Places, Postings

_BLOCK = 128
# Compressing a short block costs more time than it saves bytes.
_COMPRESSED_FROM = 32
# What Whoosh packs of a term, "!BfIBBfII", and where its postings stand, "!qi".
_INFO = np.dtype(
    [
        ("flags", "u1"), ("weight", ">f4"), ("frequency", ">u4"), ("shortest", "u1"),
        ("longest", "u1"), ("most", ">f4"), ("first", ">u4"), ("last", ">u4"),
        ("at", ">i8"), ("size", ">i4"),
    ]
)  # fmt: skip
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
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        sizes = np.diff(starts, append=len(rows))
        last = starts + sizes - 1
        least, most = np.minimum.reduceat(counts, starts), np.maximum.reduceat(counts, starts)
        info = np.zeros(len(starts), _INFO)
        info["weight"] = np.add.reduceat(counts.astype(np.float64), starts)
        info["frequency"] = sizes
        info["shortest"] = np.minimum.reduceat(lengths, starts)
        info["longest"] = np.maximum.reduceat(lengths, starts)
        info["most"] = most
        info["first"], info["last"] = ids[starts], ids[last]
        # What is alike in a block is told once, and what counts one is not told.
        told = np.where(least == 1.0, 0.0, least)
        told[least != most] = np.nan
        blocks = _all_blocks(ids, counts, lengths, starts, sizes, info, told)
        ends = np.cumsum(np.fromiter(map(len, blocks), np.int64, len(blocks)))
        info["size"] = np.diff(ends, prepend=0)
        info["at"] = self._postfile.tell() + ends - info["size"]
        for start in range(0, len(blocks), _PIECES):
            self._postfile.write(b"".join(blocks[start : start + _PIECES]))
        terms = postings.terms
        keys = [field + terms[row].encode("utf-8") for row in rows[starts].tolist()]
        self._tindex.add_all(keys, info)


def _all_blocks(
    ids: Ints, counts: Floats, lengths: Any, starts: Any, sizes: Any, info: Any, told: Any
) -> list[bytes]:
    """The postings of each term in blocks; `told` is what all count, 0 for one, or no number."""
    numbers, weights, places = ids.tolist(), counts.tolist(), lengths.tolist()
    steps = np.diff(ids, prepend=0).tolist()
    # Most terms stand in one problem, where many count alike.
    alone: dict[tuple[int, float], bytes] = {}
    blocks = []
    for start, size, alike, most, shortest, longest, last in zip(
        starts.tolist(), sizes.tolist(), told.tolist(), info["most"].tolist(),
        info["shortest"].tolist(), info["longest"].tolist(), info["last"].tolist(), strict=True,
    ):  # fmt: skip
        if size == 1:
            block = alone.get((last, most))
            if block is None:
                block = alone[last, most] = _block(
                    (last,), alike or None, last, most, shortest, longest
                )
        elif size <= _BLOCK:
            end = start + size
            own = tuple(weights[start:end]) if alike != alike else alike or None
            block = _block(
                (numbers[start], *steps[start + 1 : end]), own, last, most, shortest, longest
            )
        else:
            part = slice(start, start + size)
            block = _several_blocks(numbers[part], steps[part], weights[part], places[part])
        blocks.append(block)
    return blocks


def _several_blocks(
    ids: list[int], steps: list[int], weights: list[float], lengths: list[int]
) -> bytes:
    """The postings of a term in blocks; a size below zero marks the last.

    `steps` lead from one problem to the next; a block begins with the problem itself.
    """
    blocks = []
    for start in range(0, len(ids), _BLOCK):
        part = slice(start, start + _BLOCK)
        own, counts, sizes = ids[part], weights[part], lengths[part]
        same = counts.count(counts[0]) == len(counts)
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
        self._at = file.tell()

    def add_all(self, keys: Sequence[bytes], info: Any) -> None:
        """Adds keys that rise and are greater than those before, and what is known of each."""
        sizes = np.fromiter(map(len, keys), np.int64, len(keys))
        self._hashes.extend(map(crc32, keys))
        ends = self._at + np.cumsum(_LENGTHS.size + sizes + info.itemsize)
        self._places.extend(np.concatenate([[self._at], ends[:-1]]).tolist())
        self._at = int(ends[-1])
        # Before each key its length and that of what follows it.
        heads = np.full((len(keys), 2), info.itemsize, ">i4")
        heads[:, 0] = sizes
        for start in range(0, len(keys), _PIECES):
            part = slice(start, start + _PIECES)
            pieces = [b""] * (3 * len(keys[part]))
            pieces[0::3] = heads[part].view(f"V{_LENGTHS.size}").ravel().tolist()
            pieces[1::3] = keys[part]
            pieces[2::3] = info[part].view(f"V{info.itemsize}").tolist()
            self.dbfile.write(b"".join(pieces))

    def _write_hashes(self) -> None:
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
