"""Problem to fix: the blocks that solve it, verbatim, and what they change."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from indexer.fixes.commands import only_look, typed
from indexer.fixes.told import UNIT, cause_told, error_told, failing_code, likeness
from indexer.fixes.worth import worth_of_blocks
from indexer.posts.problems import Part, Problem
from indexer.posts.roles import Role, cue_roles, says

_LONGEST_LEAD, _OPENING = 240, 120


@dataclass(frozen=True, slots=True)
class Step:
    """One part of a fix: a contiguous part of the post, with the line it stands on.

    `block` is the line on which its block begins: there a post that is shown has an anchor.
    """

    kind: Literal["text", "code"]
    text: str
    line: int
    block: int
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


def find_fix(problem: Problem, question: Mapping[str, float] | None = None) -> Fix | None:
    """The fix a problem offers, or None where nothing in it can honestly be called one.

    `question` (term → weight) decides between the ways that a problem offers.
    """
    return next(find_fixes(problem, question), None)


def find_fixes(problem: Problem, question: Mapping[str, float] | None = None) -> Iterator[Fix]:
    """The ways to solve it that a problem offers, best first, of different blocks."""
    parts = problem.parts
    failing = failing_code(problem)
    worth = worth_of_blocks(problem, question)
    shown: set[int] = set()
    for best in _best_first(parts, worth):
        chosen = _with_neighbours(parts, best)
        if shown.isdisjoint(chosen):
            yield _fix(problem, chosen, failing)
            led = _lead(parts, chosen[0]) is not None
            shown.update(chosen, (chosen[0] - 1,) if led else ())


def _best_first(parts: Sequence[Part], worth: Mapping[int, float]) -> Iterator[int]:
    """The best block; after it sooner what the post calls another way."""
    if not worth:
        return
    first = max(worth, key=lambda i: (worth[i], i))
    yield first
    others = {i: w + _OTHER * _called_other(parts, i) for i, w in worth.items() if i != first}
    yield from sorted(others, key=lambda i: (-others[i], -i))


_OTHER = 1.5


def _called_other(parts: Sequence[Part], at: int) -> bool:
    """Whether what stands before a block, its heading or itself calls it another way."""
    part = parts[at]
    before = parts[at - 1].block if at else None
    lead = before.text if before is not None and before.kind != "code" else ""
    own = part.block.text if part.block.kind != "code" else ""
    return any(says("other", text[:_OPENING]) for text in (lead, part.heading, own))


def _fix(problem: Problem, chosen: Sequence[int], failing: Part | None) -> Fix:
    """These blocks as a fix, with what goes with it."""
    parts = problem.parts
    steps = tuple(step for i in chosen for step in _steps_of(parts[i]))
    lines = [parts[i].block.line for i in chosen]
    lead = _lead(parts, chosen[0])
    if lead is not None and steps[0].kind == "code" and _worth_showing(lead, steps):
        steps, lines, lead = (step_of(lead), *steps), [lead.block.line, *lines], None
    before = failing
    if before is not None and any(parts[i] is before for i in chosen):
        before = None
    code = next((s for s in steps if s.kind == "code"), None)
    error = error_told(problem)
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


# Choosing


def _with_neighbours(parts: Sequence[Part], best: int) -> list[int]:
    """The best block with the steps it is one of: its list, the few sentences under a heading."""
    if _is_listed(parts[best]) or _is_step(parts, best):
        at = best
        while at > 0 and _same_list(parts[at - 1], parts[best]) and not _opens(parts, at - 1):
            at -= 1
        end = best
        while (
            end + 1 < len(parts)
            and _same_list(parts[end + 1], parts[best])
            and not _opens(parts, end + 1)
        ):
            end += 1
        if end - at < _MOST_STEPS:
            return list(range(at, end + 1))
    return _sentences(parts, best) or [best]


_MOST_STEPS = 12
# More sentences under a heading tell more than what to do.
_FEW_SENTENCES, _FEW_LETTERS = 3, 300


def _opens(parts: Sequence[Part], at: int) -> bool:
    """Whether an item leads a list of its own: `Solution two:`, `If there is much data:`."""
    block = parts[at].block
    following = parts[at + 1].block.kind if at + 1 < len(parts) else ""
    return (
        block.kind == "item" and block.text.rstrip().endswith((":", "：")) and following != "code"
    )


def _sentences(parts: Sequence[Part], best: int) -> list[int]:
    """The few sentences of which the best is one, where a fix heading has nothing else below."""
    one = parts[best]
    if one.block.kind != "paragraph" or one.role is not Role.FIX or one.told < 2:
        return []
    told = [
        at
        for at, part in enumerate(parts)
        if (part.anchor, part.role, part.told) == (one.anchor, one.role, one.told)
    ]
    if any(parts[at].block.kind == "code" for at in told):
        return []
    told = [at for at in told if parts[at].block.kind in ("paragraph", "item", "quote")]
    letters = sum(len(parts[at].block.text) for at in told)
    return told if len(told) <= _FEW_SENTENCES and letters <= _FEW_LETTERS else []


_NUMBERED = re.compile(
    r"\s*(?:\d{1,2}[.)、]\s?\S|第[一二三四五六七八九十\d]{1,2}步"
    r"|步骤\s?[一二三四五六七八九十\d]|step \d)",
    re.I,
)


def _is_listed(part: Part) -> bool:
    """Whether a part is an item, or a paragraph that is numbered like one."""
    kind = part.block.kind
    return kind == "item" or (kind == "paragraph" and bool(_NUMBERED.match(part.block.text)))


def _is_step(parts: Sequence[Part], at: int) -> bool:
    """Whether a code block is what a numbered step says to do."""
    before = parts[at - 1] if at else None
    return (
        before is not None
        and before.anchor == parts[at].anchor
        and bool(_NUMBERED.match(before.block.text))
        and _is_listed(before)
    )


def _same_list(part: Part, best: Part) -> bool:
    return part.anchor == best.anchor and (
        _is_listed(part) or (part.block.kind == "code" and part.role is best.role)
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


def _steps_of(part: Part) -> tuple[Step, ...]:
    """A part as steps: of a transcript what was typed, and of that what does something."""
    block = part.block
    commands = typed(block.text) if block.kind == "code" else ()
    acting = [one for one in commands if not only_look(one[1])]
    fenced = block.end - block.line > block.text.count("\n")
    return tuple(
        Step("code", command, block.line + fenced + at, block.line, block.language)
        for at, command in acting or commands
    ) or (step_of(part),)


def step_of(part: Part) -> Step:
    """A part of a problem as it is shown."""
    block = part.block
    if block.kind == "code":
        return Step("code", block.text, block.line, block.line, block.language)
    return Step("text", block.text, block.line, block.line)


# Beside the fix


def _diff(before: str, after: str) -> str | None:
    """The unified diff from the failing code to the fix, or None where they have little alike."""
    if likeness(before, after) <= 0.3:
        return None
    lines = difflib.unified_diff(
        before.split("\n"), after.split("\n"), "failing", "fix", lineterm="", n=3
    )
    return "\n".join(lines) or None
