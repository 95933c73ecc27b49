"""Told: what a problem tells beside its fix: error, cause, the code that fails, the check."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from indexer.fixes.commands import only_look
from indexer.posts.plain import plain
from indexer.posts.problems import Part, Problem
from indexer.posts.roles import Role, cue_roles, label_of
from indexer.text.analyzer import overlap
from indexer.text.pasted import read_pasted

Told = Literal["cause", "failing", "code", "error", "check"]

# What a text is compared by: Latin words, characters of other scripts, signs.
UNIT = re.compile(r"[A-Za-z0-9_]+|[^\W\d_]|[^\s\w]")
_FEW_LINES, _FEW_LETTERS, _MANY_LINES = 4, 2000, 400
# Code that fails stands near the code that does not.
_NEXT_CODES = 5
# A longer paragraph is no sentence about one thing; a shorter one explains nothing.
_A_PARAGRAPH, _TELLING = 800, 15
# What holds all that was said in asking is sooner meant, by so much.
_ABOUT = 1.0


def find_told(
    problem: Problem,
    what: Told,
    shown: Sequence[int] = (),
    about: Mapping[str, float] = MappingProxyType({}),
) -> Part | None:
    """The block that tells this of a problem, or None.

    `shown` are lines of its fix; `about` (term → weight) is what more was said in asking for it.
    """
    blocks = [part.block for part in problem.parts]
    shown = [one.line for one in blocks if any(one.line <= line <= one.end for line in shown)]
    match what:
        case "error":
            return error_told(problem) or _block_before(problem, shown, output=True)
        case "failing":
            return failing_code(problem) or _block_before(problem, shown, output=False)
        case "code":
            return _whole_code(problem, shown)
        case "cause":
            return cause_told(problem, shown, about) or _explaining(problem, shown)
        case "check":
            return _check_told(problem, shown, about)


def error_told(problem: Problem) -> Part | None:
    """The error the post tells of, in its own words."""
    for part in problem.of(Role.ERROR):
        text = part.block.text
        if part.block.kind not in ("code", "quote", "paragraph") or not text.strip():
            continue
        if part.block.kind == "code" or (read_pasted(text).errors and not _only_announces(text)):
            return part
    for part in problem.parts:
        if part.block.kind in ("code", "quote"):
            found = read_pasted(part.block.text)
            if found.output and (found.told or found.exceptions):
                return part
    return None


def cause_told(
    problem: Problem,
    shown: Sequence[int] = (),
    about: Mapping[str, float] = MappingProxyType({}),
) -> Part | None:
    """Why it happens, where the post says so; sooner beside what is shown than in it.

    `shown` are the lines on which the blocks of the fix begin.
    """
    return _best_prose(problem, Role.CAUSE, shown, about)


def failing_code(problem: Problem) -> Part | None:
    """The code that fails: named so, or the first code before a fix that resembles it."""
    codes = [part for part in problem.parts if part.block.kind == "code"]
    named = [part for part in codes if part.role is Role.FAILING]
    if named:
        return named[0]
    for i, part in enumerate(codes):
        text = part.block.text
        if part.role in (Role.ERROR, Role.FIX) or "\n" not in text or read_pasted(text).output:
            continue
        for later in codes[i + 1 : i + 1 + _NEXT_CODES]:
            if later.role is not Role.ERROR and 0.4 < likeness(text, later.block.text, 0.4) < 1:
                return part
    return None


def likeness(before: str, after: str, least: float = 0.0) -> float:
    """How alike two pieces of code are, 0 to 1: line by line, short ones word by word.

    What is no more than `least` is not looked at closer: it counts as that.
    """
    lines = [line.strip() for line in before.split("\n") if line.strip()]
    others = [line.strip() for line in after.split("\n") if line.strip()]
    # The comparing takes the product of the two lengths where all lines are alike.
    if max(len(lines), len(others)) > _MANY_LINES:
        return 0.0
    if min(len(lines), len(others)) < _FEW_LINES and len(before) + len(after) < _FEW_LETTERS:
        lines, others = UNIT.findall(before), UNIT.findall(after)
    shared = set(lines).intersection(others)
    most = min(sum(map(shared.__contains__, lines)), sum(map(shared.__contains__, others)))
    total = len(lines) + len(others)
    # What both hold in any order is counted in no time; the order takes most of it.
    if total and 2.0 * most / total <= least:
        return least
    return difflib.SequenceMatcher(None, lines, others, autojunk=False).ratio()


def _block_before(problem: Problem, shown: Sequence[int], *, output: bool) -> Part | None:
    """The first code before the fix, or output or quote: posts open with what went wrong."""
    first = min(shown, default=0)
    for part in problem.parts:
        wanted = part.block.kind in (("code", "quote") if output else ("code",))
        promised = part.role is Role.FIX and part.told == 2
        if wanted and not promised and part.block.line < first and (output or not _is_output(part)):
            return part
    return None


def _whole_code(problem: Problem, shown: Sequence[int]) -> Part | None:
    """The code of the fix, or the longest of the problem where the fix shows none."""
    codes = [
        part
        for part in problem.parts
        if part.block.kind == "code" and not read_pasted(part.block.text).output
    ]
    of_fix = [part for part in codes if part.block.line in shown]
    return max(of_fix or codes, key=lambda part: len(part.block.text), default=None)


def _check_told(problem: Problem, shown: Sequence[int], about: Mapping[str, float]) -> Part | None:
    """How to see that it is solved: what the post says of it, or a command that only looks."""
    said = _best_prose(problem, Role.CHECK, shown, about)
    looks: list[tuple[float, int, Part]] = []
    for number, part in enumerate(problem.parts):
        if part.block.kind != "code" or part.role is Role.ERROR:
            continue
        if not only_look(part.block.text) and part.role is not Role.CHECK:
            continue
        before = problem.parts[number - 1].block if number else part.block
        near = overlap(f"{before.text}\n{part.block.text}", about)
        # What is run after the fix shows whether it helped.
        after = part.block.line > max(shown, default=0)
        looks.append((near + 0.5 * after + 0.5 * (part.role is Role.CHECK), -number, part))
    command = max(looks, key=lambda one: one[:2])[2] if looks else None
    if said is not None and _only_announces(said.block.text):
        said = _next(problem, said)
    if command is not None and (said is None or said.told < 2):
        return command
    return said or _then(problem, shown)


def _then(problem: Problem, shown: Sequence[int]) -> Part | None:
    """The paragraph after the fix, in its section: what comes of it."""
    last = next((part for part in reversed(problem.parts) if part.block.line in shown), None)
    after = _next(problem, last) if last is not None else None
    if after is None or last is None or after.anchor != last.anchor:
        return None
    return after if after.block.kind == "paragraph" else None


def _next(problem: Problem, part: Part) -> Part | None:
    """The block after one."""
    after = itertools.dropwhile(lambda one: one is not part, problem.parts)
    return next(itertools.islice(after, 1, None), None)


def _best_prose(
    problem: Problem, role: Role, shown: Sequence[int], about: Mapping[str, float]
) -> Part | None:
    """The sentence that tells what this role is for: named so by the post first."""
    found: list[tuple[float, int, Part]] = []
    sections = {part.anchor for part in problem.parts if part.block.line in shown}
    first = min(shown, default=0)
    for number, part in enumerate(problem.parts):
        block = part.block
        if block.kind not in ("paragraph", "item", "quote", "table") or not block.text.strip():
            continue
        cues = cue_roles(block.text) if len(block.text) <= _A_PARAGRAPH else {}
        said = cues.get(role, 0)
        if _is_output(part) or (part.role is not role and not said):
            continue
        worth = (2.0 + 2.0 * part.told) * (part.role is role) + 0.8 * min(said, 2)
        worth += 1.5 * (part.anchor in sections) - 1.5 * (block.line in shown)
        worth -= 2.0 * _only_announces(block.text)
        # What is told after the fix is a note to it.
        worth += (role is Role.CAUSE) * (block.line < first) + _ABOUT * overlap(block.text, about)
        found.append((worth, -number, part))
    return max(found, key=lambda one: one[:2])[2] if found else None


def _explaining(problem: Problem, shown: Sequence[int]) -> Part | None:
    """The prose nearest before the fix that tells no remedy; else after it; else of the fix."""
    prose = [
        part
        for part in problem.parts
        if part.block.kind in ("paragraph", "item", "quote")
        and len(plain(part.block.text)) >= _TELLING
        and not (part.role is Role.ERROR and part.told == 2)
        and not _only_announces(part.block.text)
    ]
    telling = [
        part
        for part in prose
        if part.block.line not in shown and not cue_roles(part.block.text).get(Role.FIX)
    ]
    first = min(shown, default=0)
    before = [part for part in telling if part.block.line < first]
    return next(reversed(before), next(iter([*telling, *prose]), None))


def _is_output(part: Part) -> bool:
    """Whether a block is what a program printed."""
    if part.block.kind not in ("code", "quote"):
        return False
    found = read_pasted(part.block.text)
    return found.output or bool(found.exceptions)


def _only_announces(text: str) -> bool:
    """Whether a text is a label or a lead-in and tells nothing itself."""
    label = label_of(text)
    told = text[label.end :] if label is not None else text
    return len(plain(told).strip()) < 6 or text.rstrip().endswith((":", "："))
