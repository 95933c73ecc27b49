"""Problem: one trouble told in a post, with its blocks by role."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from indexer.posts.posts import Block, Post, Section
from indexer.posts.roles import Role, cue_roles, heading_role, label_of
from indexer.text.pasted import may_name, read_pasted


@dataclass(frozen=True, slots=True)
class Part:
    """A block of a problem with its role; `told` says how much the post itself said so.

    `told` is 2 where a heading or a label names the role, 1 where a lead-in or a cue in the
    sentence does, 0 where it was judged by the look of the block.
    """

    block: Block
    role: Role | None
    told: int
    heading: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One trouble told in a post; `parts` stand in the order of the post.

    `honest` names the parts that can honestly be called a fix, or answer where there is none, with
    what speaks for them whatever is asked; None where nobody looked yet.
    """

    title: str
    anchor: str
    line: int
    headings: tuple[str, ...]
    parts: tuple[Part, ...] = field(repr=False)
    honest: tuple[tuple[int, float], ...] | None = field(default=None, repr=False)

    def of(self, *roles: Role | None) -> Iterator[Part]:
        """The parts that have one of these roles."""
        return (part for part in self.parts if part.role in roles)


def find_problems(post: Post) -> tuple[Problem, ...]:
    """The problems a post tells, at least one: what belongs to none is told as the post's own.

    Every block of the post stands in exactly one of them.
    """
    post = replace(post, sections=tuple(_entries(post.sections)))
    roles = _section_roles(post.sections)
    starts = _problem_starts(post, roles)
    problems = []
    rest: list[int] = []
    at = 0
    while at < len(post.sections):
        if at not in starts:
            rest.append(at)
            at += 1
            continue
        end = _problem_end(post.sections, at, starts)
        problems.append(_problem(post, list(range(at, end)), post.sections[at]))
        at = end
    if rest or not problems:
        whole = _problem(post, rest, None)
        if whole.parts or whole.headings or not problems:
            problems.insert(0, whole)
    return tuple(problems)


# Sections


# `Error Number: 8001`, `错误码：1062`, `ORA-00942` begin an entry of a list of errors.
_NAMED_BY_CODE = re.compile(
    r"(?:(?:error|err|status|exit)[ _-]?(?:number|no\.?|code|id)?"
    r"|错误码|错误代码|错误号|錯誤碼|錯誤代碼|代码|状态码)"
    r"\s*[:：#]?\s*[A-Z]*-?\d{2,6}\b|[A-Z]{2,6}-?\d{3,6}\b",
    re.I,
)
_MARK = re.compile(r"\s*(?:[-*+]|\d{1,3}[.)、])\s+")
_ENTRIES = 3
_NAME = 120


def _entries(sections: Sequence[Section]) -> Iterator[Section]:
    """The sections, a list of errors with their remedies cut into one section per error."""
    for section in sections:
        names = {
            number: name
            for number, block in enumerate(section.blocks)
            if block.kind == "item" and (name := _entry_name(block.text))
        }
        told = [n for n in names if n + 1 < len(section.blocks) and n + 1 not in names]
        if len(told) < _ENTRIES or len(told) * 2 < len(names):
            yield section
            continue
        edges = [*names, len(section.blocks)]
        yield replace(section, blocks=section.blocks[: edges[0]])
        above = (*section.above, section.heading)
        level = section.level + 1 if section.level else 7
        for start, end in itertools.pairwise(edges):
            blocks = section.blocks[start:end]
            yield Section(names[start], level, section.anchor, blocks[0].line, above, blocks)


def _entry_name(text: str) -> str | None:
    """What an item names, where it names an error by its code and says no more."""
    name = _MARK.sub("", text, count=1).strip("*_` \n")
    return name if len(name) <= _NAME and _NAMED_BY_CODE.match(name) else None


def _section_roles(sections: Sequence[Section]) -> list[Role | None]:
    """The role of each section: what its heading says, else what the heading above it says."""
    roles: list[Role | None] = []
    above: list[tuple[int, Role | None]] = []
    for number, section in enumerate(sections):
        while above and above[-1][0] >= section.level:
            above.pop()
        role = None if _collects(sections, number) else heading_role(section.heading)
        if role is None and above and not _NAMED_BY_CODE.match(section.heading):
            role = above[-1][1]
        roles.append(role)
        above.append((section.level, role))
    return roles


def _collects(sections: Sequence[Section], number: int) -> bool:
    """Whether a heading is that of a collection: under `# 故障排查` stand troubles, one by one."""
    if not _COLLECTION.search(sections[number].heading):
        return False
    below = sections[number + 1 : _subtree_end(sections, number)]
    level = min((section.level for section in below), default=0)
    entries = [section.heading for section in below if section.level == level]
    return len(entries) >= _ENTRIES and not any(map(heading_role, entries))


def _subtree_end(sections: Sequence[Section], start: int) -> int:
    end = start + 1
    while end < len(sections) and sections[end].level > sections[start].level:
        end += 1
    return end


# What a section beside a problem tells of it: `# 问题：…` is followed by `# 解决方法`.
_OF_THE_ONE_BEFORE = (Role.CAUSE, Role.FAILING, Role.FIX, Role.CHECK)


def _problem_end(sections: Sequence[Section], start: int, starts: set[int]) -> int:
    """Where the sections end that tell a problem: its own, and its fix where that stands beside."""
    end = _subtree_end(sections, start)
    while (
        end < len(sections)
        and end not in starts
        and sections[end].level == sections[start].level
        and heading_role(sections[end].heading) in _OF_THE_ONE_BEFORE
    ):
        end = _subtree_end(sections, end)
    return end


_QUESTION = re.compile(
    r"[?？]\s*$|^(?:how|why|what|when|where|can|is|does|do)\b|^(?:如何|为什么|為什麼|怎么|怎麼|怎样|怎樣)",
    re.I,
)
_NUMBERED = re.compile(
    r"^\s*(?:问题|問題|報錯|报错|错误|錯誤|故障|现象|坑|q|question|issue|problem|error|bug)"
    r"\s*(?:[0-9一二三四五六七八九十]+|[:：]\s*\S)",
    re.I,
)
# Titles of collections: 常见问题, 踩坑记录, FAQ.
_COLLECTION = re.compile(
    r"常[见見用]?(?:的)?(?:问题|問題|错误|錯誤|报错)|经常遇到|(?:问题|問題|错误|錯誤|报错|踩坑|坑|排错|故障|疑难)(?:的)?"
    r"(?:记录|紀錄|記錄|汇总|彙整|集合|集锦|合集|总结|整理|集|录|篇)|踩坑|踩雷|(?:故障|问题)(?:排查|诊断|处理)|FAQ|Q&A|troubleshooting"
    r"|(?:common|known) (?:issues|errors|problems)|gotchas|pitfalls",
    re.I,
)


def _problem_starts(post: Post, roles: list[Role | None]) -> set[int]:
    """The sections that each tell a problem of their own: two or more siblings, or none.

    Where most of three and more siblings do, or one does and the title is that of a collection,
    the others do too.
    """
    by_parent: dict[tuple[int, tuple[str, ...]], list[int]] = {}
    for number, section in enumerate(post.sections):
        if section.level:
            by_parent.setdefault((section.level, section.above), []).append(number)
    starts: set[int] = set()
    for siblings in sorted(by_parent.values(), key=lambda found: found[0]):
        telling = [number for number in siblings if _tells_problem(post, roles, number)]
        above = post.sections[siblings[0]].above
        collected = len(siblings) >= _ENTRIES and bool(
            _COLLECTION.search(next((name for name in reversed(above) if name), post.title))
        )
        if len(telling) < (1 if collected else 2):
            continue
        if collected or (len(telling) >= _ENTRIES and len(telling) * 2 > len(siblings)):
            telling = [n for n in siblings if n in telling or _may_tell(post, roles, n)]
        if not any(start <= telling[0] < _subtree_end(post.sections, start) for start in starts):
            starts.update(telling)
    return starts


def _may_tell(post: Post, roles: list[Role | None], number: int) -> bool:
    """Whether nothing speaks against a section's telling a problem, none under it tells one."""
    if heading_role(post.sections[number].heading) not in (None, Role.PROBLEM, Role.ERROR):
        return False
    below = range(number + 1, _subtree_end(post.sections, number))
    return not any(_tells_problem(post, roles, inner) for inner in below)


def _tells_problem(post: Post, roles: list[Role | None], number: int) -> bool:
    section = post.sections[number]
    named = bool(_NUMBERED.match(section.heading) or _NAMED_BY_CODE.match(section.heading))
    own = heading_role(section.heading)
    if own not in (None, Role.PROBLEM, Role.ERROR) or (own is not None and not named):
        return False
    if roles[number] not in (None, Role.PROBLEM, Role.ERROR):
        return False
    end = _subtree_end(post.sections, number)
    below = [post.sections[i].heading for i in range(number + 1, end)]
    if sum(bool(_NAMED_BY_CODE.match(heading)) for heading in below) >= _ENTRIES:
        # A list of errors tells none of its own.
        return False
    if any(roles[i] is Role.FIX for i in range(number + 1, end)):
        return True
    blocks = [block for i in range(number, end) for block in post.sections[i].blocks]
    if not blocks:
        return False
    heading = section.heading
    looks = named or bool(_QUESTION.search(heading)) or bool(read_pasted(heading).errors)
    return looks or any(_labels_fix(post.sections[i]) for i in range(number, end))


# Parts


def _problem(post: Post, numbers: list[int], start: Section | None) -> Problem:
    sections = [post.sections[number] for number in numbers]
    # The heading of a problem names it; it says nothing of what each block below is for.
    roles = _section_roles(sections) if start is None else [None, *_section_roles(sections[1:])]
    if Role.FIX not in roles and not any(map(_labels_fix, sections)):
        # Under `# 报错` alone stands all there is, the fix too.
        roles = [None if role in (Role.ERROR, Role.PROBLEM) else role for role in roles]
    parts: list[Part] = []
    if start is None:
        named = (Block("paragraph", text, 1, 1) for text in post.errors)
        parts.extend(Part(block, Role.ERROR, 2, "", "") for block in named)
    for section, role in zip(sections, roles, strict=True):
        parts.extend(_parts(section, role))
    first = sections[0] if sections else None
    return Problem(
        title=start.heading if start else post.title,
        anchor=start.anchor if start else "",
        line=start.line if start else (first.line if first else 1),
        headings=tuple(section.heading for section in sections if section.heading),
        parts=tuple(parts),
    )


def _labels_fix(section: Section) -> bool:
    return any(
        (label := label_of(block.text)) is not None and label.role is Role.FIX
        for block in section.blocks
        if block.kind in ("paragraph", "item", "quote")
    )


def _parts(section: Section, role: Role | None) -> Iterator[Part]:
    """The blocks of a section by role: a label rules until the next, a lead-in the next block."""
    above = role, 2 if role is not None else 0
    ruling, strength = above
    lead: Role | None = None
    for block in section.blocks:
        if block.kind in ("code", "table", "image"):
            yield _make(section, block, *_code_role(block, ruling, strength, lead))
            if ruling in _ONE_BLOCK:
                ruling, strength = above
            continue
        label = label_of(block.text)
        if label is not None:
            ruling, strength, lead = label.role, 2, None
            yield _make(section, block, ruling, 2)
            if ruling in _SAID_AT_ONCE and label.end < len(block.text.rstrip()):
                ruling, strength = above
            continue
        if _is_error_message(block):
            yield _make(section, block, Role.ERROR, 1)
            continue
        cues = cue_roles(block.text) if len(block.text) < 1000 else {}
        said = max(cues, key=lambda r: cues[r], default=None)
        lead = said if _leads(block.text) or said in (Role.FIX, Role.FAILING, Role.ERROR) else None
        if lead is Role.FIX and _leads(block.text) and ruling is not Role.FIX:
            # `可以通过以下方式绕过：` ends the causes told before it.
            ruling, strength = Role.FIX, 1
        if ruling is not None:
            yield _make(section, block, ruling, strength)
            if ruling in _ONE_BLOCK:
                ruling, strength = above
        elif said is not None and said is not Role.FAILING:
            yield _make(section, block, said, 1)
        else:
            yield _make(section, block, None, 0)


# A label for these is about the next block, not about all that follows.
_ONE_BLOCK = (Role.FAILING, Role.ERROR)
# What follows such a label on its line is all that it is about: `错误码：8123`.
_SAID_AT_ONCE = (Role.CAUSE, Role.ERROR, Role.ENVIRONMENT)


def _is_error_message(block: Block) -> bool:
    """Whether a quote or a paragraph is the message itself, not a sentence about it."""
    if len(block.text) > 1500 or not may_name(block.text):
        return False
    found = read_pasted(block.text)
    return bool(found.exceptions) and any(
        block.text.lstrip("> \"'`*").startswith(name) for name in found.exceptions
    )


def _leads(text: str) -> bool:
    return text.rstrip().endswith((":", "："))


def _code_role(
    block: Block, ruling: Role | None, strength: int, lead: Role | None
) -> tuple[Role | None, int]:
    """Output that tells of an error is an error wherever it stands."""
    if (
        block.kind == "code"
        and (found := read_pasted(block.text)).output
        and (lead is not Role.FIX or found.exceptions or found.codes or found.told)
    ):
        return Role.ERROR, 0 if ruling is not Role.ERROR else strength
    if lead is Role.FIX and ruling in (Role.PROBLEM, Role.CAUSE, Role.CHECK):
        return lead, 1
    if lead in (Role.ERROR, Role.FAILING, Role.CAUSE, Role.CHECK) and ruling is not Role.FIX:
        return lead, 1
    if ruling is not None:
        return ruling, strength
    return lead, 1 if lead is not None else 0


def _make(section: Section, block: Block, role: Role | None, told: int) -> Part:
    return Part(block, role, told, section.heading, section.anchor)
