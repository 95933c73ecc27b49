"""Worth: what speaks for each block of a problem as its fix, and against it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from indexer.fixes.commands import only_look, only_prepare
from indexer.fixes.told import failing_code, likeness
from indexer.posts.plain import plain
from indexer.posts.problems import Part, Problem
from indexer.posts.roles import Role, comment_roles, cue_roles, says
from indexer.text.analyzer import held_by_each
from indexer.text.pasted import read_pasted

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
# A title that asks, or names an error by its code: what stands below is the answer.
_ASKS = re.compile(
    r"[?？]\s*$|^(?:how|why|what|when|where|can|is|does|do|should)\b"
    r"|如何|为什么|為什麼|怎么|怎麼|怎样|是否|\b[A-Z]{0,6}-?\d{3,6}\b",
    re.I,
)


def worth_of_fix(problem: Problem) -> float | None:
    """What speaks for the best fix of a problem, whatever is asked, or None where it has none."""
    best = max(_honest(problem).values(), default=None)
    # Below that it is an explanation, less of a fix than the least thing to apply.
    return best if best is None or best >= _HONEST else best - _EXPLAINED


_EXPLAINED = 2.0


def weigh(problem: Problem) -> Problem:
    """The problem, and which of its blocks can honestly be called a fix."""
    return replace(problem, honest=tuple(_honest(problem).items()))


def worth_of_blocks(problem: Problem, question: Mapping[str, float] | None) -> dict[int, float]:
    """The blocks that may be shown as the fix, by number, with what speaks for them.

    Where the question's words stand, and what is said around a block, decides between fixes; it
    makes none of a block.
    """
    parts = problem.parts
    honest = _honest(problem)
    near = _nearness(parts, question or {}) if honest else []
    return {at: score + near[at] + _preference(parts, at) for at, score in honest.items()}


def _honest(problem: Problem) -> dict[int, float]:
    """The blocks that can honestly be called a fix, by number, with what speaks for them.

    Where there is none, the prose that answers.
    """
    if problem.honest is not None:
        return dict(problem.honest)
    failing = failing_code(problem)
    scores = (_score(problem, at, failing) for at in range(len(problem.parts)))
    honest = {at: score for at, score in enumerate(scores) if score >= _HONEST}
    return honest or _explanation(problem)


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
    held_by = held_by_each([f"{part.heading}\n{part.block.text}" for part in parts], question)
    sections: dict[str, set[str]] = {}
    for part, terms in zip(parts, held_by, strict=True):
        sections.setdefault(part.anchor, set()).update(terms)
    titles = {part.anchor: part.heading for part in parts}
    held_by_titles = held_by_each(list(titles.values()), question)
    total = sum(question.values()) or 1.0

    def share(terms: set[str]) -> float:
        # In one order: sums of the same numbers in another may break a tie otherwise.
        return sum(weight for term, weight in question.items() if term in terms) / total

    of_section = {anchor: share(terms) for anchor, terms in sections.items()}
    named = dict(zip(titles, map(share, held_by_titles), strict=True))
    most = max(of_section.values(), default=0.0)
    shares = [share(terms) for terms in held_by]
    near = [
        _HELD * share + _SECTION * (of_section[part.anchor] - most) + _NAMED * named[part.anchor]
        for part, share in zip(parts, shares, strict=True)
    ]
    if len(parts) < _LONG:
        return near
    asked = max(range(len(parts)), key=shares.__getitem__)
    for at in range(len(parts)):
        away = at - asked
        near[at] += shares[asked] * (_AFTER * math.exp(-away / _REACH) if away >= 0 else -_BEFORE)
    return near


_HELD, _SECTION, _NAMED = 0.5, 1.0, 1.0
_LONG, _AFTER, _BEFORE, _REACH = 8, 1.5, 0.9, 6.75


def _preference(parts: Sequence[Part], at: int) -> float:
    """What tells the fix from other things that may be applied: it changes something, and helps."""
    part = parts[at]
    liked = 0.0
    if part.block.kind == "code":
        liked -= _LOOKS * only_look(part.block.text) + _PREPARES * only_prepare(part.block.text)
        before = parts[at - 1].block if at else None
        if before is not None and before.kind in ("paragraph", "item", "quote"):
            lead = before.text[-_SENTENCE:]
            liked += _CHANGED * says("changed", lead) - _LOOKED * says("looked", lead)
    after = [one for one in parts[at + 1 : at + 1 + _AWAY] if one.anchor == part.anchor]
    if after and after[0].block.kind in ("paragraph", "item", "quote"):
        liked -= _VAIN * says("vain", after[0].block.text[:_BEGINNING])
    then = next((one for one in after if one.block.kind == "code"), None)
    return liked - _FAILED * (then is not None and then.role is Role.ERROR)


# Commands that only show or prepare are steps on the way, and what an error follows did not help.
# Each weight helps by itself in blogs, and manuals lose nothing.
_LOOKS, _PREPARES, _CHANGED, _LOOKED, _VAIN, _FAILED = 1.5, 0.8, 0.8, 0.5, 1.0, 0.5
_SENTENCE, _BEGINNING, _AWAY = 160, 60, 6


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
        alike = likeness(failing.block.text, text, 0.3)
        if 0.3 < alike < 1.0:
            score += _LIKE * alike
    return score
