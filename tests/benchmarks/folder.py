"""The posts of a folder, the same for every system."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_SUFFIXES = (".md", ".markdown", ".mdx")
# As Fixdex reads a folder: the rest of what begins with a dot may hold posts.
_NOT_ENTERED = frozenset({".git", ".obsidian", ".trash", ".fixdex", "node_modules"})


def posts(folder: Path) -> Iterator[tuple[str, str]]:
    """(path, text) of every post below a folder, in a fixed order."""
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        if (
            file.suffix.lower() in _SUFFIXES
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
