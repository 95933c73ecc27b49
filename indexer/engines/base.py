"""What the ranking asks of an engine."""

from __future__ import annotations

from typing import Protocol

from indexer.postings import Bytes, Floats, Ints, Wording
from indexer.segments import Vocabulary


class Engine(Protocol):
    """An index that is open for reading. Problems are numbered from 0."""

    def __len__(self) -> int:
        """How many problems it holds."""

    def postings(self, term: str) -> tuple[Ints, Bytes, Floats] | None:
        """(problems, fields, counts) of a term, sorted by problem and field; None if unknown."""

    def holding(self) -> Ints:
        """For every term of the vocabulary, how many problems hold it."""

    def lengths(self) -> Floats:
        """What all terms of a field count for together: an array of fields x problems."""

    def record(self, problem: int) -> str:
        """What was stored with a problem, as it was given."""

    def wording(self, problems: Ints, most: int) -> Wording:
        """The words of these problems in order, at most so many of each; a word is a number."""

    def vocabulary(self) -> Vocabulary:
        """Every term, by its number."""
