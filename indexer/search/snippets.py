"""Snippet: a short excerpt with the ranges to mark; text plus ranges, never HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from indexer.posts.plain import plain
from indexer.posts.posts import Block
from indexer.posts.problems import Part, Problem
from indexer.text.analyzer import Sieve, Spot, fold, starts_of

LENGTH = 220
# So many terms are looked for; a block is cut only where most stand together, so far around.
_TELLING, _AROUND = 20, 120
# So much of a block is looked at, and so far back a word may begin.
_READ, _WORD = 20_000, 80


@dataclass(frozen=True, slots=True)
class Snippet:
    """An excerpt; each range is (start, end) in characters of the text."""

    text: str
    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """The block of a problem that answers a question's words best, as a snippet."""

    snippet: Snippet
    heading: str
    anchor: str
    line: int


class Sought:
    """The terms of a question, term → importance, ready to be looked for in many texts."""

    def __init__(self, question: Mapping[str, float]) -> None:
        best = sorted(question.items(), key=lambda one: -one[1])[:_TELLING]
        self.question = dict(best)
        self._sieve = Sieve(self.question)
        self._values: dict[str, float] = {}
        for term, value in best:
            for start in starts_of(term):
                self._values.setdefault(start, value)

    def find(self, text: str) -> tuple[int, list[Spot]]:
        """Where the window of about LENGTH characters begins that holds most, and its terms."""
        if len(text) <= LENGTH + 2 * _AROUND:
            begin, end = 0, LENGTH + 2 * _AROUND
        else:
            lowered = _lower(text)
            begun = [(start, at, at) for at, start in self._sieve.places(lowered)]
            best = _fullest(begun, self._values)
            begin = _word_start(text, max(0, best - _AROUND))
            end = _word_start(text, min(len(text), best + LENGTH + _AROUND))
        around = self._sieve.find(text[begin:end])
        found = [(term, start + begin, end + begin) for term, start, end in around]
        return _fullest(found, self.question, begin), found


def _fullest(places: Sequence[Spot], values: Mapping[str, float], none: int = 0) -> int:
    """Where the first of the windows begins whose different terms are worth most.

    `places` stand in order; `none` is where a text begins that has none.
    """
    inside: Counter[str] = Counter()
    best, place, last, value = 0.0, none, 0, 0.0
    for at, (term, _, end) in enumerate(places):
        inside[term] += 1
        value += values[term] * (inside[term] == 1)
        while last <= at and end - places[last][1] > LENGTH * 0.8:
            left = places[last][0]
            inside[left] -= 1
            value -= values[left] * (not inside[left])
            last += 1
        if value > best + 1e-9:
            best, place = value, places[last][1]
    return place


def _word_start(text: str, at: int) -> int:
    """Where the Latin word begins that a place is within."""
    least = max(0, at - _WORD)
    while least < at < len(text) and text[at - 1].isascii() and text[at - 1].isalnum():
        at -= 1
    return at


def _lower(text: str) -> str:
    """A text folded where that keeps its length, so that places in it stay."""
    folded = fold(text)
    return folded if len(folded) == len(text) else text.lower()


def passage_of(part: Part, sought: Sought) -> Passage | None:
    """The passage of a part to show for what is sought; None where it shows nothing."""
    text = _visible(part.block)
    if not text.strip():
        return None
    return Passage(_excerpt(text, sought), part.heading, part.anchor, part.block.line)


def first_passage(problem: Problem, sought: Sought) -> Passage:
    """The passage of a problem that holds nothing of what is sought: how it begins."""
    shown = (passage_of(part, sought) for part in problem.parts)
    title = Passage(Snippet(problem.title, ()), problem.title, problem.anchor, problem.line)
    return next(filter(None, shown), title)


def _visible(block: Block) -> str:
    text = block.text[:_READ]
    return text if block.kind == "code" else plain(text)


def _excerpt(text: str, sought: Sought) -> Snippet:
    """The window of about LENGTH characters that holds the most important words."""
    start, found = sought.find(text)
    start = _word_start(text, max(0, start - LENGTH // 6)) if len(text) > LENGTH else 0
    end = min(len(text), start + LENGTH)
    before, after = "…" if start else "", "…" if end < len(text) else ""
    moved = [
        (first - start + len(before), last - start + len(before))
        for _, first, last in found
        if start <= first and last <= end
    ]
    return Snippet(before + text[start:end] + after, _joined(moved))


def _joined(ranges: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Ranges in order, those that touch or overlap made one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
