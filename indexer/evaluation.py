"""Evaluation: how well a knowledge base answers a list of questions whose posts are known."""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexer.answers.answers import Answer
from indexer.fixes.told import UNIT
from indexer.index.rebuild import Progress
from indexer.knowledge_base import KnowledgeBase
from indexer.search.question import read_question

# A fix shown holds a wanted one from here on, and is no more than that from there on.
HELD, BESIDE = 0.8, 0.4
# Two-sided 95 % of the normal distribution.
_Z = 1.96


class QuestionsError(ValueError):
    """A list of questions that cannot be read; the message names the file and the line."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, the paths of the posts that answer it (none: no post does), their fixes."""

    question: str
    kind: str
    posts: tuple[str, ...]
    fixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """A mean with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Measured:
    """How the questions of one kind were answered; `given` is Fix@1 where the first post was right.

    Fix@1 and `given` are None where no question names a fix. Latencies are in milliseconds.
    """

    kind: str
    count: int
    hit1: Measure
    hit3: Measure
    mrr10: Measure
    fix1: Measure | None
    given: Measure | None
    answered: Measure
    median_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Abstention:
    """How answerable and unanswerable questions are told apart."""

    count: int
    auroc: Measure
    answered: Measure


@dataclass(frozen=True, slots=True)
class Missed:
    """A question that a wrong post came first for; `place` of the right one, 0: not in ten."""

    question: str
    wanted: tuple[str, ...]
    first: str | None
    place: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came of a list of questions: by kind, over all, of those without an answer.

    `unknown` are the paths that questions name and the index does not hold.
    """

    kinds: tuple[Measured, ...]
    abstention: Abstention | None
    missed: tuple[Missed, ...]
    unknown: tuple[str, ...]


def read_questions(file: Path) -> tuple[Asked, ...]:
    """The questions of a JSON Lines file: `question`, `posts`, and `fix` and `kind` if there are.

    `query` and `pages` are understood too. Raises QuestionsError.
    """
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise QuestionsError(f"{file} is no UTF-8; save it as UTF-8") from None
    found = tuple(
        _read_line(line, f"{file}, line {number}")
        for number, line in enumerate(lines, 1)
        if line.strip()
    )
    if not found:
        raise QuestionsError(f'{file} holds no question; a line is {{"question": …, "posts": […]}}')
    return found


def _read_line(line: str, where: str) -> Asked:
    try:
        one = json.loads(line)
    except json.JSONDecodeError as error:
        raise QuestionsError(f"{where}: no JSON ({error.msg})") from None
    question = one.get("question", one.get("query")) if isinstance(one, dict) else None
    if not isinstance(question, str) or not question.strip():
        raise QuestionsError(f'{where}: no "question"; a line is {{"question": …, "posts": […]}}')
    posts = _texts(one.get("posts", one.get("pages")), f'{where}: "posts"')
    fixes = _texts(one.get("fix"), f'{where}: "fix"')
    return Asked(question, str(one.get("kind") or read_question(question).kind), posts, fixes)


def _texts(value: Any, where: str) -> tuple[str, ...]:
    """One text or a list of them."""
    found = [value] if isinstance(value, str) else value or []
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise QuestionsError(f"{where} is neither a text nor a list of texts")
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Outcome:
    asked: Asked
    place: int
    first: str | None
    right_fix: bool
    answered: bool
    confidence: float
    ms: float


def evaluate(
    knowledge_base: KnowledgeBase, questions: Sequence[Asked], progress: Progress | None = None
) -> Evaluation:
    """Asks every question and says how often the right post and the right fix came first."""
    outcomes = []
    for number, asked in enumerate(questions, 1):
        outcomes.append(_outcome(asked, knowledge_base.ask(asked.question)))
        if progress:
            progress(number, len(questions))
    answerable = [one for one in outcomes if one.asked.posts]
    kinds = sorted({one.asked.kind for one in answerable})
    groups = [(kind, [one for one in answerable if one.asked.kind == kind]) for kind in kinds]
    if len(groups) != 1:
        groups.append(("all", answerable))
    none = [one for one in outcomes if not one.asked.posts]
    indexed = knowledge_base.generation().number_of
    named = dict.fromkeys(path for asked in questions for path in asked.posts)
    return Evaluation(
        tuple(_measured(kind, group) for kind, group in groups if group),
        _abstention(answerable, none) if none else None,
        tuple(
            Missed(one.asked.question, one.asked.posts, one.first, one.place)
            for one in answerable
            if one.place != 1
        ),
        tuple(path for path in named if path not in indexed),
    )


def _outcome(asked: Asked, answer: Answer) -> _Outcome:
    shown = [answer.found.post.path] if answer.found else []
    shown += [other.post.path for other in answer.alternatives]
    place = next((i for i, path in enumerate(shown[:10], 1) if path in asked.posts), 0)
    steps = answer.found.fix.steps if answer.found else ()
    return _Outcome(
        asked=asked,
        place=place,
        first=shown[0] if shown else None,
        right_fix=place == 1 and holds_fix("\n".join(s.text for s in steps), asked.fixes),
        answered=answer.found is not None,
        confidence=answer.confidence,
        ms=answer.took_ms,
    )


def holds_fix(shown: str, wanted: Sequence[str]) -> bool:
    """Whether a text holds one of the wanted fixes, or all together, and not much beside it.

    At least HELD of the fix's units stand in the text, and at least BESIDE of the text's units
    in the fix.
    """
    there = Counter(UNIT.findall(shown))
    for fix in (*wanted, "\n".join(wanted)):
        want = Counter(UNIT.findall(fix))
        both = (there & want).total()
        if both and both >= HELD * want.total() and both >= BESIDE * there.total():
            return True
    return False


def _measured(kind: str, outcomes: Sequence[_Outcome]) -> Measured:
    places = [one.place for one in outcomes]
    fixes = [one for one in outcomes if one.asked.fixes]
    first = [one for one in fixes if one.place == 1]
    times = [one.ms for one in outcomes]
    return Measured(
        kind=kind,
        count=len(outcomes),
        hit1=_share(place == 1 for place in places),
        hit3=_share(1 <= place <= 3 for place in places),
        mrr10=_mean([1 / place if place else 0.0 for place in places]),
        fix1=_share(one.right_fix for one in fixes) if fixes else None,
        given=_share(one.right_fix for one in first) if first else None,
        answered=_share(one.answered for one in outcomes),
        median_ms=round(statistics.median(times), 2),
        p95_ms=round(sorted(times)[math.ceil(0.95 * len(times)) - 1], 2),
    )


def _abstention(answerable: Sequence[_Outcome], none: Sequence[_Outcome]) -> Abstention:
    yes = [one.confidence for one in answerable]
    no = [one.confidence for one in none]
    return Abstention(len(none), auroc(yes, no), _share(one.answered for one in none))


def auroc(yes: Sequence[float], no: Sequence[float]) -> Measure:
    """The chance that one of `yes` is above one of `no`; equal ones count half.

    The interval is that of Hanley and McNeil (Radiology 143, 1982).
    """
    if not yes or not no:
        return Measure(math.nan, 0.0, 1.0)
    above = sum((y > n) + (y == n) / 2 for y in yes for n in no) / (len(yes) * len(no))
    q1, q2 = above / (2 - above), 2 * above**2 / (1 + above)
    spread = above * (1 - above)
    spread += (len(yes) - 1) * (q1 - above**2) + (len(no) - 1) * (q2 - above**2)
    reach = _Z * math.sqrt(max(0.0, spread) / (len(yes) * len(no)))
    return Measure(above, max(0.0, above - reach), min(1.0, above + reach))


def _share(hits: Iterator[bool]) -> Measure:
    """A share with Wilson's interval (JASA 22, 1927)."""
    found = [*hits]
    n, p = len(found), sum(found) / len(found)
    middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    reach = _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return Measure(p, max(0.0, middle - reach), min(1.0, middle + reach))


def _mean(values: Sequence[float]) -> Measure:
    """A mean with the interval of the normal distribution."""
    mean = statistics.fmean(values)
    spread = statistics.stdev(values) if len(values) > 1 else 0.5
    reach = _Z * spread / math.sqrt(len(values))
    return Measure(mean, max(0.0, mean - reach), min(1.0, mean + reach))
