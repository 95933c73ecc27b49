"""Evidence: how the words of a question stand in a problem, beyond how often."""

from __future__ import annotations

import functools
import importlib.resources
import json
from collections import deque
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from indexer.index.postings import FIELDS, Floats, Ints, Places, begins_of, ranges
from indexer.search.occurrences import (
    Met,
    Rarities,
    Text,
    Wanted,
    code_rarities,
    gather,
    meet,
    want,
)
from indexer.search.proximity import side_by_side, windows
from indexer.search.question import Question
from indexer.search.ranking import K1, Ranked, Ranking, ways_of
from indexer.search.recent import recent

# So many posts are looked at again; after so many, only those with such a share of the first's
# score. Of 1,106 questions to six collections, evidence put none first that has less than half;
# of the first ten, two right ones are lost by it, and one is won.
LOOKED_AT, _SURELY, _LEAST = 60, 30, 0.4
_ASKED_LATELY = 16
# Words that stand within so many of each other stand together.
NEAR, FAR = 30, 100
# What opens a problem: its title, its headings and its first words.
OPENING = 100

_TITLE, _ERROR = FIELDS.index("title"), FIELDS.index("error")
_FIX = FIELDS.index("fix")
_LAST_OF_HEAD = FIELDS.index("tags")

# What is seen of a problem. "Share" is the share of the question's importance whose words stand
# there; "same" is the harmonic mean of that and of the share of the place that the question has.
NAMES = (
    "strength",      # score of the ranking against the most the question could get
    "relative",      # score of the ranking against that of its first
    "coverage",      # share in the whole problem
    "own",           # share of words met as they were said, not translated
    "best_word",     # importance of the most important word met
    "title",         # share in the title
    "title_whole",   # share of the title that the question has
    "heading",       # share in the title, one heading or one tag
    "heading_same",  # the same there
    "error_same",    # the same in one error line
    "block_same",    # the same in one block of text
    "named",         # share of the codes of the question that stand in its title or its headings
    "codes",         # share of the codes that stand anywhere
    "near",          # share within a window of NEAR words
    "far",           # share within a window of FAR words
    "pairs",         # importance of neighbours of the question that are neighbours here
    "pairs_share",   # share of the question's neighbours that are neighbours here
    "has_error",     # whether it has an error line
    "has_fix",       # whether it tells a fix
    "opening",       # share in its first OPENING words
    "post",          # share in all problems of its post
    "names",         # square of the share of the words in Latin letters that its post holds
    "length",        # logarithm of its number of words
    "trouble",       # how far the title of its post tells of trouble; not seen for a paste
    "trouble_named", # the same, times the share of the words in Latin letters that its post holds
    "language",      # whether its post is written in the question's language
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judged:
    """Problems in the order that the evidence gives them; the first rows hold what was seen.

    `scores` fall; `rows` has a row of NAMES for each problem that was looked at. `told` holds what
    to show of the first posts: of all the problems that each tells, the one asked for.
    """

    ranked: Ranked
    rows: Floats
    told: tuple[int, ...] = ()

    @property
    def shown(self) -> Ints:
        """The problem to show of each post, best post first."""
        told = np.array(self.told, np.int32)
        return np.concatenate([told, self.ranked.problems[len(told) :]])


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was looked at for a question: where each problem stands among those looked at; of each
    block whose it is, its part, and what it holds.
    """

    places: Mapping[int, int]
    owners: Ints
    parts: Ints
    held: Floats

    def best_part(self, problem: int) -> int:
        """The number of the part whose block holds most, of equals the first, or -1."""
        place = self.places[problem]
        first, last = self.owners.searchsorted(np.array([place, place + 1], np.int32))
        held = np.where(self.parts[first:last] < 0, 0, self.held[first:last])
        best = int(held.argmax())
        return int(self.parts[first + best]) if held[best] > 0 else -1


def _new_looked() -> deque[_Looked]:
    return deque(maxlen=4)


@functools.cache
def weights() -> Mapping[str, Mapping[str, Mapping[str, float]]]:
    """The fitted coefficients: of the evidence by kind of question, and of the confidence."""
    data = importlib.resources.files("indexer") / "data" / "weights.json"
    found: Mapping[str, Mapping[str, Mapping[str, float]]] = json.loads(data.read_text("utf-8"))
    return found


class Evidence:
    """Looks again at the problems that a ranking put first."""

    def __init__(
        self,
        ranking: Ranking,
        post_of: Ints,
        chinese: npt.NDArray[np.bool_],
        troubled: Floats,
    ) -> None:
        """`post_of` says to which post each problem belongs; `chinese`, whether a post is
        written in Chinese; `troubled`, how far its title sets it apart as one about trouble.
        """
        self._ranking = ranking
        self._troubled = troubled
        self._post_of = post_of
        self._chinese = chinese
        self._engine = ranking.engine
        self._vocabulary = self._engine.vocabulary()
        # Taken by who meets words, and given back; as many as ever did so at once.
        self._rarities = [self._code_rarities()]
        self._wants: dict[Hashable, Wanted] = {}
        self._looked: dict[Hashable, deque[_Looked]] = {}

    def judge(self, question: Question, ranked: Ranked, named: Ints | None = None) -> Judged:
        """The problems of a ranking, its first in the order of their evidence.

        Those that are `named` by the question come before all others.
        """
        depth = max(depth_of(ranked.scores), len(named[:LOOKED_AT]) if named is not None else 0)
        first, scores = ranked.problems[:depth], ranked.scores[:depth]
        rows = self.features(question, first, scores)
        if not len(first):
            return Judged(ranked, rows)
        own = _product(rows, _coefficients(question.kind))
        if named is not None:
            own = own + np.isin(first, named) * (own.max() - own.min() + 1)
        order = np.lexsort((first, -own))
        rest = ranked.scores[depth:]
        # What was not looked at again stands below what was.
        below = float(own.min()) - (float(rest[0]) if len(rest) else 0.0)
        return Judged(
            Ranked(
                np.concatenate([first[order], ranked.problems[depth:]]),
                np.concatenate([own[order], rest + below]).astype(np.float32),
            ),
            rows[order],
        )

    def scores_within_posts(self, question: Question, ranked: Ranked) -> Floats:
        """What the evidence gives each problem, to be compared with others of its post."""
        rows = self.features(question, ranked.problems, ranked.scores, whole_posts=False)
        return _product(rows, _coefficients(question.kind))

    def explain(
        self, question: Question, judged: Judged, place: int
    ) -> tuple[tuple[str, float], ...]:
        """What each term and each thing seen added to the score at a place; most first."""
        terms = self._ranking.explain(question, int(judged.ranked.problems[place]))
        if place >= len(judged.rows):
            return terms
        own = judged.rows[place] * _coefficients(question.kind)
        added = dict(zip(NAMES, own.tolist(), strict=True))
        # The score of the ranking is the sum of its terms.
        ranking = added.pop("strength") + added.pop("relative")
        whole = sum(value for _, value in terms) or 1.0
        parts = [(term, value * ranking / whole) for term, value in terms]
        parts += [(name, value) for name, value in added.items() if value]
        return tuple(sorted(parts, key=lambda one: (-one[1], one[0])))

    def features(
        self, question: Question, problems: Ints, scores: Floats, *, whole_posts: bool = True
    ) -> Floats:
        """One row of NAMES per problem; `scores` are those of the ranking.

        Without `whole_posts`, what these hold is not looked up, which takes .3 ms: `post`, `names`
        and `trouble_named` stay 0.
        """
        count = len(problems)
        if not count:
            return np.zeros((0, len(NAMES)), np.float32)
        given = np.argsort(problems)
        problems, scores = problems[given], scores[given]
        columns = np.zeros((len(NAMES), count), np.float32)
        seen = dict(zip(NAMES, columns, strict=True))
        importance = self._ranking.importance(question)
        whole = sum(importance.values()) or 1.0
        seen["strength"][:] = scores / np.float32(whole * (K1 + 1))
        seen["relative"][:] = scores / max(float(scores.max()), 1e-6)
        posts = self._post_of[problems]
        # What a program printed tells its trouble itself: told so, hit@1 of pastes fell by .03.
        if question.kind != "paste":
            seen["trouble"][:] = self._troubled[posts]
        seen["language"][:] = self._chinese[posts] == question.chinese
        text = gather(self._engine, problems)
        for name, field in (("has_error", _ERROR), ("has_fix", _FIX)):
            seen[name][text.block_owner[text.fields == field]] = 1
        seen["length"][:] = np.log(text.lengths + 10) / 10
        wanted = self._wanted(question)
        held = self._see_words(seen, text, wanted)
        if held is not None:
            looked = recent(self._looked, question, _new_looked, _ASKED_LATELY)
            places = dict(zip(problems.tolist(), range(count), strict=True))
            looked.append(_Looked(places, text.block_owner, text.parts, held))
            if whole_posts:
                self._posts(seen, question, wanted, posts)
        rows = np.empty((count, len(NAMES)), np.float32)
        rows[given] = columns.T
        return rows

    def _see_words(self, seen: Mapping[str, Floats], text: Text, wanted: Wanted) -> Floats | None:
        """Fills in what is seen of the words; gives the share that each block holds, or None."""
        met, rarities = self._meet(text, wanted)
        if not len(met):
            return None
        block = text.block(met.places)
        owner = text.block_owner[block]
        _see_shares(seen, text, wanted, met, block)
        near, far = windows(text, met, wanted, owner, (NEAR, FAR))
        seen["near"][:], seen["far"][:] = near / wanted.whole, far / wanted.whole
        _see_pairs(seen, wanted, met, owner)
        return _see_blocks(seen, text, wanted, met, block, rarities)

    def _wanted(self, question: Question) -> Wanted:
        return recent(
            self._wants,
            question,
            lambda: want(question, self._ranking.importance(question), self._vocabulary),
            _ASKED_LATELY,
        )

    def _meet(self, text: Text, wanted: Wanted) -> tuple[Met, Rarities]:
        try:
            rarities = self._rarities.pop()
        except IndexError:
            rarities = self._code_rarities()
        found = meet(text, wanted, rarities)
        self._rarities.append(rarities)
        return found

    def _code_rarities(self) -> Rarities:
        return code_rarities(self._ranking.rarity_of(self._engine.holding()))

    def best_parts(self, question: Question, problems: Ints) -> Ints:
        """For each problem the number of the part that holds most of the question, or -1."""
        looked = recent(self._looked, question, _new_looked, _ASKED_LATELY)
        known = {problem for look in looked for problem in look.places}
        new = [problem for problem in problems.tolist() if problem not in known]
        if new:
            self.features(question, np.array(new, np.int32), np.ones(len(new), np.float32))
        places = {problem: look for look in looked for problem in look.places}
        return np.array(
            [places[one].best_part(one) if one in places else -1 for one in problems.tolist()],
            np.int32,
        )

    def _posts(
        self, seen: Mapping[str, Floats], question: Question, wanted: Wanted, posts: Ints
    ) -> None:
        """Fills in the share of the question, and of the names in it, that the whole posts hold."""
        number = {name: i for i, name in enumerate(wanted.names)}
        # Several problems may be of one post; those of a post stand side by side.
        posts, post = np.unique(posts, return_inverse=True)
        edges = self._post_of.searchsorted(np.stack([posts, posts + np.int32(1)]))
        problems, of = ranges(edges[0], edges[1])
        problems = problems.astype(np.int32)
        held = np.zeros((len(wanted.names), len(posts)), np.float32)

        def hold(holding: Ints, said: Iterable[int], factor: float) -> None:
            place = np.minimum(holding.searchsorted(problems), len(holding) - 1)
            found = of[holding[place] == problems]
            for i in said:
                held[i, found] = np.maximum(held[i, found], factor)

        for name, i in number.items():
            if (own := self._ranking.term(name)) is not None:
                hold(own[0], (i,), 1.0)
        for phrase in question.phrases:
            said = [number[term] for term in phrase.terms if term in number]
            for factor, ways in ways_of(phrase):
                if said and (other := self._ranking.others(ways)) is not None:
                    hold(other[0], said, factor)
        held = held[:, post]
        seen["post"][:] = _product(wanted.importance, held) / wanted.whole
        latin = [i for name, i in number.items() if name.isascii() and self._ranking.holding(name)]
        of_names = float(wanted.importance[latin].sum())
        names = _product(wanted.importance[latin], held[latin]) / of_names if of_names else 1.0
        seen["names"] += np.float32(names**2)
        seen["trouble_named"][:] = seen["trouble"] * np.float32(names)


def depth_of(scores: Floats) -> int:
    """How many of the problems of a ranking with these scores are looked at again."""
    first = scores[:LOOKED_AT]
    near = np.flatnonzero(first >= _LEAST * first.max(initial=0))
    return max(min(len(first), _SURELY), int(near[-1]) + 1 if len(near) else 0)


@functools.cache
def _coefficients(kind: str) -> Floats:
    found = weights()["evidence"][kind]
    return np.array([found[name] for name in NAMES], np.float32)


def _product(left: Floats, right: Floats) -> Floats:
    """The product of two matrices of finite numbers."""
    # OpenBLAS may report what it finds in lanes that it does not use.
    with np.errstate(invalid="ignore"):
        product: Floats = left @ right
    return product


def _see_shares(
    seen: Mapping[str, Floats], text: Text, wanted: Wanted, met: Met, block_at: Places
) -> None:
    """Fills in what each problem holds, and its opening, and its own words, and its head."""
    count = len(text.starts)
    owner_at = text.block_owner[block_at]
    owner = owner_at[met.at]

    def share(of: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        whose, most = _most(owner[of], met.word[of], met.value[of])
        return np.bincount(whose, most, count) / wanted.whole

    whose, most = _most(owner, met.word, met.value)
    seen["coverage"][:] = np.bincount(whose, most, count) / wanted.whole
    np.maximum.at(seen["best_word"], whose, most)
    seen["best_word"] /= max(float(wanted.importance.max()), 1e-6)
    own = wanted.factors[met.level] == 1
    seen["own"][:] = share(own)
    seen["opening"][:] = share((met.places - text.starts[owner_at] < OPENING)[met.at])
    if wanted.coded.any():
        of_codes = max(float(wanted.importance[wanted.coded].sum()), 1e-6)
        coded = wanted.coded[met.word] & own
        at_head = coded & (text.fields[block_at] <= _LAST_OF_HEAD)[met.at]
        for name, of in (("codes", coded), ("named", at_head)):
            seen[name][:] = share(of) * (wanted.whole / of_codes)


def _see_blocks(
    seen: Mapping[str, Floats],
    text: Text,
    wanted: Wanted,
    met: Met,
    block_at: Places,
    rarities: Rarities,
) -> Floats:
    """Fills in what the best block of each problem holds; gives the share that each block holds."""
    owner, most = _most(block_at[met.at], met.word, met.value)
    shares = (np.bincount(owner, most, len(text.fields)) / wanted.whole).astype(np.float32)
    blocks = shares.nonzero()[0]
    # What the words met in each block are worth together, and all of its words.
    worth = np.zeros(len(met.places), np.float32)
    worth[met.at] = rarities[met.places[met.at]]
    covered = np.bincount(block_at, worth, len(shares))[blocks]
    # Blocks past what is looked at hold none, whatever is added up for them.
    edges = np.minimum(text.edges, len(text.words) - 1)
    held = np.add.reduceat(rarities, edges, dtype=np.uint32)[blocks]
    recall, precision = shares[blocks], np.minimum(1.0, covered / np.maximum(held, 1))
    same = 2 * recall * precision / np.maximum(recall + precision, 1e-6)
    fields, whose = text.fields[blocks], text.block_owner[blocks]
    title, error = fields == _TITLE, fields == _ERROR
    head = (fields <= _LAST_OF_HEAD) & ~error
    for name, among, of in (
        ("title", title, recall), ("title_whole", title, precision),
        ("heading", head, recall), ("heading_same", head, same),
        ("error_same", error, same), ("block_same", ~head, same),
    ):  # fmt: skip
        np.maximum.at(seen[name], whose[among], of[among].astype(np.float32))
    return shares


def _see_pairs(seen: Mapping[str, Floats], wanted: Wanted, met: Met, owner: Ints) -> None:
    """Fills in which neighbours of the question are neighbours in each problem."""
    if not len(wanted.pairs):
        return
    importance = wanted.importance[wanted.pairs].min(axis=1)
    there = side_by_side(met, wanted, owner, len(seen["pairs"]))
    gained = _product(there.astype(np.float32), importance)
    seen["pairs"][:] = gained / wanted.whole
    seen["pairs_share"][:] = gained / (float(importance.sum()) or 1.0)


def _most(
    owner: npt.NDArray[np.integer], word: Places, value: Floats
) -> tuple[npt.NDArray[np.integer], Floats]:
    """Of each owner and word whose it is, and the most that the word counts for there.

    What is of one word and owner must stand side by side.
    """
    starts = begins_of(owner, word)
    return owner[starts], np.maximum.reduceat(value, starts)
