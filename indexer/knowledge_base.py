"""KnowledgeBase: rebuild, search, ask; what every face calls."""

from __future__ import annotations

import hashlib
import math
import re
import shlex
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from urllib.parse import quote

import numpy as np

from indexer.analyzer import fold, warm_up
from indexer.answers import Alternative, Answer, Citation, Found, Hit, Hits, IndexInfo, State
from indexer.confidence import ANSWER, RELATED, confidence, read_signals
from indexer.conversation import Turn, complete
from indexer.evidence import Evidence, Judged
from indexer.fixes import find_fix, has_fix
from indexer.folder import NotText, find_posts
from indexer.index import Entry, Index, Skipped, current_generation, open_current
from indexer.pasted import understood
from indexer.posts import render_post
from indexer.problems import Problem
from indexer.question import Question, read_question, respelled
from indexer.ranking import Ranked, Ranking, unknown_words
from indexer.rebuild import Progress, Report, from_record, rebuild
from indexer.settings import Settings
from indexer.snippets import best_passage
from indexer.spelling import corrections

MOST_ALTERNATIVES = 10
_MOST_FACETS = 30
# Spelling is looked at so far, and a longer question is not offered anew.
_SPELLED, _SUGGESTED = 2000, 200


class NoIndex(RuntimeError):
    """There is no index yet; the message names the command that makes one."""


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What a half-typed question may become."""

    titles: tuple[Citation, ...]
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PostText:
    """A post to read: its HTML is not sanitised; `changed` if the file is not the one indexed."""

    citation: Citation
    html: str
    repairs: tuple[str, ...]
    changed: bool


@dataclass(frozen=True, slots=True)
class Status:
    """What is indexed, and how the folder differs from it by now."""

    folder: str
    place: str
    posts: int
    problems: int
    built_at: str
    build: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    skipped: tuple[Skipped, ...]

    @property
    def stale(self) -> bool:
        """Whether a rebuild would change the index."""
        return bool(self.added or self.changed or self.removed)


class _View:
    """One generation of the index with what is derived from it."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self.entries = index.manifest.posts
        self.ranking = Ranking(index.engine)
        counts = [entry.problems for entry in self.entries]
        self.post_of = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        chinese = np.array([entry.lang != "en" for entry in self.entries], bool)
        self.evidence = Evidence(self.ranking, chinese[self.post_of])
        self.number_of = {entry.path: number for number, entry in enumerate(self.entries)}
        self.info = IndexInfo(len(self.entries), index.manifest.built_at, index.manifest.build)
        self.problem = lru_cache(maxsize=2000)(self._problem)
        self.has_fix = lru_cache(maxsize=20_000)(self._has_fix)

    def _problem(self, number: int) -> Problem:
        return from_record(self.index.engine.record(number))

    def _has_fix(self, number: int) -> bool:
        return has_fix(self.problem(number))

    @cached_property
    def folded_titles(self) -> list[str]:
        return [fold(entry.title) for entry in self.entries]

    @cached_property
    def titled(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, title in enumerate(self.folded_titles):
            found.setdefault(title, []).append(number)
        return found

    def read(self, text: str) -> tuple[Question, str | None]:
        """The question that a text asks, and the text with unknown words as posts spell them."""
        found = corrections(text[:_SPELLED], self.ranking.holding)
        suggestion = text
        for typed, meant in found.items():
            suggestion = re.sub(rf"\b{typed}\b", meant, suggestion)
        asked = respelled(read_question(text), found)
        return asked, suggestion if found and len(text) <= _SUGGESTED else None

    def judge(self, question: Question) -> Judged:
        """The best problem of each post, best first, and what was seen of the first of them."""
        best = self.posts(self.ranking.rank(question))
        named = self.titled.get(fold(question.text.strip()))
        if named is None:
            return self.evidence.judge(question, best)
        # A question that is the title of a post asks for that post, however common its words.
        ours = np.isin(self.post_of[best.problems], named)
        order = np.argsort(~ours, kind="stable")
        best = Ranked(best.problems[order], best.scores[order])
        return self.evidence.judge(question, best, best.problems[: int(ours.sum())])

    def posts(self, ranked: Ranked) -> Ranked:
        """The best problem of each post, best first."""
        _, first = np.unique(self.post_of[ranked.problems], return_index=True)
        first.sort()
        return Ranked(ranked.problems[first], ranked.scores[first])

    def entry(self, problem: int) -> Entry:
        return self.entries[int(self.post_of[problem])]


class KnowledgeBase:
    """A folder of posts with its index; safe to share between threads.

    Each question is answered by the newest index: a rebuild by any process is noticed.
    """

    def __init__(self, folder: Path, place: Path, settings: Settings | None = None) -> None:
        self.folder = folder
        self.place = place
        self.settings = settings or Settings()
        self._lock = threading.Lock()
        self._open: _View | None = None

    def rebuild(
        self, *, full: bool = False, jobs: int | None = None, progress: Progress | None = None
    ) -> Report:
        """Brings the index up to date with the posts, and says what became of every file."""
        return rebuild(
            self.folder,
            self.place,
            full=full,
            jobs=self.settings.jobs if jobs is None else jobs,
            drafts=self.settings.drafts,
            progress=progress,
        )

    def warm_up(self) -> None:
        """Loads now what the first question would wait for."""
        warm_up()
        view = self._view()
        view.judge(read_question("error 错误"))

    def search(
        self,
        question: str,
        *,
        page: int = 1,
        per_page: int = 10,
        tag: str | None = None,
        lang: str | None = None,
        folder: str | None = None,
        explain: bool = False,
    ) -> Hits:
        """One page of the posts that hold words of the question, best first.

        `tag`, `lang` and `folder` narrow them. With a filter and no question: all its posts.
        """
        started = time.perf_counter()
        view = self._view()
        asked, suggestion = view.read(question)
        judged = view.judge(asked)
        best = judged.ranked
        if not asked.terms and (tag or lang or folder):
            first = np.flatnonzero(np.diff(view.post_of, prepend=-1)).astype(np.int32)
            best = Ranked(first, np.zeros(len(first), np.float32))
        kept = [
            i
            for i, problem in enumerate(best.problems)
            if _passes(view.entry(int(problem)), tag, lang, folder)
        ]
        importance = view.ranking.importance(asked)
        start = (page - 1) * per_page
        hits = tuple(
            self._hit(
                view,
                int(best.problems[i]),
                float(best.scores[i]),
                importance,
                view.evidence.explain(asked, judged, i) if explain and asked.terms else None,
            )
            for i in kept[start : start + per_page]
        )
        return Hits(
            question=question,
            total=len(kept),
            page=page,
            per_page=per_page,
            hits=hits,
            suggestion=suggestion,
            facets=_facets([view.entry(int(best.problems[i])) for i in kept]),
            took_ms=_since(started),
            index=view.info,
        )

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """The fix that answers a question, or the posts that may help, or neither."""
        started = time.perf_counter()
        view = self._view()
        ranking = view.ranking
        asked, carried = complete(view.read(question)[0], history, ranking)
        judged = view.judge(asked)
        best = judged.ranked
        importance = ranking.importance(asked)
        found: Found | None = None
        sure = 0.0
        if len(best):
            first = int(best.problems[0])
            entry = view.entry(first)
            problem = view.problem(first)
            sure = confidence(read_signals(asked, judged, len(view.entries)))
            fix = find_fix(problem, importance) if sure >= ANSWER else None
            if fix is not None:
                found = Found(self._cite(entry), problem.title, problem.anchor, fix)
        state: State = "answer" if found else "related" if sure >= RELATED else "none"
        others = best.problems[1 if found else 0 :][:MOST_ALTERNATIVES]
        scores = best.scores[1 if found else 0 :][:MOST_ALTERNATIVES]
        top = float(best.scores[0]) if len(best) else 0.0
        return Answer(
            question=question,
            state=state,
            confidence=sure,
            understood=understood(question),
            carried=carried,
            found=found,
            alternatives=tuple(
                self._alternative(
                    view, int(number), sure * math.exp(float(score) - top), importance
                )
                for number, score in zip(others, scores, strict=True)
            ),
            unmatched=unknown_words(question, ranking),
            took_ms=_since(started),
            index=view.info,
        )

    def suggest(self, text: str, most: int = 8) -> Suggestions:
        """Titles that hold all that was typed, and terms that begin with its last word."""
        view = self._view()
        typed = fold(text[:200]).split()
        if not typed:
            return Suggestions((), ())
        held = (
            i for i, title in enumerate(view.folded_titles) if all(word in title for word in typed)
        )
        titles = sorted(held, key=lambda i: (view.folded_titles[i].find(typed[0]), i))[:most]
        return Suggestions(
            tuple(self._cite(view.entries[i]) for i in titles),
            tuple(_beginning(view.index.engine.vocabulary(), typed[-1], view.ranking)[:most]),
        )

    def post(self, path: str, highlight: Callable[[str, str], str]) -> PostText | None:
        """A post of the index to read, or None where there is no such post (any more)."""
        view = self._view()
        number = view.number_of.get(path)
        if number is None:
            return None
        entry = view.entries[number]
        try:
            file = (self.folder / path).resolve()
            if not file.is_relative_to(self.folder.resolve()):
                return None
            data = file.read_bytes()
            html = render_post(path, data, highlight)
        except (OSError, ValueError, NotText):
            return None
        changed = hashlib.sha256(data).hexdigest() != entry.digest
        return PostText(self._cite(entry), html, entry.repairs, changed)

    def info(self) -> IndexInfo:
        """Which index answers now."""
        return self._view().info

    def newest_titles(self, most: int) -> tuple[str, ...]:
        """Titles of posts that have a date, newest first."""
        dated = [entry for entry in self._view().entries if entry.date]
        dated.sort(key=lambda entry: (entry.date or "", entry.path), reverse=True)
        return tuple(dict.fromkeys(entry.title for entry in dated[: most * 3]))[:most]

    def status(self) -> Status:
        """What is indexed and what a rebuild would change; reads every post once."""
        manifest = self._view().index.manifest
        indexed = {entry.path: entry.digest for entry in manifest.posts}
        skipped = {one.path for one in manifest.skipped}
        there: dict[str, str] = {}
        for found in find_posts(self.folder, drafts=self.settings.drafts):
            if found.reason is None:
                try:
                    there[found.path] = hashlib.sha256(found.file.read_bytes()).hexdigest()
                except OSError:
                    continue
        return Status(
            folder=str(self.folder),
            place=str(self.place),
            posts=len(indexed),
            problems=sum(entry.problems for entry in manifest.posts),
            built_at=manifest.built_at,
            build=manifest.build,
            added=tuple(sorted(there.keys() - indexed.keys() - skipped)),
            changed=tuple(sorted(p for p in there.keys() & indexed if there[p] != indexed[p])),
            removed=tuple(sorted(indexed.keys() - there.keys())),
            skipped=manifest.skipped,
        )

    # Parts

    def _view(self) -> _View:
        """The newest generation, opened once."""
        current = current_generation(self.place)
        view = self._open
        if view is not None and view.index.folder == current:
            return view
        with self._lock:
            if self._open is None or self._open.index.folder != current:
                index = open_current(self.place)
                if index is None:
                    state = "has no index yet" if current is None else "was indexed by other rules"
                    again = f"fixdex rebuild {shlex.quote(str(self.folder))}"
                    raise NoIndex(f"{self.folder} {state}; make an index with: {again}")
                # The one before is let go of when the last question that uses it is done.
                self._open = _View(index)
            return self._open

    def _hit(
        self,
        view: _View,
        number: int,
        score: float,
        importance: Mapping[str, float],
        why: tuple[tuple[str, float], ...] | None,
    ) -> Hit:
        problem = view.problem(number)
        passage = best_passage(problem, importance)
        return Hit(
            post=self._cite(view.entry(number)),
            anchor=passage.anchor,
            heading=passage.heading,
            score=score,
            snippet=passage.snippet,
            has_fix=view.has_fix(number),
            why=why,
        )

    def _alternative(
        self, view: _View, number: int, sure: float, importance: Mapping[str, float]
    ) -> Alternative:
        passage = best_passage(view.problem(number), importance)
        return Alternative(self._cite(view.entry(number)), passage.anchor, sure, passage.snippet)

    def _cite(self, entry: Entry) -> Citation:
        prefix = self.settings.path_prefix.rstrip("/")
        return Citation(
            path=entry.path,
            title=entry.title,
            url=f"{prefix}/posts/{quote(entry.path)}",
            date=entry.date,
            tags=entry.tags,
            lang=entry.lang,
            link=self._link(entry),
        )

    def _link(self, entry: Entry) -> str | None:
        pattern = self.settings.permalink
        if not pattern:
            return entry.link
        folder, _, name = entry.path.rpartition("/")
        stem = name.rsplit(".", 1)[0]
        values = {"path": quote(entry.path), "folder": quote(folder), "stem": quote(stem)}
        return re.sub(r"\{(path|folder|stem)\}", lambda match: values[match[1]], pattern)


def _passes(entry: Entry, tag: str | None, lang: str | None, folder: str | None) -> bool:
    if tag and tag.casefold() not in (own.casefold() for own in entry.tags):
        return False
    if lang and entry.lang != lang:
        return False
    return not folder or entry.path.startswith(folder.strip("/") + "/")


def _facets(entries: Sequence[Entry]) -> dict[str, tuple[tuple[str, int], ...]]:
    tags: dict[str, int] = {}
    langs: dict[str, int] = {}
    for entry in entries:
        langs[entry.lang] = langs.get(entry.lang, 0) + 1
        for tag in entry.tags:
            tags[tag] = tags.get(tag, 0) + 1

    def most(counts: dict[str, int]) -> tuple[tuple[str, int], ...]:
        return tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:_MOST_FACETS])

    return {"tag": most(tags), "lang": most(langs)}


def _beginning(vocabulary: Sequence[str], start: str, ranking: Ranking) -> list[str]:
    """Terms that begin so, the most used first."""
    low = bisect_left(vocabulary, start)
    found = []
    for row in range(low, min(low + 300, len(vocabulary))):
        if not vocabulary[row].startswith(start):
            break
        found.append(vocabulary[row])

    def used(term: str) -> int:
        postings = ranking.term(term)
        return len(postings[0]) if postings else 0

    return sorted(found, key=lambda term: (-used(term), term))


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)
