"""Fits `indexer/data/weights.json` on the development set, and says how well it will do elsewhere.

usage: python tests/fit.py DEVSET [--work FOLDER] [--write] [--ablate]

Every question is asked of its own collection. The order of posts is a linear model of what
`evidence.py` sees, trained to put a post that answers first (softmax over the posts looked at);
the confidence is a logistic regression over the signals of `confidence.py`. Both are also fitted
without each collection (the blogs: without a fifth of their repositories) and asked there: that
column, cv, is what to expect on posts nobody has seen.
"""

from __future__ import annotations

import argparse
import json
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

import indexer
from indexer import KnowledgeBase
from indexer.evaluation import auroc
from indexer.search.confidence import ANSWER, FEW_POSTS, read_signals
from indexer.search.evidence import NAMES, Judged, depth_of
from indexer.search.generation import Generation
from indexer.search.question import Question
from indexer.search.ranking import Ranked

KINDS = ("paste", "words", "sentence")
# More of these never makes a post less likely to answer; the others may go either way.
FREE = ("length", "trouble", "language", "has_error", "has_fix")
ORDER_L2, CONFIDENCE_L2 = 1.0, 1.0
# Signals that lower the confidence, and those that may go either way; the others raise it.
LOWERS = ("outdone",)
EITHER = ("paste", "words", "posts", "has_error", "has_fix")
# What a question with an answer, whose first post is another one, counts for in the confidence.
WRONG_FIRST = 0.5
# What a collection counts for in the confidence; manuals, 1.
COUNTS = {"blogs": 3.0, "kb": 0.5, "single": 0.5}
# The share of unanswerable questions that may pass ANSWER.
FALSE_ANSWERS = 0.04
PARTS = 5
KB = Path(__file__).parent.parent / "kb"


@dataclass
class Case:
    """A question asked of a collection: what was seen of the posts ranked first."""

    collection: str
    part: int
    kind: str
    answerable: bool
    question: Question
    ranked: Ranked
    rows: np.ndarray
    gold: np.ndarray
    posts: int
    weight: float = 1.0


def main() -> None:
    """Fits, prints the tables and, with --write, replaces the coefficients."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("devset", type=Path)
    parser.add_argument("--work", type=Path, default=Path.home() / ".cache" / "fixdex-fit")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--ablate", action="store_true")
    options = parser.parse_args()
    cases = [*gather(options.devset, options.work)]
    counts = {name: sum(c.collection == name for c in cases) for name in names(cases)}
    for case in cases:
        # Collections count by the root of their size: no single one decides.
        case.weight = counts[case.collection] ** -0.5 * (2 if case.collection == "blogs" else 1)
    if options.ablate:
        print_ablation(cases)
        return
    model = fit_order(cases)
    apart = apart_scores(cases, fit_order, score)
    together = [score(model, case) for case in cases]
    print_order(cases, apart, together)
    sure, signals = fit_confidence(cases, apart)
    trust = apart_trust(cases, signals, apart)
    shift, slope = thresholds(cases, trust)
    sure["constant"] -= shift
    sure["posts"] -= slope
    trust -= shift + slope * sizes(cases)
    print_confidence(cases, trust, [trusted(sure, one) for one in signals])
    if options.write:
        data = {
            "evidence": {kind: rounded(model[kind]) for kind in KINDS},
            "confidence": {"weights": rounded(sure)},
        }
        place = Path(indexer.__file__).parent / "data" / "weights.json"
        place.write_text(json.dumps(data, indent=1) + "\n", "utf-8")


def gather(devset: Path, work: Path) -> Iterator[Case]:
    """Every question of the development set, asked of its collection; and those of `kb/`."""
    manuals = devset / "manuals"
    places = [devset / "blogs", *sorted(one for one in manuals.iterdir() if one.is_dir())]
    for place in places:
        folder = work / "posts" / place.name
        if not folder.is_dir():
            with tarfile.open(place / "posts.tar.xz") as archive:
                archive.extractall(folder, filter="data")
        none = (place if place.name == "blogs" else manuals) / "unanswerable.jsonl"
        yield from ask(place.name, folder, work, read(place / "questions.jsonl"), read(none))
    own = [
        {"kind": "keyword", "query": one["query"], "pages": [one["path"]]}
        for one in read(KB.parent / "tests" / "kb_questions.jsonl")
    ]
    none = read(manuals / "unanswerable.jsonl")
    yield from ask("kb", KB, work, own, none)
    # A folder of one post is a knowledge base too.
    for number, path in enumerate(sorted({one["pages"][0] for one in own})):
        folder = work / "single" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "post.md").write_bytes((KB / path).read_bytes())
        mine = [one | {"pages": ["post.md"]} for one in own if one["pages"] == [path]]
        yield from ask(
            "single", folder, work / "single-index" / str(number), mine, none[number::41]
        )


def ask(
    name: str, folder: Path, work: Path, questions: list[dict], none: list[dict]
) -> Iterator[Case]:
    """The questions of one collection, asked."""
    knowledge_base = KnowledgeBase(folder, work / "index" / name)
    knowledge_base.rebuild()
    generation = knowledge_base.generation()
    for one in (*questions, *none):
        question, _ = generation.read(one["query"])
        ranked = generation.posts(generation.ranking.rank(question))
        depth = depth_of(ranked.scores)
        first = ranked.problems[:depth]
        rows = generation.evidence.features(question, first, ranked.scores[:depth])
        gold = one.get("pages", [])
        answers = np.array([generation.entry(int(p)).path in gold for p in first], bool)
        case = Case(
            collection=name,
            part=zlib.crc32((gold[0].split("/")[0] if gold else one["query"]).encode()) % PARTS,
            kind=one["kind"] if gold else "none",
            answerable=bool(gold),
            question=question,
            ranked=Ranked(first, ranked.scores[:depth]),
            rows=rows,
            gold=answers,
            posts=len(generation.entries),
        )
        yield case
        if gold and name == "kb":
            yield without_gold(case, generation)


def without_gold(case: Case, generation: Generation) -> Case:
    """The same question where no post answers it: what comes nearest is no answer."""
    kept = Ranked(case.ranked.problems[~case.gold], case.ranked.scores[~case.gold])
    rows = generation.evidence.features(case.question, kept.problems, kept.scores)
    return replace(
        case, answerable=False, kind="none", ranked=kept, rows=rows, gold=np.zeros(len(kept), bool)
    )


Model = dict[str, dict[str, float]]


def fit_order(cases: list[Case]) -> Model:
    """Coefficients by kind of question: one part that all share, and one of their own."""
    every = np.concatenate([case.rows for case in cases])
    spread = every.std(0) + 1e-6
    used = [case for case in cases if case.gold.any()]
    parts = []
    for case in used:
        own = [case.rows * (case.question.kind == kind) for kind in KINDS]
        parts.append(np.concatenate([case.rows, *own], 1) / np.tile(spread, 1 + len(KINDS)))
    rows = np.concatenate(parts).astype(np.float32)
    sizes = [len(case.rows) for case in used]
    starts, owner = np.r_[0, np.cumsum(sizes)[:-1]], np.repeat(np.arange(len(used)), sizes)
    gold = np.concatenate([case.gold for case in used])
    weight = np.array([case.weight for case in used])
    weight /= weight.mean()

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        value = (rows @ w.astype(np.float32)).astype(float)
        odds = np.exp(value - np.maximum.reduceat(value, starts)[owner])
        total = np.add.reduceat(odds, starts)
        right = np.where(gold, odds, 0)
        won = np.maximum(np.add.reduceat(right, starts), 1e-30)
        slope = (right / won[owner] - odds / total[owner]) * weight[owner]
        down = -(slope.astype(np.float32) @ rows).astype(float) + ORDER_L2 * w
        return -(weight * np.log(won / total)).sum() + ORDER_L2 * w @ w / 2, down

    bounds = [(None, None) if name in FREE else (0, None) for name in NAMES] * (1 + len(KINDS))
    start = np.full(rows.shape[1], 0.01)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    shared, *own = np.split(found, 1 + len(KINDS))
    return {
        kind: dict(zip(NAMES, ((shared + part) / spread).tolist(), strict=True))
        for kind, part in zip(KINDS, own, strict=True)
    }


def score(model: Model, case: Case) -> np.ndarray:
    """What a model gives each post of a case."""
    own = model[case.question.kind]
    return case.rows @ np.array([own[name] for name in NAMES])


def apart_scores(
    cases: list[Case],
    fit: Callable[[list[Case]], Model],
    use: Callable[[Model, Case], np.ndarray],
) -> list[np.ndarray]:
    """For each case, what a model fitted without its like gives its posts."""
    found: dict[int, np.ndarray] = {}
    for held in folds(cases):
        inside = set(held)
        model = fit([case for i, case in enumerate(cases) if i not in inside])
        found |= {i: use(model, cases[i]) for i in held}
    return [found[i] for i in range(len(cases))]


def folds(cases: list[Case]) -> Iterator[list[int]]:
    """The numbers of cases to hold out together; the two TiDB manuals tell the same."""
    for name in names(cases):
        if name == "blogs":
            for part in range(PARTS):
                yield [i for i, c in enumerate(cases) if (c.collection, c.part) == (name, part)]
        elif name != "tidb-zh":
            same = (name, "tidb-zh") if name == "tidb-en" else (name,)
            yield [i for i, case in enumerate(cases) if case.collection in same]


def judged(case: Case, scores: np.ndarray) -> Judged:
    """A case in the order of these scores."""
    order = np.lexsort((case.ranked.problems, -scores))
    return Judged(Ranked(case.ranked.problems[order], scores[order]), case.rows[order])


def right(case: Case, scores: np.ndarray) -> bool:
    """Whether a post that answers stands first."""
    return bool(len(scores)) and bool(case.gold[np.lexsort((case.ranked.problems, -scores))[0]])


def fit_confidence(
    cases: list[Case], scores: list[np.ndarray], left_out: frozenset[int] = frozenset()
) -> tuple[dict[str, float], list[dict[str, float] | None]]:
    """The coefficients by signal, and the signals of every case."""
    signals = [
        read_signals(case.question, judged(case, own), case.posts) if len(own) else None
        for case, own in zip(cases, scores, strict=True)
    ]
    used = [i for i, one in enumerate(signals) if one is not None and i not in left_out]
    labels = [*next(one for one in signals if one is not None)]
    rows = np.array([[signals[i][name] for name in labels] for i in used])  # type: ignore[index]  # used ones are
    middle, spread = rows.mean(0), rows.std(0) + 1e-6
    rows = np.c_[(rows - middle) / spread, np.ones(len(rows))]
    truth = np.array([float(cases[i].answerable) for i in used])
    # In each collection the answerable and the unanswerable count alike: that one devset has more
    # of one kind says nothing of what people will ask.
    sides = [(cases[i].collection, cases[i].answerable) for i in used]
    weight = np.array([
        COUNTS.get(side[0], 1.0) / sides.count(side)
        * (WRONG_FIRST if side[1] and not right(cases[i], scores[i]) else 1)
        for i, side in zip(used, sides, strict=True)
    ])  # fmt: skip
    weight /= weight.mean()

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        value = rows @ w
        pull = np.r_[CONFIDENCE_L2 * w[:-1], 0]
        down = rows.T @ (weight * (1 / (1 + np.exp(-value)) - truth)) + pull
        return (weight * (np.logaddexp(0, value) - truth * value)).sum() + pull @ w / 2, down

    bounds = [
        (None, None) if name in EITHER else (None, 0) if name in LOWERS else (0, None)
        for name in labels
    ]
    start = np.zeros(rows.shape[1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)]).x
    fitted = dict(zip(labels, (found[:-1] / spread).tolist(), strict=True))
    fitted["constant"] = float(found[-1] - (found[:-1] * middle / spread).sum())
    return fitted, signals


def apart_trust(
    cases: list[Case], signals: list[dict[str, float] | None], scores: list[np.ndarray]
) -> np.ndarray:
    """For each case, the log odds that a regression fitted without its like gives it."""
    found = np.zeros(len(cases))
    for held in folds(cases):
        fitted, _ = fit_confidence(cases, scores, frozenset(held))
        found[held] = [trusted(fitted, signals[i]) for i in held]
    return found


def trusted(fitted: dict[str, float], signals: dict[str, float] | None) -> float:
    """The log odds of one case."""
    if signals is None:
        return -20.0
    return fitted["constant"] + sum(fitted[name] * value for name, value in signals.items())


def thresholds(cases: list[Case], trust: np.ndarray) -> tuple[float, float]:
    """(shift, slope): log odds of shift + slope * log(posts) are what so few of the unanswerable
    pass, in blogs as in manuals. More posts are more chances that one looks like an answer.
    """
    size = sizes(cases)
    none = np.array([c.kind == "none" and c.collection not in ("kb", "single") for c in cases])
    large = np.array([c.collection == "blogs" for c in cases])
    blogs, manuals = none & large, none & ~large
    own = float(np.log(1 / ANSWER - 1))

    def passed(of: np.ndarray, slope: float) -> float:
        return float(np.quantile((trust - slope * size)[of], 1 - FALSE_ANSWERS)) + own

    low, high = 0.0, 2.0
    for _ in range(40):
        slope = (low + high) / 2
        if passed(blogs, slope) > passed(manuals, slope):
            low = slope
        else:
            high = slope
    return max(passed(blogs, slope), passed(manuals, slope)), slope


def sizes(cases: list[Case]) -> np.ndarray:
    """The logarithm of the number of posts, as the signal `posts` has it."""
    return np.log(np.maximum([case.posts for case in cases], FEW_POSTS))


def print_order(cases: list[Case], apart: list[np.ndarray], together: list[np.ndarray]) -> None:
    """How often a post that answers comes first: cv, and fitted with the cases themselves."""
    print("first right: cv / fitted on all")
    for name in names(cases):
        line = f"{name:13}"
        for kind in ("keyword", "paste", "question", "cross", "all"):
            mine = [
                i for i, c in enumerate(cases)
                if c.collection == name and c.answerable and kind in (c.kind, "all")
            ]  # fmt: skip
            if mine:
                held = np.mean([right(cases[i], apart[i]) for i in mine])
                fitted = np.mean([right(cases[i], together[i]) for i in mine])
                line += f"  {kind} {held:.3f}/{fitted:.3f}"
        print(line)


def print_ablation(cases: list[Case]) -> None:
    """How often a post that answers comes first, held out, without each thing that is seen."""
    print("first right, cv: blogs, manuals (mean)")
    for left_out in (None, *NAMES):
        kept = np.array([name != left_out for name in NAMES])
        less = [replace(case, rows=case.rows * kept) for case in cases]
        apart = apart_scores(less, fit_order, score)
        shares = {
            name: np.mean([
                right(case, own)
                for case, own in zip(less, apart, strict=True)
                if case.collection == name and case.answerable
            ])
            for name in names(cases)
            if name not in ("kb", "single")
        }  # fmt: skip
        manuals = np.mean([value for name, value in shares.items() if name != "blogs"])
        print(f"without {left_out or 'nothing':13} {shares['blogs']:.3f} {manuals:.3f}", flush=True)


def print_confidence(cases: list[Case], apart: np.ndarray, together: list[float]) -> None:
    """How well answerable and unanswerable are told apart: cv, and fitted on all."""
    print("AUROC, unanswerable answered, answerable answered: cv / fitted on all")
    for name in names(cases):
        line = f"{name:13}"
        for trust in (apart, np.array(together)):
            yes, no = (
                np.array([t for t, c in zip(trust, cases, strict=True)
                          if c.collection == name and c.answerable == answerable])
                for answerable in (True, False)
            )  # fmt: skip
            told_apart = auroc(yes.tolist(), no.tolist()).value
            line += f"  {told_apart:.3f} {(no >= 0).mean():.3f} {(yes >= 0).mean():.3f}"
        print(line)


def names(cases: list[Case]) -> list[str]:
    """The collections, in the order in which they were asked."""
    return [*dict.fromkeys(case.collection for case in cases)]


def rounded(values: dict[str, float]) -> dict[str, float]:
    """Coefficients short enough to read."""
    return {name: round(value, 4) for name, value in values.items()}


def read(path: Path) -> list[dict]:
    """The lines of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


if __name__ == "__main__":
    main()
