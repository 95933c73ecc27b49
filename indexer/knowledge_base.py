"""KnowledgeBase: rebuild, search, ask; what every face calls."""

from __future__ import annotations

import gc
import math
import re
import shlex
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import numpy as np

from indexer.answers.answers import (
    Alternative,
    Answer,
    Citation,
    Found,
    Hit,
    Hits,
    State,
)
from indexer.answers.conversation import Turn, read_request
from indexer.answers.reading import PostText, find_picture, read_text
from indexer.answers.replies import Reply, find_reply
from indexer.fixes.fixes import find_fix
from indexer.index.index import Entry, IndexInfo, open_current
from indexer.index.rebuild import Progress, Report, rebuild
from indexer.index.status import Status, read_status
from indexer.index.storage import IndexFault, read_current
from indexer.memory import give_back, uncollected
from indexer.places import remember
from indexer.search.confidence import ANSWER, RELATED
from indexer.search.generation import Generation
from indexer.search.ranking import Ranked, unknown_words
from indexer.search.snippets import Passage
from indexer.settings import Settings
from indexer.text.analyzer import fold
from indexer.text.dictionary import warm_up
from indexer.text.pasted import understood

MOST_ALTERNATIVES = 10


# What troubles are told with everywhere, in both languages.
_TROUBLE = (
    "error failed cannot connect connection refused timeout permission denied not found no such "
    "file directory install version update memory server client database request response "
    "undefined null invalid missing unknown unable build start run load open read write key value "
    "type function module package command 错误 失败 无法 连接 超时 权限 找不到 文件 目录 安装 版本 "
    "更新 内存 服务器 客户端 数据库 请求 未定义 无效 缺少 未知 编译 启动 运行 加载 打开 读取 写入 "
    "解决 问题 报错 异常 配置 原因"
)


class NoIndex(RuntimeError):
    """There is no index to be opened; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What a half-typed question may become."""

    titles: tuple[Citation, ...]
    terms: tuple[str, ...]


class KnowledgeBase:
    """A folder of posts with its index; safe to share between threads.

    Each question is answered by the newest index: a rebuild by any process is noticed.
    """

    def __init__(self, folder: Path, place: Path, settings: Settings | None = None) -> None:
        self.folder = folder
        self.place = place
        self.settings = settings or Settings()
        self._lock = threading.Lock()
        self._open: Generation | None = None

    def rebuild(
        self,
        *,
        full: bool = False,
        jobs: int | None = None,
        most: int | None = None,
        progress: Progress | None = None,
    ) -> Report:
        """Brings the index up to date with the posts, and says what became of every file.

        Raises MuchToDo where that is to read and write more than `most` posts.
        """
        report = rebuild(
            self.folder,
            self.place,
            full=full,
            jobs=self.settings.jobs if jobs is None else jobs,
            drafts=self.settings.drafts,
            seconds=self.settings.read_seconds,
            trusted=self.settings.trust_index,
            known=self._open.index if self._open else None,
            most=most,
            progress=progress,
        )
        remember(self.place, self.folder)
        return report

    def load(self) -> None:
        """Loads now what the first question would wait for."""
        with uncollected():
            warm_up()
            # Of a paste all is read that is read of questions, and more.
            for question in (_TROUBLE, f"Traceback:\nValueError: {_TROUBLE}"):
                self.search(question)
                self.ask(question)

    def warm_up(self) -> None:
        """Loads that, and makes ready what later questions would make."""
        self.load()
        with uncollected():
            generation = self.generation()
            generation.ranking.warm_up(generation.glossary.terms())
        if not gc.get_freeze_count():
            # Looked through for rubbish again, what stays costs a question 65 ms now and then.
            gc.collect()
            gc.freeze()
        give_back()

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
        generation = self.generation()
        asked, suggestion = generation.read(question)
        judged = generation.judge(asked)
        if not asked.terms and (tag or lang or folder):
            first = np.flatnonzero(np.diff(generation.post_of, prepend=-1)).astype(np.int32)
            judged = replace(judged, ranked=Ranked(first, np.zeros(len(first), np.float32)))
        best, shown = judged.ranked, judged.shown
        posts = generation.post_of[best.problems]
        passing = generation.facets.passing(tag, lang, folder)
        kept = np.arange(len(posts)) if passing is None else np.flatnonzero(passing[posts])
        start = (page - 1) * per_page
        places = kept[start : start + per_page].tolist()
        passages = generation.passages(shown[places].tolist(), asked)
        hits = tuple(
            self._hit(
                generation,
                int(shown[i]),
                float(best.scores[i]),
                passage,
                generation.evidence.explain(asked, judged, i) if explain and asked.terms else None,
            )
            for i, passage in zip(places, passages, strict=True)
        )
        return Hits(
            question=question,
            total=len(kept),
            page=page,
            per_page=per_page,
            hits=hits,
            suggestion=suggestion,
            facets=generation.facets.counts(posts[kept]),
            took_ms=_since(started),
            index=generation.info,
        )

    def ask(self, question: str, history: Sequence[Turn] = ()) -> Answer:
        """The fix that answers a question, or the posts that may help, or neither."""
        started = time.perf_counter()
        generation = self.generation()
        ranking = generation.ranking
        request = read_request(question, history, generation.held)
        asked, _ = generation.read(request.question)
        reply = find_reply(generation, request, asked)
        judged = generation.judge(asked, request.tried if request.asks == "another" else ())
        importance = ranking.importance(asked)
        sure = generation.confidence(asked, judged)
        shown = judged.shown
        if reply is None and request.asks in ("fix", "another") and len(shown) and sure >= ANSWER:
            fix = find_fix(generation.problem(int(shown[0])), importance)
            reply = Reply(int(shown[0]), fix) if fix is not None else None
        elif reply is not None:
            # It was asked of this very post.
            sure = max(sure, ANSWER)
        found: Found | None = None
        if reply is not None:
            problem = generation.problem(reply.problem)
            cited = self._cite(generation.entry(reply.problem))
            found = Found(cited, problem.title, problem.anchor, reply.fix)
        state: State = "answer" if found else "related" if sure >= RELATED else "none"
        top = float(judged.ranked.scores[0]) if len(shown) else 0.0
        others = [
            (int(number), sure * math.exp(float(score) - top))
            for number, score in zip(
                shown[: MOST_ALTERNATIVES + 1], judged.ranked.scores, strict=False
            )
            if reply is None or generation.post_of[number] != generation.post_of[reply.problem]
        ][:MOST_ALTERNATIVES]
        passages = generation.passages([number for number, _ in others], asked)
        return Answer(
            question=question,
            state=state,
            confidence=sure,
            understood=understood(question),
            carried=request.carried,
            found=found,
            alternatives=tuple(
                Alternative(
                    self._cite(generation.entry(number)), passage.anchor, how_sure, passage.snippet
                )
                for (number, how_sure), passage in zip(others, passages, strict=True)
            ),
            unmatched=unknown_words(question, ranking),
            took_ms=_since(started),
            index=generation.info,
            asks=request.asks,
            matched=generation.matched(reply.problem, request.question, importance)
            if reply
            else (),
        )

    def suggest(self, text: str, most: int = 8) -> Suggestions:
        """Titles that hold all that was typed, and terms that begin with its last word."""
        generation = self.generation()
        typed = fold(text[:200]).split()
        if not typed:
            return Suggestions((), ())
        folded = generation.folded_titles
        held = (i for i, title in enumerate(folded) if all(word in title for word in typed))
        titles = sorted(held, key=lambda i: (folded[i].find(typed[0]), i))[:most]
        return Suggestions(
            tuple(self._cite(generation.entries[i]) for i in titles),
            tuple(generation.beginning(typed[-1])[:most]),
        )

    def post(self, path: str, highlight: Callable[[str, str], str]) -> PostText | None:
        """A post of the index to read, or None where there is no such post (any more)."""
        generation = self.generation()
        number = generation.number_of.get(path)
        if number is None:
            return None
        return read_text(
            generation, number, self._cite(generation.entries[number]), self.folder, highlight
        )

    def holds(self, path: str) -> bool:
        """Whether the index holds a post."""
        return path in self.generation().number_of

    def picture(self, path: str) -> Path | None:
        """A picture of the posts' folder to show, or None; never what is hidden or lies outside."""
        return find_picture(self.folder, path)

    def info(self) -> IndexInfo:
        """Which index answers now."""
        return self.generation().info

    def newest_titles(self, most: int) -> tuple[str, ...]:
        """Titles of posts that have a date, newest first."""
        dated = [entry for entry in self.generation().entries if entry.date]
        dated.sort(key=lambda entry: (entry.date or "", entry.path), reverse=True)
        return tuple(dict.fromkeys(entry.title for entry in dated[: most * 3]))[:most]

    def status(self, *, compare: bool = True) -> Status:
        """What is indexed, and what a rebuild would change.

        Without `compare` the folder is not looked at, and nothing is said to have changed.
        """
        return read_status(
            self.generation().index,
            self.folder,
            self.place,
            drafts=self.settings.drafts,
            compare=compare,
        )

    def generation(self) -> Generation:
        """The newest generation, opened once; raises NoIndex where there is none."""
        current = read_current(self.place)
        found = self._open
        if found is not None and found.index.current == current:
            return found
        # While one thread opens the next, the others go on with the one before.
        if not self._lock.acquire(blocking=found is None) and found is not None:
            return found
        try:
            if self._open is None or self._open.index.current != current:
                # The one before is let go of when the last question that uses it is done.
                with uncollected():
                    self._open = self._newest(current is not None)
            return self._open
        finally:
            self._lock.release()

    def _newest(self, there: bool) -> Generation:
        before = self._open.index if self._open else None
        try:
            index = open_current(self.place, before, trusted=self.settings.trust_index)
        except IndexFault as fault:
            raise NoIndex(str(fault)) from None
        if index is None:
            state = "has no index" + (" that can be used" if there else " yet")
            again = f"fixdex rebuild {shlex.quote(str(self.folder))}"
            raise NoIndex(f"{self.folder} {state}; make an index with: {again}")
        return Generation(index, self.settings.cache_mb * 1_000_000)

    def close(self) -> None:
        """Lets go of the index; the next question opens it again."""
        with self._lock:
            self._open = None

    # Parts

    def _hit(
        self,
        generation: Generation,
        number: int,
        score: float,
        passage: Passage,
        why: tuple[tuple[str, float], ...] | None,
    ) -> Hit:
        return Hit(
            post=self._cite(generation.entry(number)),
            anchor=passage.anchor,
            heading=passage.heading,
            score=score,
            snippet=passage.snippet,
            has_fix=generation.has_fix(number),
            why=why,
        )

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
        """The post's page on its owner's site: as the post says, else by the owner's pattern."""
        pattern, said = self.settings.permalink, entry.link
        if said and "://" not in said and (site := re.match(r"https?://[^/]+", pattern)):
            said = site[0] + said
        if said or not pattern:
            return said
        folder, _, name = entry.path.rpartition("/")
        stem = name.rsplit(".", 1)[0]
        year, month, day = (entry.date or "--").split("-", 2)
        values = {
            "path": quote(entry.path),
            "folder": quote(folder),
            "stem": quote(stem),
            "slug": quote(re.sub(r"^\d{4}-\d{1,2}-\d{1,2}-", "", stem)),
            "year": year,
            "month": month,
            "day": day,
        }
        if not entry.date and re.search(r"\{(year|month|day)\}", pattern):
            return None
        return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), pattern)


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 2)
