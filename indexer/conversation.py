"""A follow-up to a full question: what was asked before stands behind what is asked now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from indexer.question import Question, read_question
from indexer.ranking import Ranking


@dataclass(frozen=True, slots=True)
class Turn:
    """A question asked before, and the path of the post that answered it."""

    question: str
    post: str | None = None


# Terms taken over from the question before, and what each then counts for.
_CARRIED = 6
_WEIGHT = 0.5
# A question of more words stands for itself unless it begins like a follow-up.
_SHORT = 4

_FOLLOWS = re.compile(
    r"\s*(?:and\b|but\b|also\b|what about|how about|what if|why\b|then\b|still\b|it\b|that\b|this\b"
    r"|那|还|還|但|可是|然后|然後|为什么|為什麼|这|這|它|怎么还|仍|如果|换成|換成|在.{1,12}(?:上|下|里|裡|中)呢)",
    re.IGNORECASE,
)


def complete(
    question: Question, history: Sequence[Turn], ranking: Ranking
) -> tuple[Question, tuple[str, ...]]:
    """The question with terms taken over from the one before it, and which these are."""
    if not history or not question.text.strip():
        return question, ()
    words = len(re.findall(r"[A-Za-z0-9_.\-]+|[\u4e00-\u9fff]{2}", question.text))
    if not _FOLLOWS.match(question.text) and (words > _SHORT or _is_specific(question, ranking)):
        return question, ()
    before = ranking.importance(read_question(history[-1].question))
    best = sorted(before, key=lambda term: (-before[term], term))
    carried = [
        term for term in best if term not in question.terms and ranking.term(term) is not None
    ][:_CARRIED]
    terms = {**question.terms, **dict.fromkeys(carried, _WEIGHT)}
    return replace(question, terms=terms), tuple(carried)


def _is_specific(question: Question, ranking: Ranking) -> bool:
    """Whether a question names something that few posts hold."""
    found = (ranking.term(term) for term, weight in question.terms.items() if weight >= 1)
    return any(one is not None and len(one[0]) <= max(3, len(ranking) // 200) for one in found)
