"""Evidence: how the words of a question stand in a problem, beyond how often."""

from __future__ import annotations

import functools
import importlib.resources
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from indexer.analyzer import PIECE, terms
from indexer.chinese import language_of
from indexer.pasted import LONGEST
from indexer.postings import FIELDS, Floats, Ints, Places, Wording
from indexer.question import Question
from indexer.ranking import K1, Ranked, Ranking, ways_of

# So many posts are looked at again.
LOOKED_AT = 60
# Words that stand within so many of each other stand together.
NEAR, FAR = 30, 100
# What opens a problem: its title, its headings and its first words.
OPENING = 100
# Two words are a pair where so few words lie between their places; inner words of long ones count.
_PAIR = 2
# Only the words that count most are looked for, and only so much of one problem is looked at.
_MOST_WORDS = 40
_LONGEST = 20_000

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
    "length",        # logarithm of its number of words
    "trouble",       # how far the title of its post tells of trouble; not seen for a paste
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
class _Wanted:
    """The words of a question, numbered; a way is a word or words that say some of them."""

    names: tuple[str, ...]
    importance: Floats
    # first word's term → (rest of the words' terms, words said, factor)
    ways: Mapping[int, list[tuple[tuple[int, ...], tuple[int, ...], float]]]
    codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Text:
    """The words of several problems one after the other.

    Per word: its term, its place (problems lie far apart) and the numbers of its problem and its
    block. Per block: its field and its problem.
    """

    words: Ints
    at: Places
    owner: Ints
    block_of: Places
    fields: Ints
    block_owner: Ints


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
        engine = ranking.engine
        self._wording: Wording = engine.wording()
        self._vocabulary = engine.vocabulary()
        self._rarity = ranking.rarities()

    def judge(self, question: Question, ranked: Ranked, named: Ints | None = None) -> Judged:
        """The problems of a ranking, its first LOOKED_AT in the order of their evidence.

        Those that are `named` by the question come first.
        """
        first, scores = ranked.problems[:LOOKED_AT], ranked.scores[:LOOKED_AT]
        rows = self.features(question, first, scores)
        if not len(first):
            return Judged(ranked, rows)
        own = rows @ _coefficients(question.kind)
        if named is not None:
            own = own + np.isin(first, named) * (own.max() - own.min() + 1)
        order = np.lexsort((first, -own))
        rest = ranked.scores[LOOKED_AT:]
        # What was not looked at again stands below what was.
        below = float(own.min()) - (float(rest[0]) if len(rest) else 0.0)
        return Judged(
            Ranked(
                np.concatenate([first[order], ranked.problems[LOOKED_AT:]]),
                np.concatenate([own[order], rest + below]).astype(np.float32),
            ),
            rows[order],
        )

    def scores(self, question: Question, ranked: Ranked) -> Floats:
        """What the evidence gives each problem of a ranking."""
        return self.features(question, ranked.problems, ranked.scores) @ _coefficients(
            question.kind
        )

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

    def features(self, question: Question, problems: Ints, scores: Floats) -> Floats:
        """One row of NAMES per problem; `scores` are those of the ranking."""
        count = len(problems)
        seen = {name: np.zeros(count, np.float32) for name in NAMES}
        if not count:
            return np.zeros((0, len(NAMES)), np.float32)
        importance = self._ranking.importance(question)
        whole = sum(importance.values()) or 1.0
        seen["strength"] = scores / np.float32(whole * (K1 + 1))
        seen["relative"] = scores / max(float(scores.max()), 1e-6)
        posts = self._post_of[problems]
        # What a program printed tells its trouble itself: told so, hit@1 of pastes fell by .03.
        if question.kind != "paste":
            seen["trouble"] = self._troubled[posts]
        asked_in_chinese = language_of(question.text) != "en"
        seen["language"] = (self._chinese[posts] == asked_in_chinese).astype(np.float32)
        text = self._gather(problems)
        for name, field in (("has_error", _ERROR), ("has_fix", _FIX)):
            there = np.bincount(text.block_owner[text.fields == field], minlength=count) > 0
            seen[name] = there.astype(np.float32)
        seen["length"] = (np.log(np.bincount(text.owner, minlength=count) + 10) / 10).astype(
            np.float32
        )
        wanted = self._wanted(question, importance)
        place, word, factor = self._met(text.words, wanted)
        if len(place):
            self._weigh(seen, text, wanted, place, word, factor)
            self._pairs(seen, question, wanted, text.at[place], word, text.owner[place])
            self._posts(seen, question, wanted, posts)
        return np.stack([seen[name] for name in NAMES], axis=1).astype(np.float32)

    def _weigh(
        self,
        seen: dict[str, Floats],
        text: _Text,
        wanted: _Wanted,
        place: Places,
        word: Ints,
        factor: Floats,
    ) -> None:
        """Fills in what is seen of the words met: at `place`, the question's `word`."""
        count, words = len(seen["strength"]), len(wanted.names)
        total = float(wanted.importance.sum()) or 1.0
        value = wanted.importance[word] * factor
        who, block = text.owner[place], text.block_of[place]
        own = factor == 1.0

        def share(of: npt.NDArray[np.bool_] | slice) -> Floats:
            return _best_sum(who[of], word[of], value[of], words, count) / np.float32(total)

        seen["coverage"] = share(slice(None))
        seen["own"] = share(own)
        np.maximum.at(seen["best_word"], who, value / max(float(wanted.importance.max()), 1e-6))

        seen["opening"] = share(text.at[place] % (_LONGEST + FAR) < OPENING)

        named = np.array([name in wanted.codes for name in wanted.names])
        if named.any():
            coded = named[word] & own
            at_head = coded & (text.fields[block] <= _LAST_OF_HEAD)
            for name, of in (("codes", coded), ("named", at_head)):
                rarity_of = float(wanted.importance[named].sum())
                seen[name] = share(of) * np.float32(total / max(rarity_of, 1e-6))
        recall = _best_sum(block, word, value, words, len(text.fields)) / np.float32(total)
        rarity = self._rarity[text.words]
        met = np.zeros(len(text.words), bool)
        met[place] = True
        held = np.bincount(text.block_of, rarity, len(text.fields))
        covered = np.bincount(text.block_of[met], rarity[met], len(text.fields))
        precision = np.minimum(1.0, covered / np.maximum(held, 1e-6))
        same = 2 * recall * precision / np.maximum(recall + precision, 1e-6)

        title, error = text.fields == _TITLE, text.fields == _ERROR
        head = (text.fields <= _LAST_OF_HEAD) & ~error
        for name, among, of in (
            ("title", title, recall), ("title_whole", title, precision),
            ("heading", head, recall), ("heading_same", head, same),
            ("error_same", error, same), ("block_same", ~head, same),
        ):  # fmt: skip
            np.maximum.at(seen[name], text.block_owner[among], of[among].astype(np.float32))
        for name, reach in (("near", NEAR), ("far", FAR)):
            within = _within(text.at[place], word, factor, wanted.importance, reach)
            np.maximum.at(seen[name], who, within / np.float32(total))

    def _wanted(self, question: Question, importance: Mapping[str, float]) -> _Wanted:
        names = [
            term.text
            for term in terms(question.text[:LONGEST])
            if term.weight >= PIECE and term.text in importance
        ]
        names = sorted(dict.fromkeys(names), key=lambda name: (-importance[name], name))
        names = names[:_MOST_WORDS]
        number = {name: i for i, name in enumerate(names)}
        ways: dict[int, list[tuple[tuple[int, ...], tuple[int, ...], float]]] = {}

        def add(way: tuple[str, ...], said: tuple[int, ...], factor: float) -> None:
            rows = [self._vocabulary.find(word) for word in way]
            if said and all(row is not None for row in rows):
                first, *rest = (row for row in rows if row is not None)
                ways.setdefault(first, []).append((tuple(rest), said, factor))

        for name, i in number.items():
            add((name,), (i,), 1.0)
        for phrase in question.phrases:
            said = tuple(number[term] for term in phrase.terms if term in number)
            for factor, ways_said in ways_of(phrase):
                for way in ways_said:
                    add(way.words, said, factor)
        return _Wanted(
            tuple(names), np.array([importance[n] for n in names], np.float32), ways, question.codes
        )

    def _gather(self, problems: Ints) -> _Text:
        wording = self._wording
        words, at, owner, fields, block_of, block_owner = [], [], [], [], [], []
        blocks = 0
        for i, problem in enumerate(problems):
            first, last = wording.problems[problem], wording.problems[problem + 1]
            edges = np.asarray(wording.blocks[first : last + 1])
            start, end = edges[0], min(edges[-1], edges[0] + _LONGEST)
            words.append(wording.words[start:end])
            lengths = np.diff(np.minimum(edges, end))
            at.append(np.arange(end - start, dtype=np.int64) + i * (_LONGEST + FAR))
            owner.append(np.full(end - start, i, np.int32))
            fields.append(wording.fields[first:last])
            block_of.append(np.repeat(np.arange(blocks, blocks + len(lengths)), lengths))
            block_owner.append(np.full(len(lengths), i, np.int32))
            blocks += len(lengths)
        return _Text(
            np.concatenate(words),
            np.concatenate(at),
            np.concatenate(owner),
            np.concatenate(block_of),
            np.concatenate(fields).astype(np.int32),
            np.concatenate(block_owner),
        )

    def _met(self, words: Ints, wanted: _Wanted) -> tuple[Places, Ints, Floats]:
        """Where a word of the question, or another way to say it, stands: (place, word, factor)."""
        slot = np.full(len(self._vocabulary), -1, np.int32)
        firsts = list(wanted.ways)
        slot[firsts] = np.arange(len(firsts), dtype=np.int32)
        found = slot[words]
        hits = np.flatnonzero(found >= 0)
        of = found[hits]
        order = np.argsort(of, kind="stable")
        hits, of = hits[order], of[order]
        edges = np.searchsorted(of, np.arange(len(firsts) + 1))
        places, numbers, factors = [], [], []
        for i, first in enumerate(firsts):
            mine = hits[edges[i] : edges[i + 1]]
            if not len(mine):
                continue
            for rest, said, factor in wanted.ways[first]:
                there = mine
                for step, row in enumerate(rest, 1):
                    ahead = np.minimum(there + step, len(words) - 1)
                    further = np.minimum(ahead + 1, len(words) - 1)
                    there = there[(words[ahead] == row) | (words[further] == row)]
                for word in said if len(there) else ():
                    places.append(there)
                    numbers.append(np.full(len(there), word, np.int32))
                    factors.append(np.full(len(there), factor, np.float32))
        if not places:
            return np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.float32)
        return np.concatenate(places), np.concatenate(numbers), np.concatenate(factors)

    def _posts(
        self, seen: dict[str, Floats], question: Question, wanted: _Wanted, posts: Ints
    ) -> None:
        """Fills in the share of the question that the whole posts hold."""
        number = {name: i for i, name in enumerate(wanted.names)}
        held = np.zeros((len(wanted.names), len(posts)), np.float32)
        place = np.full(int(self._post_of[-1]) + 1, -1, np.int32)
        place[posts] = np.arange(len(posts), dtype=np.int32)

        def hold(problems: Ints, said: Iterable[int], factor: float) -> None:
            found = place[self._post_of[problems]]
            found = found[found >= 0]
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
        whole = float(wanted.importance.sum()) or 1.0
        seen["post"] = (wanted.importance @ held / whole).astype(np.float32)

    def _pairs(
        self,
        seen: dict[str, Floats],
        question: Question,
        wanted: _Wanted,
        spot: Places,
        word: Ints,
        who: Ints,
    ) -> None:
        number = {name: i for i, name in enumerate(wanted.names)}
        possible = 0.0
        for left, right in question.pairs:
            if left not in number or right not in number:
                continue
            a, b = number[left], number[right]
            weight = float(min(wanted.importance[a], wanted.importance[b]))
            possible += weight
            lefts, rights = word == a, np.sort(spot[word == b])
            if not lefts.any() or not len(rights):
                continue
            following = np.searchsorted(rights, spot[lefts], side="right")
            near = rights[np.minimum(following, len(rights) - 1)] - spot[lefts]
            there = (following < len(rights)) & (near <= _PAIR)
            seen["pairs"][np.unique(who[lefts][there])] += weight
        if possible:
            seen["pairs_share"] = seen["pairs"] / np.float32(possible)
        seen["pairs"] /= float(wanted.importance.sum()) or 1.0


@functools.cache
def _coefficients(kind: str) -> Floats:
    found = weights()["evidence"][kind]
    return np.array([found[name] for name in NAMES], np.float32)


def _within(spot: Places, word: Ints, factor: Floats, importance: Floats, reach: int) -> Floats:
    """For each place, what the words that follow within reach count for together."""
    total = np.zeros(len(spot), np.float32)
    for number in np.unique(word):
        best = np.zeros(len(spot), np.float32)
        mine = word == number
        for kind in np.unique(factor[mine]):
            spots = np.sort(spot[mine & (factor == kind)])
            following = np.searchsorted(spots, spot)
            near = spots[np.minimum(following, len(spots) - 1)] - spot
            there = (following < len(spots)) & (near < reach)
            best = np.maximum(best, np.where(there, kind, np.float32(0)))
        total += best * importance[number]
    return total


def _best_sum(owner: Ints | Places, word: Ints, value: Floats, words: int, owners: int) -> Floats:
    """For each owner, the sum over its words of the most that each counts for there."""
    best = np.zeros(owners * words, np.float32)
    np.maximum.at(best, owner.astype(np.int64) * words + word, value)
    total: Floats = best.reshape(owners, words).sum(axis=1)
    return total
