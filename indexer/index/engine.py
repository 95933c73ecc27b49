"""What the ranking asks of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from indexer.index.postings import Bytes, Floats, Ints, Places, Wording
from indexer.index.segments import Vocabulary


@dataclass(frozen=True, slots=True)
class Found:
    """Postings of several terms: those of term i from `edges[i]` to `edges[i + 1]`.

    They are sorted by problem and field.
    """

    edges: Places
    problems: Ints
    fields: Bytes
    counts: Floats


class Engine(Protocol):
    """An index that is open for reading. Problems are numbered from 0."""

    def __len__(self) -> int:
        """How many problems it holds."""

    def postings(self, terms: Sequence[str]) -> list[Found]:
        """The postings of terms, part by part of the index; problems rise from part to part."""

    def holding(self) -> Ints:
        """For every term of the vocabulary, how many problems hold it."""

    def lengths(self) -> Floats:
        """What all terms of a field count for together: an array of fields x problems."""

    def record(self, problem: int) -> str:
        """What was stored with a problem, as it was given."""

    def wording(self, problems: Ints, most: int) -> Wording:
        """The words of these problems, whose numbers rise, at most so many of each.

        A word is a number.
        """

    def vocabulary(self) -> Vocabulary:
        """Every term, by its number."""
