"""Replies: to a turn that asks for a part of what was found before, or for another way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from indexer.answers.conversation import Request
from indexer.fixes.fixes import Fix, find_fix, find_fixes, step_of
from indexer.fixes.told import Told, find_told
from indexer.search.generation import Generation
from indexer.search.question import Question
from indexer.text.analyzer import overlap

# So many ways of one post are shown before other posts are.
_WAYS = 3


@dataclass(frozen=True, slots=True)
class Reply:
    """What is shown of a problem, by number; a part of it that is no fix is a fix of one step."""

    problem: int
    fix: Fix


def find_reply(generation: Generation, request: Request, question: Question) -> Reply | None:
    """What the post shown before tells of what is asked, or None where it does not."""
    if request.narrowed and request.post is not None:
        return _narrowed(generation, request.post, request.narrowed, question)
    if request.post is None or request.asks == "fix":
        return None
    problems = generation.problems_of(request.post, question)
    importance = generation.ranking.importance(question)
    if not problems:
        return None
    if request.asks == "another":
        return _another(generation, problems[0], request.again, importance)
    own, _ = generation.read(request.own)
    about = generation.ranking.importance(own)
    return _part(generation, problems, request.asks, importance, about)


def _another(
    generation: Generation, number: int, again: int, importance: Mapping[str, float]
) -> Reply | None:
    """The next way to solve it that the problem shown offers."""
    ways = find_fixes(generation.problem(number), importance)
    fix = next(islice(ways, again, max(again, _WAYS)), None)
    return Reply(number, fix) if fix is not None else None


def _narrowed(generation: Generation, path: str, narrowed: str, question: Question) -> Reply | None:
    """The fix of the post shown before whose own words hold most of those that were added."""
    added, _ = generation.read(narrowed)
    importance = generation.ranking.importance(added)
    best: tuple[float, Reply] | None = None
    for number in generation.problems_of(path, question):
        for fix in find_fixes(generation.problem(number), importance):
            text = "\n".join([fix.lead or "", *(step.text for step in fix.steps)])
            held = overlap(text, importance)
            if held and (best is None or held > best[0]):
                best = held, Reply(number, fix)
    return best[1] if best is not None else None


def _part(
    generation: Generation,
    problems: tuple[int, ...],
    asks: Told,
    importance: Mapping[str, float],
    about: Mapping[str, float],
) -> Reply | None:
    """What the problem shown tells of it, or what the post tells outside its problems.

    `about` are the words of the turn beside those that ask.
    """
    own, others = problems[:1], problems[1:]
    whole = [n for n in others if not generation.problem(n).anchor]
    for number in (*own, *whole):
        problem = generation.problem(number)
        fix = find_fix(problem, importance)
        shown = [step.line for step in fix.steps] if fix is not None else []
        part = find_told(problem, asks, shown, about)
        if part is not None:
            return Reply(number, Fix((step_of(part),), None, None, None, None, None))
    return None
