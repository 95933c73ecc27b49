"""The systems that are measured, behind one small protocol."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from benchmarks.peers import Bm25s, Fts5, PlainWhoosh, Tantivy
from benchmarks.questions import BEST


class System(Protocol):
    """An index of a folder of posts, kept at a place, that is asked in this process."""

    def build(self) -> None:
        """Reads every post and makes the index from nothing, ready to be opened."""

    def open(self) -> None:
        """Makes the index at the place ready to be asked."""

    def update(self, path: str) -> None:
        """Reads one changed post, so that the next question finds it."""

    def search(self, text: str) -> list[str]:
        """The paths of the ten best posts for the text of a question, best first."""


class Fixdex:
    """Fixdex by its public names; what it cuts Chinese with is what is installed."""

    def __init__(self, folder: Path, place: Path) -> None:
        from indexer import KnowledgeBase

        self._knowledge_base = KnowledgeBase(folder, place)

    def build(self) -> None:
        self._knowledge_base.rebuild(full=True)

    def open(self) -> None:
        self._knowledge_base.generation()

    def warm_up(self) -> None:
        """Loads what `fixdex serve` loads before it listens, and just after."""
        self._knowledge_base.warm_up()

    def update(self, path: str) -> None:
        self._knowledge_base.rebuild()

    def search(self, text: str) -> list[str]:
        generation = self._knowledge_base.generation()
        question, _ = generation.read(text)
        ranked = generation.ranking.rank(question)
        return [generation.entry(int(one)).path for one in ranked.problems[:BEST]]

    def answer(self, text: str) -> bool:
        """Whether a fix answers the text of a question; all that a page needs has been made."""
        return self._knowledge_base.ask(text).found is not None


ALONE, FAST = "fixdex", "fixdex[fast]"
SYSTEMS: dict[str, Callable[[Path, Path], System]] = {
    ALONE: Fixdex,
    FAST: Fixdex,
    "whoosh": PlainWhoosh,
    "fts5": Fts5,
    "tantivy": Tantivy,
    "bm25s": Bm25s,
}


def make_system(name: str, folder: Path, place: Path) -> System:
    """A system by its name; Fixdex only where Chinese is cut as the name says."""
    has_rjieba = importlib.util.find_spec("rjieba") is not None
    if name == ALONE and has_rjieba:
        raise SystemExit("rjieba is installed: name a Python without it with --alone")
    if name == FAST and not has_rjieba:
        raise SystemExit("rjieba is not installed: pip install 'fixdex[fast]'")
    return SYSTEMS[name](folder, place)
