"""The header of a post: YAML, TOML or JSON, Hexo's and Pelican's bare lines, or none."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from email.utils import parsedate
from typing import Any

import yaml

# All scalars stay strings: `2024-03-39` is no error, `- 2019` a tag, `on` a word.
_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

_KNOWN = frozenset([
    "title", "date", "tags", "tag", "categories", "category", "keywords", "layout", "author",
    "draft", "published", "slug", "summary", "description", "permalink", "url", "created",
    "createtime", "updated", "modified", "excerpt", "toc", "comments",
])  # fmt: skip
_KEY = re.compile(r"([A-Za-z_][\w .\-]{0,40}?|[\u4e00-\u9fff]{1,8})[ \t]*[:：](?=\s|$|[^/\s])")
_DASHES = re.compile(r"-{3,}[ \t]*\Z")
_END = re.compile(r"(?:-{3,}|\.{3})[ \t]*\Z")
_LONGEST = 400
_MOST_HEADERS = 5
# A longer header is read line by line: TOML's reader takes the square of its time.
_MOST_READ = 10_000


@dataclass(frozen=True, slots=True)
class Header:
    """A post's header: how many lines it takes, its values, and what could not be read of it."""

    lines: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    rest: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()


def read_header(lines: Sequence[str]) -> Header:
    """The header at the start of a post's lines; keys are in lower case, scalars are strings."""
    start = 0
    while start < len(lines) and not lines[start].strip():
        start += 1
    header = _first(lines, start)
    for _ in range(_MOST_HEADERS if header.lines else 0):
        again = _repeated(lines, header.lines)
        if again is None:
            break
        values = header.values
        other = {key: value for key, value in again.values.items() if values.get(key) != value}
        hidden = [text for key in other if key in values for text in strings(other[key])]
        header = Header(
            again.lines,
            {**other, **values},
            (*header.rest, *hidden, *again.rest),
            (*header.repairs, "header given twice", *again.repairs),
        )
    # A comment of YAML is a heading of Markdown to a writer who forgot the blank line.
    comments = (line.lstrip("# ").rstrip() for line in lines[: header.lines] if line[:1] == "#")
    new = tuple(text for text in comments if text and text not in header.rest)
    return replace(header, rest=(*header.rest, *new))


def _first(lines: Sequence[str], start: int) -> Header:
    if start >= len(lines):
        return Header()
    first = lines[start].rstrip()
    if _DASHES.match(first):
        return _between_dashes(lines, start)
    if re.fullmatch(r"\+{3,}", first):
        return _fenced(lines, start, first, _read_toml)
    if first == ";;;":
        return _fenced(lines, start, first, _read_json)
    if first == "{":
        return _bare_json(lines, start)
    if first == "<!--":
        return _in_comment(lines, start)
    if _known(first):
        return _bare(lines, start)
    return Header()


def _repeated(lines: Sequence[str], start: int) -> Header | None:
    while start < len(lines) and not lines[start].strip():
        start += 1
    if start >= len(lines) or not _DASHES.match(lines[start].rstrip()):
        return None
    end = _closing(lines, start + 1)
    if end is None or not any(_known(line) for line in lines[start + 1 : end]):
        return None
    if not all(_header_like(line) for line in lines[start + 1 : end]):
        return None
    return _read_yaml(lines[start + 1 : end], end + 1)


def _known(line: str) -> bool:
    match = _KEY.match(line)
    return match is not None and match[1].strip().lower() in _KNOWN


def _header_like(line: str) -> bool:
    return not line.strip() or bool(_KEY.match(line)) or line[0] in " \t-#"


def _closing(lines: Sequence[str], start: int) -> int | None:
    for number in range(start, min(len(lines), start + _LONGEST)):
        if _END.match(lines[number].rstrip()):
            return number
    return None


def _between_dashes(lines: Sequence[str], start: int) -> Header:
    end = _closing(lines, start + 1)
    inside = lines[start + 1 : end] if end is not None else ()
    if end is not None and (not any(map(str.strip, inside)) or any(map(_KEY.match, inside))):
        return _read_yaml(inside, end + 1)
    if end is not None or start + 1 >= len(lines) or not _known(lines[start + 1]):
        return Header()
    end = start + 1
    while end < len(lines) and lines[end].strip() and _header_like(lines[end]):
        end += 1
    read = _read_yaml(lines[start + 1 : end], end)
    repairs = ("header is never closed", *read.repairs)
    return Header(read.lines, read.values, read.rest, repairs)


def _fenced(lines: Sequence[str], start: int, fence: str, read: Any) -> Header:
    for end in range(start + 1, min(len(lines), start + _LONGEST)):
        if lines[end].rstrip() == fence:
            inside = lines[start + 1 : end]
            try:
                text = "\n".join(inside)
                if len(text) > _MOST_READ:
                    raise ValueError("too long")
                return Header(end + 1, _lowered(read(text)))
            except (ValueError, RecursionError) as error:
                return _by_line(inside, end + 1, f"header is broken ({_short(error)})")
    return Header()


def _read_toml(text: str) -> Any:
    return tomllib.loads(text)


def _read_json(text: str) -> Any:
    text = text.strip()
    return json.loads(text if text.startswith("{") else "{" + text + "}")


def _bare_json(lines: Sequence[str], start: int) -> Header:
    text = "\n".join(lines[start : start + _LONGEST])
    try:
        values, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return Header()
    if not any(str(key).lower() in _KNOWN for key in values):
        return Header()
    return Header(start + text.count("\n", 0, end) + 1, _lowered(values))


def _in_comment(lines: Sequence[str], start: int) -> Header:
    for end in range(start + 1, min(len(lines), start + 40)):
        if lines[end].strip() == "-->":
            inside = lines[start + 1 : end]
            if any(map(_known, inside)) and all(map(_header_like, inside)):
                return _read_yaml(inside, end + 1)
            break
    return Header()


def _bare(lines: Sequence[str], start: int) -> Header:
    """Hexo's YAML with only a closing line, or Pelican's lines up to the first empty one."""
    end = _closing(lines, start)
    if end is not None and all(_header_like(line) for line in lines[start:end]):
        return _read_yaml(lines[start:end], end + 1)
    end = start
    while end < len(lines) and lines[end].strip():
        if not (_KEY.match(lines[end]) or lines[end][0] in " \t"):
            return Header()
        end += 1
    return _by_line(lines[start:end], end, None)


# Reading


def _read_yaml(lines: Sequence[str], end: int) -> Header:
    text = "\n".join(lines)
    twice = _twice(lines)
    repairs = [f"key {key!r} given twice" for key in twice]
    lost = tuple(twice.values())
    try:
        values = yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # As Hexo reads it: tabs before list items stand for blanks.
        mended = "\n".join(re.sub(r"^[ \t]*\t[ \t]*", _blanks, line).rstrip() for line in lines)
        reason = f"header is broken YAML ({_short(error)})"
        try:
            values = yaml.load(mended, _Loader)
            repairs.append("tabs in the header read as blanks")
        except (yaml.YAMLError, ValueError, RecursionError):
            return _by_line(lines, end, reason, repairs)
    if values is None or values == "":
        return Header(end, {}, (), tuple(repairs))
    if not isinstance(values, dict):
        return _by_line(lines, end, "header is not `key: value`", repairs)
    return Header(end, _lowered(values), lost, tuple(repairs))


def _blanks(match: re.Match[str]) -> str:
    return match[0].replace("\t", "  ")


def _twice(lines: Sequence[str]) -> dict[str, str]:
    """Top-level keys that stand twice, with the value that the later one hides."""
    seen: dict[str, str] = {}
    twice = {}
    for line in lines:
        if match := _KEY.match(line):
            key = match[1].strip()
            if key in seen:
                twice[key] = seen[key]
            seen[key] = line[match.end() :].strip()
    return twice


def _by_line(
    lines: Sequence[str], end: int, reason: str | None, repairs: Sequence[str] = ()
) -> Header:
    """What can be read line by line; words that belong to no key are kept as the rest."""
    values: dict[str, Any] = {}
    rest: list[str] = []
    key = ""
    for line in lines:
        match = _KEY.match(line)
        item = re.match(r"\s*-\s+(.*)", line)
        if match:
            key = match[1].strip().lower()
            rest.extend(strings(values.get(key)))
            values[key] = _unquoted(line[match.end() :].strip())
        elif item and key and not values[key]:
            values[key] = [_unquoted(item[1].strip())]
        elif item and key and isinstance(values[key], list):
            values[key].append(_unquoted(item[1].strip()))
        elif line[:1] in (" ", "\t") and key and isinstance(values[key], str):
            values[key] = f"{values[key]} {line.strip()}".strip()
        elif line.strip():
            rest.append(line.strip())
    told = (*repairs, *([f"{reason}, read line by line"] if reason else ()))
    return Header(end, values, tuple(rest), told)


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _lowered(values: dict[Any, Any]) -> dict[str, Any]:
    """Keys in lower case; the first of two that then are alike stays."""
    lowered: dict[str, Any] = {}
    for key, value in values.items():
        lowered.setdefault(str(key).strip().lower(), value)
    return lowered


def _short(error: Exception) -> str:
    problem = getattr(error, "problem", None) or str(error)
    return " ".join(str(problem).split())[:80]


# Values


def strings(value: Any, most: int = 2000) -> Iterator[str]:
    """The strings and numbers in a value, however nested; at most so many."""
    waiting = [value]
    while waiting and most > 0:
        most -= 1
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(reversed(list(item.values())[:most]))
        elif isinstance(item, (list, tuple)):
            waiting.extend(reversed(item[:most]))
        elif not isinstance(item, bool) and (text := _scalar(item)):
            yield text


def _scalar(value: Any) -> str:
    """A value as text; nothing of one that holds others, or is a number too long to be told."""
    if value is None or isinstance(value, dict | list | tuple):
        return ""
    try:
        return str(value).strip()
    except ValueError:
        return ""


_DAY = re.compile(r"\s*(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})")
_DATE_KEYS = ("date", "createtime", "created", "create_time", "publishdate", "published",
              "pubdate", "createdate", "created_at", "time", "lastmod", "updated")  # fmt: skip


def date_of(values: Mapping[str, Any], path: str) -> tuple[str | None, str | None]:
    """The date of a post as YYYY-MM-DD, and the text of one that does not exist."""
    wrong = None
    for key in _DATE_KEYS:
        for text in strings(values.get(key)):
            if (found := _day(text)) is not None:
                return found, wrong
            if re.search(r"\d{4}", text):
                wrong = wrong or text
    return _day(path.rsplit("/", 1)[-1]), wrong


def _day(text: str) -> str | None:
    if match := _DAY.match(text):
        year, month, day = map(int, match.groups())
    elif parsed := parsedate(text):
        year, month, day = parsed[:3]
    else:
        return None
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


_TAG_KEYS = ("tags", "tag", "keywords", "keyword", "categories", "category")


def tags_of(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Tags, keywords and categories, each once."""
    found: dict[str, str] = {}
    for key in _TAG_KEYS:
        value = values.get(key)
        for text in strings(value, 200):
            for tag in _split_tags(text) if isinstance(value, str) else (text,):
                tag = tag.strip().strip("#\"'[]").strip()
                if tag and tag.lower() not in ("null", "~", "none") and len(tag) <= 80:
                    found.setdefault(tag.lower(), tag)
    return tuple(found.values())


def _split_tags(text: str) -> list[str]:
    """Tags in one string: between commas, else between blanks."""
    if re.search(r"[,，、;；]", text):
        return re.split(r"[,，、;；]", text)
    return text.split() if len(text) < 200 else []


def link_of(values: Mapping[str, Any]) -> str | None:
    """The address of the post on its owner's site."""
    for key in ("url", "permalink"):
        text = values.get(key)
        if isinstance(text, str) and re.match(r"https?://[^\s<>\"']+\Z|/[^\s<>\"':]*\Z", text):
            return text
    return None


def is_draft(values: Mapping[str, Any]) -> bool:
    """Whether the header keeps the post from being published."""

    def said(key: str) -> str:
        return _scalar(values.get(key)).lower()

    return said("draft") in ("true", "yes", "on", "1") or said("published") in (
        "false",
        "no",
        "off",
    )


# Keys whose values steer a site and say nothing about the post.
_STEERING = frozenset([
    "layout", "type", "toc", "comments", "comment", "cover", "img", "image", "images",
    "thumbnail", "banner", "author", "authors", "top", "mathjax", "katex", "math", "sticky",
    "weight", "id", "uuid", "guid", "password", "updated", "lastmod", "abbrlink", "sidebar",
    "index", "copyright", "hide", "hidden", "pin", "pinned", "draft", "published", "lang",
    "language", "locale", "permalink", "url", "slug", "date", "title", "typora-root-url",
    "typora-copy-images-to", "header-img", "catalog", "order", "icon", "nav_order", "parent",
    "has_children", "reprint", "music", "readingtime", "wordcount", "cid", "mermaid", "share",
    "donate", "license",
]) | {*_DATE_KEYS, *_TAG_KEYS}  # fmt: skip
_MOST_EXTRA = 20_000


# Where catalogues of errors keep the message that a post is about.
_ERROR_KEYS = ("error", "errors", "message", "error_message", "original", "exception", "symptom")


def errors_of(header: Header) -> tuple[str, ...]:
    """The error messages that a header names; they are part of `extra_of` too."""
    return tuple(text[:2000] for key in _ERROR_KEYS for text in strings(header.values.get(key), 20))


def extra_of(header: Header) -> tuple[str, ...]:
    """What the header says beyond title, date and tags, and what of it could not be read."""
    found = [
        text
        for key, value in header.values.items()
        if key not in _STEERING
        for text in strings(value)
    ]
    room = _MOST_EXTRA
    kept = []
    for text in (*found, *header.rest):
        if not re.fullmatch(r"[\d\s.:/-]*|true|false|null|~|yes|no", text, re.I) and room > 0:
            kept.append(text[:room])
            room -= len(text)
    return tuple(kept)
