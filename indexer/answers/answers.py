"""Answer and Hits: what every face shows, and the JSON that other programs rely on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from indexer.answers.conversation import Asks
from indexer.fixes.fixes import Fix, Step
from indexer.index.index import IndexInfo
from indexer.search.snippets import Snippet

State = Literal["answer", "related", "none"]


@dataclass(frozen=True, slots=True)
class Citation:
    """A post as it is shown beside what was found in it."""

    path: str
    title: str
    url: str
    date: str | None
    tags: tuple[str, ...]
    lang: str
    link: str | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A problem found, with its score and, when asked for, what each term added to it."""

    post: Citation
    anchor: str
    heading: str
    score: float
    snippet: Snippet
    has_fix: bool
    why: tuple[tuple[str, float], ...] | None = None


@dataclass(frozen=True, slots=True)
class Hits:
    """One page of hits, best first."""

    question: str
    total: int
    page: int
    per_page: int
    hits: tuple[Hit, ...]
    suggestion: str | None
    facets: dict[str, tuple[tuple[str, int], ...]]
    took_ms: float
    index: IndexInfo


@dataclass(frozen=True, slots=True)
class Alternative:
    """A post that may help, with its best passage."""

    post: Citation
    anchor: str
    confidence: float
    snippet: Snippet


@dataclass(frozen=True, slots=True)
class Found:
    """The post that answers: its problem and the fix, or the part of it that was asked for."""

    post: Citation
    title: str
    anchor: str
    fix: Fix


@dataclass(frozen=True, slots=True)
class Answer:
    """A fix with its citation and confidence, or none; `alternatives` are best first.

    `asks` is what the question asks for: the fix, or after others a part of it or another way.
    `matched` are words of the question that the problem found holds, most important first.
    """

    question: str
    state: State
    confidence: float
    understood: tuple[tuple[str, str], ...]
    carried: tuple[str, ...]
    found: Found | None
    alternatives: tuple[Alternative, ...]
    unmatched: tuple[str, ...]
    took_ms: float
    index: IndexInfo
    asks: Asks = "fix"
    matched: tuple[str, ...] = ()


def answer_json(answer: Answer) -> dict[str, Any]:
    """The body of `/api/ask` and of `fixdex ask --json`."""
    return {
        "question": answer.question,
        "answered": answer.state == "answer",
        "state": answer.state,
        "confidence": round(answer.confidence, 3),
        "understood": [{"text": text, "as": kind} for text, kind in answer.understood],
        "carried": list(answer.carried),
        "asks": answer.asks,
        "matched": list(answer.matched),
        "answer": _found_json(answer.found) if answer.found else None,
        "alternatives": [
            {
                "post": _citation_json(one.post),
                "anchor": one.anchor,
                "confidence": round(one.confidence, 3),
                "snippet": _snippet_json(one.snippet),
            }
            for one in answer.alternatives
        ],
        "unmatched": list(answer.unmatched),
        "took_ms": answer.took_ms,
        "index": _index_json(answer.index),
    }


def hits_json(hits: Hits) -> dict[str, Any]:
    """The body of `/api/search` and of `fixdex search --json`."""
    return {
        "question": hits.question,
        "total": hits.total,
        "page": hits.page,
        "per_page": hits.per_page,
        "hits": [
            {
                "post": _citation_json(hit.post),
                "anchor": hit.anchor,
                "heading": hit.heading,
                "score": round(hit.score, 4),
                "snippet": _snippet_json(hit.snippet),
                "has_fix": hit.has_fix,
                **({"why": {t: round(v, 4) for t, v in hit.why}} if hit.why is not None else {}),
            }
            for hit in hits.hits
        ],
        "suggestion": hits.suggestion,
        "facets": {name: [list(pair) for pair in pairs] for name, pairs in hits.facets.items()},
        "took_ms": hits.took_ms,
        "index": _index_json(hits.index),
    }


def _found_json(found: Found) -> dict[str, Any]:
    fix = found.fix
    return {
        "post": _citation_json(found.post),
        "problem": {"title": found.title, "anchor": found.anchor},
        "fix": [_step_json(step) for step in fix.steps],
        "lead": fix.lead,
        "error": fix.error,
        "cause": fix.cause,
        "failing": fix.failing.text if fix.failing else None,
        "diff": fix.diff,
    }


def _step_json(step: Step) -> dict[str, Any]:
    shown: dict[str, Any] = {"kind": step.kind, "text": step.text, "anchor": f"L{step.block}"}
    if step.kind == "code":
        shown["language"] = step.language
    return shown


def _citation_json(post: Citation) -> dict[str, Any]:
    return {
        "path": post.path,
        "title": post.title,
        "url": post.url,
        "date": post.date,
        "tags": list(post.tags),
        "lang": post.lang,
        "link": post.link,
    }


def _snippet_json(snippet: Snippet) -> dict[str, Any]:
    return {"text": snippet.text, "ranges": [list(pair) for pair in snippet.ranges]}


def _index_json(index: IndexInfo) -> dict[str, Any]:
    return {"posts": index.posts, "built_at": index.built_at, "build": index.build}
