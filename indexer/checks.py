"""Checks: the posts that will not answer, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from indexer.index.rebuild import Progress
from indexer.knowledge_base import KnowledgeBase
from indexer.posts.plain import plain
from indexer.posts.problems import Problem
from indexer.posts.roles import Role, heading_role
from indexer.search.confidence import ANSWER
from indexer.search.generation import Generation
from indexer.text.pasted import read_pasted

Kind = Literal["title", "same title", "error line", "unsure", "no fix", "empty fix", "repaired"]

# A post is found by its own words where it stands among so many; by its error line, among these.
_FOUND, _FOUND_BY_ERROR = 10, 3


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that keeps a post from answering, where it stands (line 0: the whole post)."""

    path: str
    line: int
    kind: Kind
    reason: str


@dataclass(frozen=True, slots=True)
class Checked:
    """How many posts were looked at, and what was found, in the order of the posts."""

    posts: int
    findings: tuple[Finding, ...]


def check(knowledge_base: KnowledgeBase, progress: Progress | None = None) -> Checked:
    """Asks for every post by its title and by its error lines; says which do not answer, and why.

    Every post is asked for at least once, so the time grows with the square of their number.
    """
    generation = knowledge_base.generation()
    findings: list[Finding] = []
    first_problem = 0
    for number, entry in enumerate(generation.entries):
        findings += _title_findings(generation, number)
        findings += [
            Finding(entry.path, _line_of(reason), "repaired", reason) for reason in entry.repairs
        ]
        for problem in range(first_problem, first_problem + entry.problems):
            findings += _problem_findings(generation, number, problem)
        first_problem += entry.problems
        if progress:
            progress(number + 1, len(generation.entries))
    return Checked(len(generation.entries), tuple(findings))


def _title_findings(generation: Generation, number: int) -> Iterator[Finding]:
    entry = generation.entries[number]
    same = generation.titled[generation.folded_titles[number]]
    others = [generation.entries[i].path for i in same if i != number]
    if others:
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        yield Finding(
            entry.path, 0, "same title", f"“{entry.title}” is also the title of {others[0]}{more}"
        )
        return
    asked, _ = generation.read(entry.title)
    best = generation.judge(asked).ranked.problems[:_FOUND]
    if number not in generation.post_of[best]:
        yield Finding(
            entry.path, 0, "title", f"not among the first {_FOUND} for its title “{entry.title}”"
        )


def _problem_findings(generation: Generation, number: int, problem: int) -> Iterator[Finding]:
    told = generation.problem(problem)
    path = generation.entries[number].path
    if (empty := empty_fix(told)) is not None:
        yield Finding(path, told.line, "empty fix", f"nothing stands under “{empty}”")
    found = error_line(told)
    if found is None:
        return
    line, text = found
    shown = text if len(text) <= 80 else text[:79] + "…"
    asked, _ = generation.read(text)
    judged = generation.judge(asked)
    posts = generation.post_of[judged.ranked.problems[:_FOUND_BY_ERROR]]
    if number not in posts:
        first = generation.entries[int(posts[0])].path if len(posts) else "no post"
        yield Finding(path, line, "error line", f"“{shown}” finds {first} before it")
    elif posts[0] == number and (sure := generation.confidence(asked, judged)) < ANSWER:
        yield Finding(
            path,
            line,
            "unsure",
            f"“{shown}” finds it, but only {sure:.0%} sure: no answer is shown",
        )
    if not generation.has_fix(problem):
        yield Finding(path, line, "no fix", f"tells “{shown}” and no fix that can be recognised")


def empty_fix(problem: Problem) -> str | None:
    """The heading that promises a fix where nothing in the problem stands under one, or None."""
    if any(part.role is Role.FIX and part.told == 2 for part in problem.parts):
        return None
    return next((one for one in problem.headings if heading_role(one) is Role.FIX), None)


_IN_LINE = re.compile(r"\bin line (\d+)\b")


def _line_of(repair: str) -> int:
    """The line that a repair names, or 0."""
    found = _IN_LINE.search(repair)
    return int(found[1]) if found else 0


def error_line(problem: Problem) -> tuple[int, str] | None:
    """The line that says what went wrong, with its place in the file, or None."""
    for part in problem.of(Role.ERROR):
        code = part.block.kind == "code"
        found = read_pasted(part.block.text if code else plain(part.block.text))
        if found.errors and (code or found.exceptions or found.codes):
            return part.block.line, found.errors[0]
    return None
