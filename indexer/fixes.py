"""Problem to fix: the blocks that solve it, verbatim, and what they change."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from indexer.analyzer import count_terms
from indexer.pasted import read_pasted
from indexer.plain import plain
from indexer.problems import Part, Problem
from indexer.roles import Role, comment_roles, cue_roles
from indexer.told import UNIT, cause_told, error_told, failing_code, likeness


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a fix: a contiguous part of the post, with the line it stands on."""

    kind: Literal["text", "code"]
    text: str
    line: int
    language: str = ""


@dataclass(frozen=True, slots=True)
class Fix:
    """What solves a problem, in order, and what of the post goes with it."""

    steps: tuple[Step, ...]
    lead: str | None
    """The sentence that introduces the fix, where it is not a step itself."""
    error: str | None
    cause: str | None
    failing: Step | None
    diff: str | None


# What speaks for a block and against it. Told by a heading or label, by a lead-in, by its look.
_ROLE = {
    Role.FIX: (0.6, 0.8, 2.6),
    Role.CAUSE: (-0.6, -1.2, -1.0),
    Role.CHECK: (-0.8, -1.0, -1.6),
    Role.ERROR: (-3.0, -1.6, -1.6),
    Role.FAILING: (-1.6, -2.0, -2.6),
    Role.PROBLEM: (-1.0, -1.2, -1.4),
    Role.ENVIRONMENT: (-1.6, -1.8, -2.0),
    Role.REFERENCE: (-2.0, -2.2, -2.4),
}
_HONEST = 1.3
# A post that only explains is no longer than this.
_FEW_PARTS, _LONGEST_EXPLANATION = 4, 600
_LONGEST_LEAD = 240
# A title that asks, or names an error by its code: what stands below is the answer.
_ASKS = re.compile(
    r"[?？]\s*$|^(?:how|why|what|when|where|can|is|does|do|should)\b"
    r"|如何|为什么|為什麼|怎么|怎麼|怎样|是否|\b[A-Z]{0,6}-?\d{3,6}\b",
    re.I,
)


def find_fix(problem: Problem, question: Mapping[str, float] | None = None) -> Fix | None:
    """The fix a problem offers, or None where nothing in it can honestly be called one.

    `question` (term → weight) decides between the ways that a problem offers.
    """
    return next(find_fixes(problem, question), None)


def find_fixes(problem: Problem, question: Mapping[str, float] | None = None) -> Iterator[Fix]:
    """The ways to solve it that a problem offers, best first, of different blocks."""
    parts = problem.parts
    failing = failing_code(problem)
    worth = _worth(problem, failing, question)
    shown: set[int] = set()
    for best in sorted(worth, key=lambda i: (-worth[i], -i)):
        chosen = _with_neighbours(parts, best)
        if shown.isdisjoint(chosen):
            fix = _fix(problem, chosen, failing)
            yield fix
            shown.update(chosen, (chosen[0] - 1,) if len(fix.steps) > len(chosen) else ())


def _fix(problem: Problem, chosen: Sequence[int], failing: Part | None) -> Fix:
    """These blocks as a fix, with what goes with it."""
    parts = problem.parts
    steps = tuple(step_of(parts[i]) for i in chosen)
    lead = _lead(parts, chosen[0])
    if lead is not None and steps[0].kind == "code" and _worth_showing(lead, steps):
        steps, lead = (step_of(lead), *steps), None
    before = failing
    if before is not None and any(s.line == before.block.line for s in steps):
        before = None
    code = next((s for s in steps if s.kind == "code"), None)
    error = error_told(problem)
    lines = [step.line for step in steps]
    cause = cause_told(problem, lines)
    if cause is not None and cause.block.line in lines:
        cause = None
    return Fix(
        steps=steps,
        lead=lead.block.text if lead is not None else None,
        error=error.block.text if error is not None else None,
        cause=cause.block.text if cause is not None else None,
        failing=step_of(before) if before is not None else None,
        diff=_diff(before.block.text, code.text) if before is not None and code else None,
    )


def worth_of_fix(problem: Problem) -> float | None:
    """What speaks for the best fix of a problem, whatever is asked, or None where it has none."""
    if honest := _honest(problem, failing_code(problem)):
        return max(honest.values())
    if explanation := _explanation(problem):
        return max(explanation.values()) - _EXPLAINED
    return None


# Judging


# An explanation is less of a fix than the least thing to apply.
_EXPLAINED = 2.0


def _worth(
    problem: Problem, failing: Part | None, question: Mapping[str, float] | None
) -> dict[int, float]:
    """The blocks that may be shown as the fix, by number, with what speaks for them.

    Where the question's words stand decides between fixes; it makes none of a block.
    """
    honest = _honest(problem, failing) or _explanation(problem)
    near = _nearness(problem.parts, question or {}) if honest else []
    return {at: score + near[at] for at, score in honest.items()}


def _honest(problem: Problem, failing: Part | None) -> dict[int, float]:
    """The blocks that can honestly be called a fix, by number, with what speaks for them."""
    scores = (_score(problem, at, failing) for at in range(len(problem.parts)))
    return {at: score for at, score in enumerate(scores) if score >= _HONEST}


def _explanation(problem: Problem) -> dict[int, float]:
    """The prose that answers where a problem offers nothing to apply, by number.

    It does under a title that asks or names an error, and in a short post that tells of one.
    """
    told = [part for part in problem.parts if part.role is not Role.ERROR]
    asked = bool(_ASKS.search(problem.title) or read_pasted(problem.title).errors)
    if not asked and len(told) == len(problem.parts):
        return {}
    if not asked and (len(told) > _FEW_PARTS or any(p.block.kind == "code" for p in told)):
        return {}
    return {
        # The first paragraph answers; those after it go on.
        at: -0.05 * at - 0.3 * part.block.text.rstrip().endswith(("?", "？"))
        for at, part in enumerate(problem.parts)
        if (part.role in (None, Role.CAUSE, Role.FIX, Role.PROBLEM) or (at and part.told < 2))
        and part.block.kind in ("paragraph", "item", "quote")
        and 6 <= len(plain(part.block.text).strip()) <= _LONGEST_EXPLANATION
        and not part.block.text.rstrip().endswith((":", "："))
    }


def _nearness(parts: Sequence[Part], question: Mapping[str, float]) -> list[float]:
    """What speaks for each block because of where the question's words stand in a post.

    In a long list of troubles the fix follows the block that tells of the one asked for.
    """
    if not question:
        return [0.0] * len(parts)
    held = [overlap(f"{part.heading}\n{part.block.text}", question) for part in parts]
    asked = max(range(len(parts)), key=held.__getitem__, default=0)
    near = [_HELD * share for share in held]
    if len(parts) < _LONG:
        return near
    sure = held[asked]
    for at in range(len(parts)):
        away = at - asked
        near[at] += sure * (_AFTER * math.exp(-away / _REACH) if away >= 0 else -_BEFORE)
    return near


_HELD = 0.5
_LONG, _AFTER, _BEFORE, _REACH = 8, 1.5, 0.9, 6.75


def _score(problem: Problem, at: int, failing: Part | None) -> float:
    parts = problem.parts
    part = parts[at]
    block = part.block
    if block.kind in ("image", "html") or not block.text.strip():
        return -9.0
    told = part.role is Role.FIX and part.told == 2
    score = _ROLE[part.role][part.told] if part.role is not None else 0.0
    # Without a heading that says so, what helped comes last; under one, it comes first.
    score += _LATE * (at + 1) / len(parts) if not told else 0.8 - 0.2 * _earlier(parts, at)
    if block.kind == "code":
        score += _CODE + _code_score(part, failing) + _LED * _is_led(parts, at)
    elif block.kind == "item":
        score += 0.1
    elif block.kind == "table":
        score -= 0.5
    if block.kind != "code":
        cues = cue_roles(block.text) if len(block.text) < 800 else {}
        score += min(_CUE * min(cues.get(Role.FIX, 0), 3), 0.4 if told else _CUES)
        score -= 0.5 * min(cues.get(Role.ERROR, 0) + cues.get(Role.CAUSE, 0), 2)
        if block.text.rstrip().endswith((":", "：")) or len(plain(block.text).strip()) < 6:
            score -= 1.5
        if block.text.rstrip().endswith(("?", "？")):
            score -= 1.0
    return score


# Place, kind and words of a block; found one after the other on the development set, by how often
# the fix is right where the post is. Found on half of the blogs, they still help the other half.
_LATE, _CODE, _CUE, _CUES, _LED, _LIKE = 1.2, 1.5, 0.52, 1.2, 0.15, 1.8


def _is_led(parts: Sequence[Part], at: int) -> bool:
    """Whether the sentence before a block ends in a colon and speaks of no error."""
    if not at or parts[at - 1].block.kind not in ("paragraph", "item"):
        return False
    text = parts[at - 1].block.text.rstrip()
    if not text.endswith((":", "：")) or len(text) > 400:
        return False
    return not {Role.ERROR, Role.FAILING} & cue_roles(text).keys()


def _earlier(parts: Sequence[Part], at: int) -> int:
    """How many blocks of the same kind stand before one under the same label or heading."""
    kind = parts[at].block.kind == "code"
    number = 0
    for part in reversed(parts[:at]):
        if part.role is not Role.FIX or part.told != 2:
            break
        number += (part.block.kind == "code") == kind
    return min(number, 4)


def _code_score(part: Part, failing: Part | None) -> float:
    text = part.block.text
    score = 0.0
    if part.role is not Role.FIX and read_pasted(text).output:
        score -= 1.5
    comments = comment_roles(text)
    score += 0.8 * (comments.get(Role.FIX, 0) > comments.get(Role.FAILING, 0))
    score -= 0.8 * (comments.get(Role.FAILING, 0) > comments.get(Role.FIX, 0))
    if failing is not None and failing.block.line < part.block.line:
        alike = likeness(failing.block.text, text)
        if 0.3 < alike < 1.0:
            score += _LIKE * alike
    return score


def overlap(text: str, question: Mapping[str, float]) -> float:
    """The share of the question's weight that a block holds."""
    held: dict[str, float] = {}
    count_terms(text[:4000], held)
    total = sum(question.values())
    return sum(w for term, w in question.items() if term in held) / total if total else 0.0


# Choosing


def _with_neighbours(parts: Sequence[Part], best: int) -> list[int]:
    """The best block with the steps it is one of: its list, or the steps under the same heading."""
    chosen = [best]
    if parts[best].block.kind == "item" or _is_step(parts, best):
        at = best
        while at > 0 and _same_list(parts[at - 1], parts[best]):
            at -= 1
        end = best
        while end + 1 < len(parts) and _same_list(parts[end + 1], parts[best]):
            end += 1
        if end - at < 12:
            chosen = list(range(at, end + 1))
    return chosen


_NUMBERED = re.compile(r"\d{1,2}[.)]\s")


def _is_step(parts: Sequence[Part], at: int) -> bool:
    """Whether a code block is what a numbered step says to do."""
    before = parts[at - 1] if at else None
    return (
        before is not None
        and before.block.kind == "item"
        and before.anchor == parts[at].anchor
        and bool(_NUMBERED.match(before.block.text))
    )


def _same_list(part: Part, best: Part) -> bool:
    return part.anchor == best.anchor and (
        part.block.kind == "item" or (part.block.kind == "code" and part.role is best.role)
    )


def _lead(parts: Sequence[Part], first: int) -> Part | None:
    """The sentence before the fix, where it introduces it."""
    if first == 0 or parts[first].block.kind != "code":
        return None
    part = parts[first - 1]
    if part.block.kind not in ("paragraph", "item", "quote"):
        return None
    nearer = part.anchor == parts[first].anchor or Role.FIX in cue_roles(part.block.text)
    if part.role in (Role.ERROR, Role.REFERENCE) or not nearer:
        return None
    return part


def _worth_showing(lead: Part, steps: Sequence[Step]) -> bool:
    """Whether the sentence says what was done, and does not bury a short command under words."""
    text = lead.block.text
    if len(text) > _LONGEST_LEAD or not cue_roles(text).get(Role.FIX):
        return False
    return len(UNIT.findall(text)) <= 0.8 * sum(len(UNIT.findall(s.text)) for s in steps)


def step_of(part: Part) -> Step:
    """A part of a problem as it is shown."""
    block = part.block
    if block.kind == "code":
        return Step("code", block.text, block.line, block.language)
    return Step("text", block.text, block.line)


# Beside the fix


def _diff(before: str, after: str) -> str | None:
    """The unified diff from the failing code to the fix, or None where they have little alike."""
    if likeness(before, after) <= 0.3:
        return None
    lines = difflib.unified_diff(
        before.split("\n"), after.split("\n"), "failing", "fix", lineterm="", n=3
    )
    return "\n".join(lines) or None
