"""What the ranking asks of an engine.

A module of an engine has besides it `write(folder, postings, records)`, which makes an index in an
empty folder, and `open_index(folder)`, which opens it.
"""

from __future__ import annotations

from typing import Protocol

from indexer.postings import Bytes, Floats, Ints, Postings, TermList, Wording


class Engine(Protocol):
    """An index that is open for reading. Problems are numbered from 0."""

    def __len__(self) -> int:
        """How many problems it holds."""

    def postings(self, term: str) -> tuple[Ints, Bytes, Floats] | None:
        """(problems, fields, counts) of a term, sorted by problem and field; None if unknown."""

    def holding(self) -> Ints:
        """For every term of the vocabulary, how many problems hold it."""

    def lengths(self) -> Floats:
        """What all terms of a field count for together: an array of fields × problems."""

    def record(self, problem: int) -> str:
        """What was stored with a problem, as it was given."""

    def wording(self) -> Wording:
        """The words of every problem in order; a word is the number of its term."""

    def vocabulary(self) -> TermList:
        """Every term, sorted by code point."""

    def load(self) -> Postings:
        """All postings in memory, to be merged into a next index."""

    def close(self) -> None:
        """Lets go of the files."""
