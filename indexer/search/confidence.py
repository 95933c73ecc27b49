"""How sure it is that the first post answers the question: several signals, one scale."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from indexer.search.evidence import NAMES, Judged, weights
from indexer.search.question import Question

# From here on a fix is vouched for, and from there on posts are called related.
ANSWER = 0.5
RELATED = 0.2

# Below this coverage the other signals count less and less: in a small collection some post is
# always far ahead of the next, whatever is asked.
HARDLY = 0.35
# How many posts there are says nothing where there are fewer.
FEW_POSTS = 300
# A lead over the next post counts no further than this.
_FAR_AHEAD = 6.0

_SEEN = (
    "strength", "coverage", "own", "best_word", "title_whole", "heading_same", "error_same",
    "block_same", "near", "far", "pairs_share", "named", "codes", "has_error", "has_fix",
)  # fmt: skip


def read_signals(question: Question, judged: Judged, posts: int) -> dict[str, float]:
    """What is known of a question and the problem judged first, by name; `posts` are indexed."""
    first = dict(zip(NAMES, judged.rows[0].tolist(), strict=True))
    scores = judged.ranked.scores[: len(judged.rows)].astype(np.float64)
    coverage = judged.rows[:, NAMES.index("coverage")]
    signals = {name: first[name] for name in _SEEN}
    signals |= {
        # The share of the first post where the scores are odds, and its lead over the second.
        "alone": 1 / float(np.exp(scores - scores[0]).sum()),
        "lead": min(float(scores[0] - scores[1]), _FAR_AHEAD) if len(scores) > 1 else _FAR_AHEAD,
        # Whether another post holds more of the question.
        "outdone": float(coverage[:10].max() - coverage[0]),
        "lead_coverage": float(coverage[0] - coverage[1]) if len(scores) > 1 else first["coverage"],
        "paste": float(question.kind == "paste"),
        "words": float(question.kind == "words"),
        "paste_coverage": first["coverage"] * (question.kind == "paste"),
        "words_near": first["near"] * (question.kind == "words"),
        "posts": math.log(max(posts, FEW_POSTS)),
    }
    return signals


def confidence(signals: Mapping[str, float]) -> float:
    """The probability, 0 to 1, that the first post answers the question.

    A logistic regression; `data/weights.json` holds its coefficients, made by `tests/fit.py`.
    """
    fitted = weights()["confidence"]["weights"]
    value = fitted["constant"] + sum(fitted[name] * signals[name] for name in signals)
    return min(1.0, signals["coverage"] / HARDLY) ** 2 / (1 + math.exp(-value))
