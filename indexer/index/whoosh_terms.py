"""The terms and postings of a Whoosh segment, written in bulk from postings that are counted.

The files are those that Whoosh's own codec writes and reads; a term costs a fifth of the time.
"""

from __future__ import annotations

import itertools
import struct
from array import array
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import numpy as np
from whoosh.codec.whoosh3 import W3Codec, W3FieldWriter, W3Segment
from whoosh.filedb.filetables import HashWriter, OrderedHashWriter
from whoosh.util.numeric import byte_to_length

from indexer.index.postings import FIELDS, Ints, Places, Postings
from indexer.index.whoosh_blocks import Lists, pack

# What Whoosh packs of a term, "!BfIBBfII", and where its postings stand, "!qi".
_INFO = np.dtype(
    [
        ("flags", "u1"), ("weight", ">f4"), ("frequency", ">u4"), ("shortest", "u1"),
        ("longest", "u1"), ("most", ">f4"), ("first", ">u4"), ("last", ">u4"),
        ("at", ">i8"), ("size", ">i4"),
    ]
)  # fmt: skip
_LENGTHS = struct.Struct("!ii")
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
        coded = np.minimum(np.searchsorted(steps, lengths), 255).astype(np.uint8)
        for name in sorted(FIELDS):
            number = FIELDS.index(name)
            mine = np.flatnonzero(postings.fields == number)
            if len(mine):
                key = _FIELD.pack(self._fieldmap.setdefault(name, len(self._fieldmap)))
                ids = postings.problems[mine]
                rows = postings.rows[mine]
                starts = np.flatnonzero(np.diff(rows, prepend=-1))
                sizes = np.diff(starts, append=len(rows))
                lists = Lists(ids, postings.counts[mine], coded[number][ids], starts, sizes)
                self._add_field(key, postings, rows, lists)

    def _add_field(self, field: bytes, postings: Postings, rows: Ints, lists: Lists) -> None:
        ids, counts, starts = lists.ids, lists.counts, lists.starts
        info = np.zeros(len(starts), _INFO)
        info["weight"] = np.add.reduceat(counts.astype(np.float64), starts)
        info["frequency"] = lists.sizes
        info["shortest"], info["longest"] = lists.least(lists.lengths), lists.most(lists.lengths)
        info["most"] = lists.most(counts)
        info["first"], info["last"] = ids[starts], ids[starts + lists.sizes - 1]
        for some, sizes, data in pack(lists):
            info["size"][some] = sizes
            info["at"][some] = self._postfile.tell() + np.cumsum(sizes) - sizes
            self._postfile.write(data)
        terms = postings.terms
        keys = [field + terms[row].encode("utf-8") for row in rows[starts].tolist()]
        self._tindex.add_all(keys, info)


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
