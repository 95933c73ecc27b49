"""Facets: how many of some posts have which tag, language and folder, and which posts pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.index.index import Entry
from indexer.index.postings import Ints

_MOST = 30


class _Values:
    """Which values each post has, as numbers."""

    def __init__(self, values: Iterable[Iterable[str]]) -> None:
        numbers: dict[str, int] = {}
        rows = [[numbers.setdefault(value, len(numbers)) for value in row] for row in values]
        self.names = [*numbers]
        self.post = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        self.value = np.array([number for row in rows for number in row], np.int64)

    def counts(self, among: NDArray[np.bool_]) -> tuple[tuple[str, int], ...]:
        """The values that most of these posts have, with how many do."""
        held = np.bincount(self.value[among[self.post]], minlength=len(self.names))
        found = [(self.names[at], int(held[at])) for at in np.flatnonzero(held)]
        return tuple(sorted(found, key=lambda one: (-one[1], one[0]))[:_MOST])


class Facets:
    """The tags, languages and first folders of the posts of an index."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        folders = ([folder] if inside else [] for folder, inside, _ in _parted(entries))
        self._values = {
            "tag": _Values(dict.fromkeys(entry.tags) for entry in entries),
            "lang": _Values([entry.lang] for entry in entries),
            "folder": _Values(folders),
        }

    def counts(self, posts: Ints) -> dict[str, tuple[tuple[str, int], ...]]:
        """For tags, languages and folders: (value, how many of these posts have it)."""
        among = np.zeros(len(self._entries), bool)
        among[posts] = True
        return {name: values.counts(among) for name, values in self._values.items()}

    def passing(
        self, tag: str | None, lang: str | None, folder: str | None
    ) -> NDArray[np.bool_] | None:
        """Which posts a filter lets pass, or None where nothing is filtered."""
        if not (tag or lang or folder):
            return None
        wanted = tag.casefold() if tag else None
        inside = folder.strip("/") + "/" if folder else ""
        return np.array(
            [
                (wanted is None or any(wanted == own.casefold() for own in entry.tags))
                and (not lang or entry.lang == lang)
                and entry.path.startswith(inside)
                for entry in self._entries
            ],
            bool,
        )


def _parted(entries: Sequence[Entry]) -> Iterable[tuple[str, str, str]]:
    return (entry.path.partition("/") for entry in entries)
