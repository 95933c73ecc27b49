"""Post, Section, Block: read one Markdown file, whatever wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from markdown_it.token import Token

from indexer.posts.block_rules import bold_line, language_of_fence
from indexer.posts.folder import decode
from indexer.posts.front_matter import (
    date_of,
    errors_of,
    extra_of,
    is_draft,
    link_of,
    read_header,
    strings,
    tags_of,
)
from indexer.posts.markdown import block_tokens
from indexer.posts.plain import plain
from indexer.posts.roles import names_a_part
from indexer.text.chinese import HAN, language_of

BlockKind = Literal["paragraph", "item", "quote", "code", "table", "image", "html"]


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a section.

    `text` is a contiguous part of the decoded file, container prefixes removed. `line` and `end`
    are the first and the last line of the file that it stands on, from 1.
    """

    kind: BlockKind
    text: str
    line: int
    end: int
    language: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it, up to the next heading of any level.

    Level 0 is what stands before the first heading, level 7 a bold line that serves as one.
    """

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
    errors: tuple[str, ...]
    """Error messages that the header names."""
    extra: tuple[str, ...]
    sections: tuple[Section, ...]
    repairs: tuple[str, ...]
    plain: bool = False
    """Whether it was read as plain text."""


def read_post(path: str, data: bytes) -> Post:
    """The post that a file holds. Raises NotText where it holds no text, and nothing else."""
    decoded = decode(data)
    lines = decoded.text.split("\n")
    header = read_header(lines)
    repairs = [*decoded.repairs, *header.repairs]
    tokens, mended, noise = block_tokens(
        lines[header.lines :], above=header.lines, mdx=path.lower().endswith(".mdx")
    )
    pieces = _with_lost(list(_pieces(tokens, lines, header.lines)), lines, header.lines, noise)
    sections = _sections(pieces)
    values = header.values
    day, dated = date_of(values, path)
    if dated is not None:
        repairs.append(f"date {dated[:40]!r} does not exist")
    title = _title(values, sections, path)
    return Post(
        path=path,
        title=title,
        date=day,
        tags=tags_of(values),
        lang=_language(title, sections),
        link=link_of(values),
        draft=is_draft(values),
        errors=errors_of(header),
        extra=extra_of(header),
        sections=sections,
        repairs=(*repairs, *mended),
    )


def read_plain(path: str, data: bytes) -> Post:
    """The post of a file read as plain text: its paragraphs, whatever marks stand in them.

    Raises NotText where it holds no text.
    """
    decoded = decode(data)
    blocks = tuple(
        Block("paragraph", text, line, line + text.count("\n"))
        for line, text in paragraphs(decoded.text)
    )
    title = _file_title(path)
    sections = (Section("", 0, "", 1, (), blocks),)
    # What its author hides stays hidden.
    draft = is_draft(
        {match[1].lower(): match[2] for match in _STATED.finditer(decoded.text[:_LONGEST_HEADER])}
    )
    lang = _language(title, sections)
    return Post(
        path, title, None, (), lang, None, draft, (), (), sections, decoded.repairs, plain=True
    )


_STATED = re.compile(
    r"^[ \t\"']{0,9}(draft|published)[\"']?[ \t]{0,9}[:=][ \t\"']{0,9}(\w{1,9})", re.I | re.M
)
_LONGEST_HEADER = 20_000


def paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """The paragraphs of a plain text, each with the number of its first line."""
    begin, inside = 1, list[str]()
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            begin = begin if inside else number
            inside.append(line)
        elif inside:
            yield begin, "\n".join(inside)
            inside = []
    if inside:
        yield begin, "\n".join(inside)


# Tokens to pieces


@dataclass(frozen=True, slots=True)
class _Heading:
    text: str
    level: int
    line: int
    end: int


_Piece = Block | _Heading


def _pieces(tokens: list[Token], lines: list[str], offset: int) -> Iterator[_Piece]:
    """Headings and blocks in the order of the post."""
    quotes = 0
    fresh_item = False
    for at, token in enumerate(tokens):
        kind = token.type
        if kind == "blockquote_open":
            quotes += 1
        elif kind == "blockquote_close":
            quotes -= 1
        elif kind == "list_item_open":
            fresh_item = True
        if token.map is None or token.nesting < 0:
            continue
        line, end = token.map[0] + offset + 1, token.map[1] + offset
        if kind == "heading_open":
            text = tokens[at + 1].content
            yield (
                Block("quote", text, line, end)
                if quotes
                else _Heading(text, int(token.tag[1]), line, end)
            )
        elif kind == "paragraph_open":
            text = tokens[at + 1].content
            if fresh_item:
                yield Block("item", _with_marker(text, lines[line - 1]), line, end)
                fresh_item = False
            elif not quotes and (bold := bold_line(text)):
                yield _Heading(bold, 7, line, end)
            else:
                yield Block(_prose_kind(text, quotes), text, line, end)
        elif kind == "fence":
            if words := _prose_info(token.info):
                yield Block("paragraph", words, line, line)
            yield Block("code", token.content.strip("\n"), line, end, language_of_fence(token.info))
        elif kind == "code_block":
            text = token.content.strip("\n")
            yield Block("paragraph" if _is_prose(text) else "code", text, line, end)
        elif kind == "table_open":
            yield Block("table", token.meta["text"], line, end)
        elif kind == "html_block":
            yield from _from_html(token.content, line)
        elif kind == "admonition_title_open":
            yield from _admonition_title(lines[line - 1], line)


def _admonition_title(text: str, line: int) -> Iterator[_Piece]:
    """The title that an author gave a box, a heading where it is quoted; its kind is no title."""
    words = text.lstrip(" \t>").lstrip("!?+").strip()
    if '"' in words:
        title = words[words.index('"') + 1 :].rpartition('"')[0].strip()
        if title:
            yield _Heading(title, 7, line, line)
    elif not re.fullmatch(r"[a-z-]*", words):
        yield Block("paragraph", words, line, line)


def _prose_info(info: str) -> str:
    """Chinese words after the mark of a fence, which name no language: the author's sentence."""
    if not _HAN.search(info):
        return ""
    words = re.sub(r"^[\w+#.-]+\s+", "", info, flags=re.ASCII)
    return words if "=" not in words and "{" not in words else ""


_ONLY_IMAGES = re.compile(
    r"(?:\[?!\[[^\]\n]*\]\([^)\n]*\)(?:\]\([^)\n]*\))?\s*|<img\b[^<>]*>\s*"
    r"|\{\{[<%][^{}\n]*[>%]\}\}\s*|\{%[^{}\n]*%\}\s*)+\Z"
)


def _prose_kind(text: str, quotes: int) -> BlockKind:
    if text[:1] in "![<{" and len(text) < 5000 and _ONLY_IMAGES.match(text):
        return "image"
    return "quote" if quotes else "paragraph"


def _with_marker(text: str, line: str) -> str:
    """The text of a list item as its line has it, with the marker before it."""
    first = text.split("\n", 1)[0]
    before = line.rstrip()[: len(line.rstrip()) - len(first)]
    marker = re.search(r"(?:[-*+]|\d{1,9}[.)])[ \t]+\Z", before)
    return before[marker.start() :] + text if marker else text


_HAN = re.compile(f"[{HAN}]")
_CODE_SIGN = re.compile(r"[{}();=<>$|\\]|^\s*(?:#|//|-{1,2}\w)", re.MULTILINE)


def _is_prose(text: str) -> bool:
    """Whether an indented block is a paragraph that its author indented, as Chinese prose is."""
    return len(_HAN.findall(text)) * 2 > len(text) and not _CODE_SIGN.search(text)


# HTML blocks


_PRE = re.compile(
    r"<pre\b([^>]{0,500})>(?:\s{0,20}<code\b([^>]{0,500})>)?\n?(.*?)(?:</code>\s*)?</pre>",
    re.I | re.S,
)
_HTML_HEADING = re.compile(r"\s*<h([1-6])\b[^>]{0,500}>(.*?)</h\1>", re.I | re.S)
_HIDDEN = re.compile(r"\s*<(?:script|style)\b", re.I)


def _from_html(text: str, line: int) -> Iterator[_Piece]:
    """What an HTML block shows: headings, code in `<pre>`, other text; comments show nothing."""
    if _HIDDEN.match(text) or (text.lstrip().startswith("<!--") and _closed_comment(text)):
        return
    if heading := _HTML_HEADING.match(text):
        last = line + text.count("\n", 0, heading.end())
        yield _Heading(plain(heading[2]).strip(), int(heading[1]), line, last)
        line, text = last, text[heading.end() :]
    at = 0
    # What is never closed is not looked for: that would be tried again for each `<pre>`.
    closed = text.lower().rfind("</pre>") + len("</pre>")
    for match in _PRE.finditer(text, 0, closed) if closed >= len("</pre>") else ():
        yield from _html(text[at : match.start()], line)
        line += text.count("\n", at, match.start())
        code = match[3].strip("\n")
        end = line + match[0].count("\n")
        named = re.search(r"(?:lang(?:uage)?-|brush:\s*)([\w+#-]+)", f"{match[1]} {match[2]}")
        if code.strip():
            yield Block("code", code, line, end, named[1].lower() if named else "")
        line, at = end, match.end()
    yield from _html(text[at:], line)


def _closed_comment(text: str) -> bool:
    return text.rstrip().endswith("-->") and text.count("<!--") == text.count("-->") == 1


def _html(text: str, line: int) -> Iterator[Block]:
    line += len(text) - len(text.lstrip("\n"))
    text = text.strip("\n")
    if text.strip():
        kind: BlockKind = "image" if _ONLY_IMAGES.match(text[:5000].strip()) else "html"
        yield Block(kind, text, line, line + text.count("\n"))


def _with_lost(
    pieces: list[_Piece], lines: list[str], offset: int, noise: set[int]
) -> list[_Piece]:
    """The pieces with every line that none of them holds as a paragraph of its own."""
    held = bytearray(len(lines) + 2)
    for piece in pieces:
        held[piece.line : piece.end + 1] = b"\1" * (piece.end + 1 - piece.line)
    for number in noise:
        held[number + offset + 1] = 1
    lost: list[_Piece] = []
    start = 0
    for number in range(offset + 1, len(lines) + 2):
        text = lines[number - 1] if number <= len(lines) else ""
        if not held[number] and text.strip() and not _NOTHING.match(text):
            start = start or number
        elif start:
            kept = "\n".join(lines[start - 1 : number - 1])
            if not _hides(kept):
                lost.append(Block("paragraph", kept.strip(), start, number - 1))
            start = 0
    return sorted((*pieces, *lost), key=lambda piece: piece.line) if lost else pieces


# Marks without words: rules, list and quote markers, empty headings, the mark of a fence.
_NOTHING = re.compile(r"[\s>*+\-_=#`~|.:\d)]*\Z|\s*(?:!!!|\?\?\?\+?)\s")


def _hides(text: str) -> bool:
    text = text.strip()
    return (text.startswith("<!--") and text.endswith("-->")) or bool(_HIDDEN.match(text))


# Sections


_OWN_ANCHOR = re.compile(r"\{:?\s{0,9}#([\w.:-]+)[^{}]*\}\s*\Z")


def _sections(pieces: list[_Piece]) -> tuple[Section, ...]:
    sections: list[Section] = []
    taken: dict[str, int] = {}
    above: list[tuple[int, str, str]] = []
    heading, blocks = _Heading("", 0, 1, 1), list[Block]()
    anchor, parents = "", tuple[str, ...]()

    def close() -> None:
        if blocks or heading.level:
            sections.append(
                Section(heading.text, heading.level, anchor, heading.line, parents, tuple(blocks))
            )

    for piece in pieces:
        if isinstance(piece, Block):
            blocks.append(piece)
            continue
        own = _OWN_ANCHOR.match(piece.text, max(0, piece.text.rfind("{")))
        text = plain(piece.text[: own.start()] if own else piece.text).strip()
        if not text:
            continue
        close()
        while above and above[-1][0] >= piece.level:
            above.pop()
        parents = tuple(name for _, name, _ in above)
        parent = above[-1][2] if above else ""
        anchor = _anchor(own[1] if own else _slug(text), parent, taken)
        above.append((piece.level, text, anchor))
        heading, blocks = _Heading(text, piece.level, piece.line, piece.end), []
    close()
    return tuple(sections)


def _slug(text: str) -> str:
    """A heading as GitHub makes its anchor: letters and digits of any script, blanks as dashes."""
    kept = re.sub(r"[^\w\- ]", "", text.lower()[:200]).strip().replace(" ", "-")
    return kept or "section"


def _anchor(slug: str, parent: str, taken: dict[str, int]) -> str:
    """The slug, else with that of the heading above, else numbered: unique in the post.

    `L` and digits are the anchors of blocks. `taken` counts how often a slug was asked for.
    """
    if re.fullmatch(r"[Ll]\d+", slug):
        slug = f"section-{slug}"
    choice = slug
    if choice in taken and parent:
        choice = f"{parent}-{slug}"[:400]
    while choice in taken:
        taken[slug] = taken.get(slug, 1) + 1
        choice = f"{slug}-{taken[slug]}"
    taken[choice] = 1
    return choice


# Header values


def _title(values: Mapping[str, Any], sections: tuple[Section, ...], path: str) -> str:
    title = next(strings(values.get("title")), "")
    title = re.sub(r"\.(?:md|markdown|mdx)$", "", title, flags=re.I)
    if title and "{{" not in title:
        return " ".join(plain(title).split())
    first = next((section.heading for section in sections if section.level == 1), "")
    # `# 参考` at the end of a post is a part of it, not its name.
    if first and not names_a_part(first):
        return first
    return _file_title(path)


def _file_title(path: str) -> str:
    *folders, name = path.split("/")
    stem = re.sub(r"(?:\.(?:md|markdown|mdx))+$", "", name, flags=re.I).strip()
    if stem.lower() in ("index", "_index", "readme") and folders:
        stem = folders[-1]
    return re.sub(r"^\d{4}-\d{1,2}-\d{1,2}[-_ ]+(?=.)", "", stem)


def _language(title: str, sections: tuple[Section, ...]) -> str:
    prose = [title]
    for section in sections:
        prose.append(section.heading)
        prose += [plain(b.text[:2000]) for b in section.blocks if b.kind not in ("code", "html")]
    return language_of("\n".join(prose))
