"""Reading: a post of the index as a page shows it, and the pictures that it shows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from types import MappingProxyType

import numpy as np

from indexer.answers.answers import Citation
from indexer.fixes.fixes import find_fix
from indexer.fixes.told import error_told, failing_code
from indexer.posts.folder import NotText, decode, read_file
from indexer.posts.front_matter import read_header
from indexer.posts.markdown import to_html
from indexer.posts.posts import Section, paragraphs, read_post
from indexer.search.generation import Generation

_PICTURES = frozenset((".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".svg"))


@dataclass(frozen=True, slots=True)
class PostText:
    """A post to read: its HTML is not sanitised; `changed` if the file is not the one indexed.

    `contents` are its headings: (level from 1, text, anchor).
    """

    citation: Citation
    html: str
    repairs: tuple[str, ...]
    changed: bool
    contents: tuple[tuple[int, str, str], ...]


def read_text(
    generation: Generation,
    number: int,
    citation: Citation,
    folder: Path,
    highlight: Callable[[str, str], str],
) -> PostText | None:
    """A post by its number in the index, from its file; None where that cannot be read any more."""
    entry = generation.entries[number]
    try:
        file = (folder / entry.path).resolve()
        if not file.is_relative_to(folder.resolve()):
            return None
        data = read_file(file)
        sections: tuple[Section, ...] = ()
        if entry.plain:
            html = _as_plain(data)
        else:
            html = render_post(entry.path, data, highlight, _marks(generation, number))
            sections = read_post(entry.path, data).sections
    except (OSError, ValueError, NotText):
        return None
    headed = [one for one in sections if one.level and one.heading]
    levels = sorted({one.level for one in headed})
    return PostText(
        citation,
        html,
        entry.repairs,
        changed=hashlib.sha256(data).hexdigest() != entry.digest,
        contents=tuple((levels.index(o.level) + 1, o.heading, o.anchor) for o in headed),
    )


def render_post(
    path: str,
    data: bytes,
    highlight: Callable[[str, str], str],
    marks: Mapping[int, str] = MappingProxyType({}),
) -> str:
    """The HTML of a post, not sanitised; ids are `L` and the line, and the anchors of sections.

    `marks` gives the blocks that begin on these lines a class. Raises NotText where the file holds
    no text.
    """
    lines = decode(data).text.split("\n")
    header = read_header(lines)
    return to_html(
        lines[header.lines :],
        first_line=header.lines + 1,
        anchors={section.line: section.anchor for section in read_post(path, data).sections},
        highlight=highlight,
        marks=marks,
        mdx=path.lower().endswith(".mdx"),
    )


def _as_plain(data: bytes) -> str:
    """The HTML of a post that was read as plain text; ids are `L` and the line."""
    return "\n".join(
        f'<p id="L{line}">{escape(text, quote=False)}</p>'.replace("\n", "<br>\n")
        for line, text in paragraphs(decode(data).text)
    )


def _marks(generation: Generation, number: int) -> dict[int, str]:
    """What the blocks of a post are for, as classes by the line they begin on."""
    marks: dict[int, str] = {}
    for one in np.flatnonzero(generation.post_of == number).tolist():
        problem = generation.problem(one)
        told = {"is-error": error_told(problem), "is-failing": failing_code(problem)}
        marks.update((part.block.line, name) for name, part in told.items() if part)
        fix = find_fix(problem)
        marks.update((step.block, "is-fix") for step in (fix.steps if fix else ()))
    return marks


def find_picture(folder: Path, path: str) -> Path | None:
    """A picture of the posts' folder, or None; never what is hidden or lies outside."""
    try:
        file = (folder / path).resolve()
        inside = file.relative_to(folder.resolve())
        hidden = any(part.startswith((".", "_drafts")) for part in inside.parts)
        shown = file.suffix.lower() in _PICTURES and file.is_file()
    except (OSError, ValueError, RuntimeError):
        return None
    return file if shown and not hidden else None
