"""How sure it is that the first post answers the question: several signals, one scale."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass

from indexer.analyzer import terms
from indexer.ranking import K1, Ranked, Ranking

# From here on a fix is vouched for, and from there on posts are called related.
ANSWER = 0.5
RELATED = 0.25


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of a question and the problem ranked first; each between 0 and 1."""

    coverage: float
    """The share of the question's importance that the problem holds."""
    strength: float
    """The problem's score, against that of a problem made of the question."""
    named: float
    """The share that its title and error lines alone hold."""
    gap: float
    """How far the next post's score stays behind."""
    spread: float
    """How far the tenth post's score stays behind."""
    rare: float
    """The rarity of the rarest term held, against that of a term of one post."""


# Logistic regression over the signals: one weight each, then the constant. Fitted on 1,283
# questions that posts of eight collections answer and 780 that none does, each collection counting
# alike; fitted without a collection and asked there, 1 to 14 % of the unanswerable passed ANSWER.
WEIGHTS = (1.5, 4.2, 5.0, 2.0, 1.8, 2.7)
CONSTANT = -6.1
# Below this coverage the other signals count less and less: in a small collection some post is
# always far ahead of the next, whatever is asked.
HARDLY = 0.35


def confidence(signals: Signals) -> float:
    """The probability, 0 to 1, that the first post answers the question."""
    value = CONSTANT + sum(w * s for w, s in zip(WEIGHTS, astuple(signals), strict=True))
    return min(1.0, signals.coverage / HARDLY) ** 2 / (1 + math.exp(-value))


def read_signals(
    ranking: Ranking, question: Mapping[str, float], ranked: Ranked, first: int, title: str
) -> Signals:
    """The signals of a question (term → weight) whose best posts are `ranked`, `first` the best."""
    importance = ranking.importance(question)
    total = sum(importance.values()) or 1.0
    held = {term: value for term, value in importance.items() if ranking.holds(term, first)}
    in_title = {term.text for term in terms(title)}
    rarest = max((ranking.rarity(len(found[0])) for term in held if (found := ranking.term(term))),
                 default=0.0)  # fmt: skip
    scores = [float(score) for score in ranked.scores[:10]]
    return Signals(
        coverage=sum(held.values()) / total,
        strength=float(ranked.scores[0]) / (total * (K1 + 1)),
        named=sum(value for term, value in held.items() if term in in_title) / total,
        gap=1 - scores[1] / scores[0] if len(scores) > 1 else 1.0,
        spread=1 - scores[-1] / scores[0] if len(scores) > 1 else 1.0,
        rare=rarest / ranking.rarity(1),
    )
