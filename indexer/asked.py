"""Asked: what was asked of a site and what came of it, kept where the owner wants it kept."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from indexer.redaction import redact

REASONS = ("other_trouble", "wrong_part", "outdated", "did_not_work", "unclear")
_LONGEST = 2000
_TABLES = """
CREATE TABLE IF NOT EXISTS asked (
  question TEXT NOT NULL, outcome TEXT NOT NULL, post TEXT, confidence REAL NOT NULL,
  at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS helped (
  question TEXT NOT NULL, post TEXT, helped INTEGER NOT NULL, reason TEXT, at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS asked_at ON asked (at);
"""


class AskedError(Exception):
    """The file that should hold what was asked cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A question, how often it was asked, what came of it last, and whether that helped."""

    question: str
    times: int
    outcome: str
    post: str | None
    helped: int
    did_not_help: int
    reasons: tuple[str, ...]
    last: float


class Asked:
    """What was asked of a site, redacted, in a SQLite file outside the index."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()

    def note(self, question: str, outcome: str, post: str | None, confidence: float) -> None:
        """Keeps a question and what came of it."""
        row = (_kept(question), outcome, post, confidence, time.time())
        with self._open() as database:
            database.execute("INSERT INTO asked VALUES (?, ?, ?, ?, ?)", row)

    def note_help(self, question: str, post: str | None, helped: bool, reason: str | None) -> None:
        """Keeps whether an answer helped, and why not."""
        row = (_kept(question), post, helped, reason, time.time())
        with self._open() as database:
            database.execute("INSERT INTO helped VALUES (?, ?, ?, ?, ?)", row)

    def report(self, days: float = 90, most: int = 200) -> tuple[Reported, ...]:
        """The questions of the last days that want a post most: not answered, or not helped."""
        since = time.time() - days * 86400
        with self._open() as database:
            rows = database.execute(
                # Of a group SQLite takes the bare columns from the row that has the maximum.
                "SELECT question, COUNT(*), outcome, post, MAX(at) FROM asked WHERE at >= ? "
                "GROUP BY question",
                (since,),
            ).fetchall()
            said = database.execute(
                "SELECT question, helped, reason, post, at FROM helped WHERE at >= ? ORDER BY at",
                (since,),
            ).fetchall()
        helped: dict[str, list[tuple[Any, ...]]] = {}
        for question, *rest in said:
            helped.setdefault(question, []).append(tuple(rest))
        noted = {row[0] for row in rows}
        only_said = [
            (question, len(votes), "answer", votes[-1][2], votes[-1][3])
            for question, votes in helped.items()
            if question not in noted
        ]
        found = [
            Reported(
                question,
                times,
                outcome,
                post,
                sum(bool(yes) for yes, *_ in helped.get(question, ())),
                sum(not yes for yes, *_ in helped.get(question, ())),
                tuple(sorted({why for _, why, *_ in helped.get(question, ()) if why})),
                last,
            )
            for question, times, outcome, post, last in [*rows, *only_said]
        ]
        wanted = [one for one in found if one.outcome != "answer" or one.did_not_help]
        wanted.sort(key=lambda one: (-one.times - one.did_not_help, -one.last))
        return tuple(wanted[:most])

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock:
                self.file.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(self.file, os.O_CREAT | os.O_RDWR, 0o600))
                database = sqlite3.connect(self.file, timeout=2)
                try:
                    database.executescript(_TABLES)
                    with database:
                        yield database
                finally:
                    database.close()
        except (OSError, sqlite3.Error) as error:
            raise AskedError(f"{self.file} cannot keep what was asked: {error}") from error


def _kept(question: str) -> str:
    """A question as it is kept: redacted, and no longer than what tells it."""
    return redact(question.strip())[:_LONGEST]
