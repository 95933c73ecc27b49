"""Snippet: a short excerpt with the ranges to mark; text plus ranges, never HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from indexer.analyzer import Term, terms
from indexer.plain import plain
from indexer.posts import Block
from indexer.problems import Problem

LENGTH = 220
_STRETCH = 3000


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


def passage_of(problem: Problem, part: int, question: Mapping[str, float]) -> Passage:
    """The passage of a problem to show for a question, given as term → importance.

    It is out of the part of that number; of the first that shows anything where it shows nothing.
    """
    tried = (problem.parts[part : part + 1] if part >= 0 else ()) + problem.parts
    for one in tried:
        text = _visible(one.block)
        if text.strip():
            snippet = _excerpt(*_first_told(text, question), question)
            return Passage(snippet, one.heading, one.anchor, one.block.line)
    return Passage(Snippet(problem.title, ()), problem.title, problem.anchor, problem.line)


def _first_told(text: str, question: Mapping[str, float]) -> tuple[str, list[Term]]:
    """The first stretch of a text that holds a term of a question, and those that stand there."""
    for start in range(0, len(text), _STRETCH):
        stretch = text[start : start + _STRETCH]
        if found := [term for term in terms(stretch) if term.text in question]:
            return stretch, found
    return text[:_STRETCH], []


def _visible(block: Block) -> str:
    return block.text if block.kind == "code" else plain(block.text)


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
