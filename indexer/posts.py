"""Post, Section, Block: read one Markdown file, whatever wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["paragraph", "item", "quote", "code", "table", "image", "html"]


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a section; `text` is a contiguous part of the decoded file, container prefixes removed."""

    kind: BlockKind
    text: str
    line: int
    end: int
    language: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it, up to the next heading of any level."""

    heading: str
    level: int
    anchor: str
    line: int
    above: tuple[str, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Post:
    """One Markdown file under the knowledge-base folder."""

    path: str
    title: str
    date: str | None
    tags: tuple[str, ...]
    lang: str
    link: str | None
    draft: bool
    extra: tuple[str, ...]
    sections: tuple[Section, ...]
    repairs: tuple[str, ...]
