"""Snippet: a short excerpt with the ranges to mark; text plus ranges, never HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from indexer.analyzer import Term, fold, terms
from indexer.plain import plain
from indexer.posts import Block
from indexer.problems import Part, Problem

LENGTH = 220
_LONGEST_BLOCK = 3000
# Cutting whole posts into terms took 60 ms a question: only this many blocks are cut, judged by
# this many terms.
_CUT = 2
_TELLING = 20


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


def best_passage(problem: Problem, question: Mapping[str, float]) -> Passage:
    """The passage of a problem to show for a question, given as term → importance."""
    shown = [(part, text) for part in problem.parts if (text := _visible(part.block)).strip()]
    if not shown:
        return Passage(Snippet(problem.title, ()), problem.title, problem.anchor, problem.line)
    best: tuple[float, Part, str, list[Term]] | None = None
    for part, text in _likely(shown, question):
        found = [term for term in terms(text) if term.text in question]
        value = sum({term.text: question[term.text] for term in found}.values())
        if best is None or value > best[0]:
            best = (value, part, text, found)
    assert best is not None
    _, part, text, found = best
    return Passage(_excerpt(text, found, question), part.heading, part.anchor, part.block.line)


def _likely(shown: list[tuple[Part, str]], question: Mapping[str, float]) -> list[tuple[Part, str]]:
    """The few blocks worth cutting into terms: those that hold the letters of the best terms."""
    telling = sorted(question.items(), key=lambda one: -one[1])[:_TELLING]
    values = []
    for part, text in shown:
        folded = fold(text)
        values.append((sum(value for term, value in telling if term in folded), part, text))
    values.sort(key=lambda one: -one[0])
    return [(part, text) for _, part, text in values[:_CUT]]


def _visible(block: Block) -> str:
    text = block.text[:_LONGEST_BLOCK]
    return text if block.kind == "code" else plain(text)


def _excerpt(text: str, found: list[Term], question: Mapping[str, float]) -> Snippet:
    """The window of about LENGTH characters that holds the most important words."""
    start = 0
    if found and len(text) > LENGTH:
        best = -1.0
        for i, first in enumerate(found):
            inside = {}
            for term in found[i:]:
                if term.end - first.start > LENGTH * 0.8:
                    break
                inside[term.text] = question[term.text]
            if (value := sum(inside.values())) > best:
                best, start = value, first.start
        start = max(0, start - LENGTH // 6)
        while start > 0 and text[start - 1].isalnum() and text[start - 1].isascii():
            start -= 1
    end = min(len(text), start + LENGTH)
    before, after = "…" if start else "", "…" if end < len(text) else ""
    moved = [
        (term.start - start + len(before), term.end - start + len(before))
        for term in found
        if start <= term.start and term.end <= end
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
