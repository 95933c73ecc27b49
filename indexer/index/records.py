"""Record: a problem as it is stored with its postings."""

from __future__ import annotations

import json
from typing import Any

from indexer.posts.posts import Block
from indexer.posts.problems import Part, Problem
from indexer.posts.roles import Role


def to_record(problem: Problem) -> str:
    """A problem for the engine to store: its head, then each of its parts, as JSON on a line."""
    head = [problem.title, problem.anchor, problem.line, problem.headings, problem.honest]
    parts = (
        [
            part.block.kind, part.block.text, part.block.line, part.block.end,
            part.block.language, part.role, part.told, part.heading, part.anchor,
        ]
        for part in problem.parts
    )  # fmt: skip
    return "\n".join(map(_encode, (head, *parts)))


# `json.dumps` makes itself another for each call that asks for letters as they are.
_encode = json.JSONEncoder(ensure_ascii=False).encode


def from_record(record: str) -> Problem:
    """The problem that `to_record` made a record of."""
    (title, anchor, line, headings, honest), *parts = json.loads(
        "[" + record.replace("\n", ",") + "]"
    )
    return Problem(
        title, anchor, line, tuple(headings), tuple(_part(*part) for part in parts),
        tuple(map(tuple, honest)) if honest is not None else None,
    )  # fmt: skip


def part_of_record(record: str, number: int) -> Part:
    """One part of the problem that `to_record` made a record of."""
    return _part(*json.loads(record.split("\n", number + 2)[number + 1]))


def _part(kind: Any, text: str, line: int, end: int, language: str, role: str | None,
          told: int, heading: str, anchor: str) -> Part:  # fmt: skip
    block = Block(kind, text, line, end, language)
    return Part(block, Role(role) if role is not None else None, told, heading, anchor)
