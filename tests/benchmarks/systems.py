"""The systems that are measured, behind one small protocol."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

SUFFIXES = (".md", ".markdown", ".mdx")
# As Fixdex reads a folder: the rest of what begins with a dot may hold posts.
_NOT_ENTERED = frozenset({".git", ".obsidian", ".trash", ".fixdex", "node_modules"})
# So many pages a reader looks at.
BEST = 10


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


def posts(folder: Path) -> Iterator[tuple[str, str]]:
    """(path, text) of every post below a folder, in a fixed order."""
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        if (
            file.suffix.lower() in SUFFIXES
            and _NOT_ENTERED.isdisjoint(path.parts)
            and file.is_file()
        ):
            yield path.as_posix(), file.read_text("utf-8", "replace")


_TITLE = re.compile(r"^title:\s*(\S.*)$", re.MULTILINE)
_HEADING = re.compile(r"^#\s+(\S.*)$", re.MULTILINE)


def title_of(path: str, text: str) -> str:
    """What a post is called: by its header, its first heading, or its file."""
    found = _TITLE.search(text, 0, 2000) or _HEADING.search(text)
    return found[1] if found else path.rsplit("/", 1)[-1]


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
        """Loads what `fixdex serve` loads before it listens."""
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


def _whoosh(folder: Path, place: Path) -> System:
    from benchmarks.peers import PlainWhoosh

    return PlainWhoosh(folder, place)


def _fts5(folder: Path, place: Path) -> System:
    from benchmarks.peers import Fts5

    return Fts5(folder, place)


def _tantivy(folder: Path, place: Path) -> System:
    from benchmarks.peers import Tantivy

    return Tantivy(folder, place)


def _bm25s(folder: Path, place: Path) -> System:
    from benchmarks.peers import Bm25s

    return Bm25s(folder, place)


ALONE, FAST = "fixdex", "fixdex[fast]"
SYSTEMS: dict[str, Callable[[Path, Path], System]] = {
    ALONE: Fixdex,
    FAST: Fixdex,
    "whoosh": _whoosh,
    "fts5": _fts5,
    "tantivy": _tantivy,
    "bm25s": _bm25s,
}


def make_system(name: str, folder: Path, place: Path) -> System:
    """A system by its name; Fixdex only where Chinese is cut as the name says."""
    has_rjieba = importlib.util.find_spec("rjieba") is not None
    if name == ALONE and has_rjieba:
        raise SystemExit("rjieba is installed: name a Python without it with --alone")
    if name == FAST and not has_rjieba:
        raise SystemExit("rjieba is not installed: pip install 'fixdex[fast]'")
    return SYSTEMS[name](folder, place)
