"""Generation: one index that is open, and how its posts stand to a question."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from indexer.index.index import Entry, Index, IndexInfo
from indexer.index.postings import Ints
from indexer.index.records import from_record, part_of_record
from indexer.posts.problems import Problem
from indexer.search.confidence import RELATED, confidence, read_signals
from indexer.search.evidence import LOOKED_AT, NAMES, Evidence, Judged
from indexer.search.facets import Facets
from indexer.search.question import Question, is_telling, read_question, respelled, telling
from indexer.search.ranking import Ranked, Ranking
from indexer.search.recent import keep, recent
from indexer.search.snippets import Passage, Sought, first_passage, passage_of
from indexer.search.spelling import corrections, is_near
from indexer.text.analyzer import fold, words
from indexer.text.bilingual import Glossary, glossary
from indexer.text.chinese import HAN

# For so many posts it is looked at which of their problems to show; at so many of each. Where the
# post is right, .03 more fixes are right so in tidb-zh and in eslint, and as many in blogs.
_TOLD, _OF_A_POST = 3, 8
# Of a post's problems, one unit of evidence counts for as much as this of what speaks for a fix.
_SEEN = 1.5
# Spelling is looked at so far, and a longer question is not offered anew.
_SPELLED, _SUGGESTED = 2000, 200
# How a word is written is looked up in so many problems.
_FORMS = 5
# So many words that a problem holds of the question are named.
_MATCHED = 6
_HOLDS_NONE = 0.1
# So many terms with one beginning are looked at.
_BEGINNING = 300
_ONE_LETTER, _BEGUN = re.compile(f"[{HAN}]"), 5


class Generation:
    """One generation of the index, open, with what is derived from it."""

    def __init__(self, index: Index, budget: int) -> None:
        """`budget`: bytes of postings that are kept ready."""
        self.index = index
        self.entries = index.manifest.posts
        self.ranking = Ranking(index.engine, budget)
        counts = [entry.problems for entry in self.entries]
        self.worths = [worth for entry in self.entries for worth in entry.worths]
        self.post_of = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        chinese = np.array([entry.lang != "en" for entry in self.entries], bool)
        troubled = np.array([entry.troubled for entry in self.entries], np.float32)
        # Where most titles tell of trouble, one that does says little.
        troubled = troubled * np.float32(1 - troubled.mean() if len(troubled) else 0)
        self.evidence = Evidence(self.ranking, self.post_of, chinese, troubled)
        self.number_of = {entry.path: number for number, entry in enumerate(self.entries)}
        self.glossary = Glossary(index.manifest.pairs, glossary())
        self.info = IndexInfo(len(self.entries), index.manifest.built_at, index.manifest.build)
        self._problems: dict[Hashable, Problem] = {}
        # A page asks the same for its answer and for its posts; what was found serves both.
        self._judged: dict[Hashable, Judged] = {}
        self._passages: dict[Hashable, Passage] = {}
        self._matched: dict[Hashable, tuple[str, ...]] = {}

    def problem(self, number: int) -> Problem:
        """A problem of the index, by its number."""
        return recent(
            self._problems,
            number,
            lambda: from_record(self.index.engine.record(number)),
            _READ_LATELY,
        )

    def has_fix(self, number: int) -> bool:
        """Whether a problem offers a fix, whatever is asked."""
        return self.worths[number] is not None

    @cached_property
    def facets(self) -> Facets:
        return Facets(self.entries)

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
        found = corrections(text[:_SPELLED], self.ranking.holding_all)
        suggestion = text
        for typed, meant in found.items():
            suggestion = re.sub(rf"\b{typed}\b", self._as_written(typed, meant), suggestion)
        if _ONE_LETTER.fullmatch(text.strip()):
            # Who types one character has begun a word.
            text = " ".join(self.beginning(fold(text.strip()))[:_BEGUN]) or text
        asked = respelled(read_question(text, self.glossary), found)
        return asked, suggestion if found and len(text) <= _SUGGESTED else None

    def _as_written(self, typed: str, meant: str) -> str:
        """A word as posts write it, best one near what was typed: its stem alone is known."""
        (term,) = words(meant)
        postings = self.ranking.term(term.text)
        forms: Counter[str] = Counter()
        for number in postings[0][:_FORMS].tolist() if postings else ():
            text = _whole(self.problem(number))
            cut = (one for one in words(text) if one.text == term.text)
            forms.update(fold(text[one.start : one.end]) for one in cut)
        return max(forms, key=lambda form: (is_near(typed, form), forms[form]), default=meant)

    def judge(self, question: Question, without: Sequence[str] = ()) -> Judged:
        """The best problem of each post, best first, and what was seen of the first of them.

        Posts whose paths are `without` are left out.
        """
        return recent(
            self._judged,
            (question.text, *without),
            lambda: self._judge_anew(question, without),
            _ASKED_LATELY,
        )

    def passages(self, numbers: Sequence[int], question: Question) -> list[Passage]:
        """The passage of each of these problems to show for a question."""
        text, sought = question.text, Sought(self.ranking.importance(question))
        known = {one: found for one in numbers if (found := self._passages.get((one, text)))}
        new = [one for one in numbers if one not in known]
        if new:
            parts = self.evidence.best_parts(question, np.array(new, np.int32)).tolist()
            for number, part in zip(new, parts, strict=True):
                record = self.index.engine.record(number)
                found = passage_of(part_of_record(record, part), sought) if part >= 0 else None
                passage = found or first_passage(self.problem(number), sought)
                known[number] = keep(self._passages, (number, text), passage, _SHOWN_LATELY)
        return [known[number] for number in numbers]

    def _judge_anew(self, question: Question, without: Sequence[str]) -> Judged:
        ranked = self.ranking.rank(question)
        left_out = [self.number_of[path] for path in without if path in self.number_of]
        if left_out:
            kept = ~np.isin(self.post_of[ranked.problems], left_out)
            ranked = Ranked(ranked.problems[kept], ranked.scores[kept])
        judged = self._judge(question, self.posts(ranked))
        return replace(judged, told=self._told(question, ranked, judged.ranked.problems[:_TOLD]))

    def _told(self, question: Question, ranked: Ranked, first: Ints) -> tuple[int, ...]:
        """Of all the problems that each post tells, the one asked for; `first` brought the posts.

        Words that stand all over a long list of troubles may bring another of them first.
        """
        posts = self.post_of[ranked.problems]
        places = [np.flatnonzero(posts == self.post_of[one])[:_OF_A_POST] for one in first]
        if all(len(own) == 1 for own in places):
            return tuple(first.tolist())
        among = np.concatenate(places)
        own = Ranked(ranked.problems[among], ranked.scores[among])
        evidence = self.evidence.scores_within_posts(question, own)
        told: dict[int, tuple[float, int]] = {}
        for number, seen in zip(own.problems.tolist(), evidence.tolist(), strict=True):
            worth = self.worths[number]
            if worth is not None:
                post = int(self.post_of[number])
                best = (worth + _SEEN * seen, number)
                told[post] = max(told.get(post, best), best, key=lambda one: one[0])
        return tuple(
            told[post][1] if (post := int(self.post_of[one])) in told else one
            for one in first.tolist()
        )

    def _judge(self, question: Question, best: Ranked) -> Judged:
        named = self.titled.get(fold(question.text.strip()))
        if named is None:
            return self.evidence.judge(question, best)
        # A question that is the title of a post asks for that post, however common its words.
        ours = np.isin(self.post_of[best.problems], named)
        order = np.argsort(~ours, kind="stable")
        best = Ranked(best.problems[order], best.scores[order])
        return self.evidence.judge(question, best, best.problems[: int(ours.sum())])

    def confidence(self, question: Question, judged: Judged) -> float:
        """How sure it is, 0 to 1, that the first post answers the question."""
        if not len(judged.ranked):
            return 0.0
        sure = confidence(read_signals(question, judged, len(self.entries)))
        if question.kind == "paste" or sure < RELATED or self._holds_any(question, judged):
            return sure
        return _HOLDS_NONE

    def _holds_any(self, question: Question, judged: Judged) -> bool:
        """Whether the first post holds a word that says what is asked, or another way to say it.

        In a small collection `how to` is rare, and would tell a post from the others.
        """
        own, first = " ".join(telling(question.text)), int(judged.shown[0])
        return bool(own) and bool(
            self.matched(first, question.text, self.ranking.importance(question))
            or self.held(own, self.entry(first).path)
        )

    def problems_of(self, path: str, question: Question) -> tuple[int, ...]:
        """The problems that a post tells, the one asked for first."""
        number = self.number_of.get(path)
        if number is None:
            return ()
        ranked = self.ranking.rank(question)
        own = ranked.problems[self.post_of[ranked.problems] == number][:_OF_A_POST]
        (first,) = self._told(question, ranked, own[:1]) if len(own) else (None,)
        rest = [*own.tolist(), *np.flatnonzero(self.post_of == number).tolist()]
        return tuple(dict.fromkeys([*([first] if first is not None else []), *rest]))

    def held(self, text: str, path: str) -> float:
        """Which share of a text's words, or of other ways to say them, a post holds."""
        question, _ = self.read(text)
        number = self.number_of.get(path)
        if number is None:
            return 0.0
        problems = np.flatnonzero(self.post_of == number).astype(np.int32)[:LOOKED_AT]
        rows = self.evidence.features(question, problems, np.zeros(len(problems), np.float32))
        return float(rows[:, NAMES.index("post")].max(initial=0)) if question.terms else 1.0

    def matched(self, number: int, text: str, importance: Mapping[str, float]) -> tuple[str, ...]:
        """The telling words of a question that a problem holds, as typed, most important first."""
        return recent(
            self._matched,
            (number, text),
            lambda: self._find_matched(number, text, importance),
            _ASKED_LATELY,
        )

    def _find_matched(
        self, number: int, text: str, importance: Mapping[str, float]
    ) -> tuple[str, ...]:
        found = {
            text[word.start : word.end]: importance[word.text]
            for word in words(text[:_SPELLED])
            if word.text in importance
            and self.ranking.holds(word.text, number)
            and is_telling(fold(text[word.start : word.end]))
        }
        return tuple(sorted(found, key=lambda one: -found[one])[:_MATCHED])

    def posts(self, ranked: Ranked) -> Ranked:
        """The best problem of each post, best first."""
        posts = self.post_of[ranked.problems]
        place = np.full(len(self.entries), -1, np.int64)
        # Of what is written to one place, the last stays: from the end, the first of each post.
        place[posts[::-1]] = np.arange(len(posts))[::-1]
        first = np.sort(place[place >= 0])
        return Ranked(ranked.problems[first], ranked.scores[first])

    def entry(self, problem: int) -> Entry:
        return self.entries[int(self.post_of[problem])]

    def beginning(self, start: str) -> list[str]:
        """Terms that begin so, the most used first."""
        found = self.index.engine.vocabulary().beginning(start, _BEGINNING)
        used = {term: self.ranking.holding(term) for term in found}
        return sorted((term for term in found if used[term]), key=lambda t: (-used[t], t))


def _whole(problem: Problem) -> str:
    return "\n".join([problem.title, *(part.block.text for part in problem.parts)])


# A ranking of all posts is large; a passage is not.
_ASKED_LATELY, _SHOWN_LATELY, _READ_LATELY = 16, 200, 200
