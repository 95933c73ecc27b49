"""Snippet: a short excerpt with the ranges to mark; text plus ranges, never HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from indexer.analyzer import Term, terms
from indexer.markdown import plain
from indexer.problems import Part, Problem

LENGTH = 220
_LONGEST_BLOCK = 6000


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
    best: tuple[float, Part, str, list[Term]] | None = None
    for part in problem.parts:
        text = part.block.text[:_LONGEST_BLOCK]
        if part.block.kind != "code":
            text = plain(text)
        found = [term for term in terms(text) if term.text in question]
        value = sum({term.text: question[term.text] for term in found}.values())
        if text.strip() and (best is None or value > best[0]):
            best = (value, part, text, found)
    if best is None:
        return Passage(Snippet(problem.title, ()), problem.title, problem.anchor, problem.line)
    _, part, text, found = best
    return Passage(_excerpt(text, found, question), part.heading, part.anchor, part.block.line)


def mark(text: str, question: Mapping[str, float]) -> Snippet:
    """A whole text with the question's words as ranges."""
    found = [(term.start, term.end) for term in terms(text) if term.text in question]
    return Snippet(text, _joined(found))


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
