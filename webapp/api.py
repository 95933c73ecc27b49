"""The JSON face: one function per URL."""

from __future__ import annotations

import math
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request
from werkzeug.exceptions import HTTPException

from indexer import (
    REASONS,
    Answer,
    Asked,
    AskedError,
    KnowledgeBase,
    NoIndex,
    Turn,
    age_seconds,
    answer_json,
    hits_json,
    spans,
)
from webapp import traffic
from webapp.metrics import CONTENT_TYPE
from webapp.visitors import Visitors

blueprint = Blueprint("api", __name__)

LONGEST_QUESTION = 64 * 1024
_MOST_TURNS = 20


class Refused(Exception):
    """A request that cannot be answered: status, code, and a sentence that says what to do."""

    def __init__(self, status: int, code: str, message: str, wait: int = 0) -> None:
        """`wait`: the seconds after which it may be asked again."""
        super().__init__(message)
        self.status, self.code, self.message, self.wait = status, code, message, wait


def knowledge_base() -> KnowledgeBase:
    """The knowledge base of this site."""
    found: KnowledgeBase = current_app.extensions["fixdex"]
    return found


def visitors() -> Visitors:
    """The visitors of this site."""
    found: Visitors = current_app.extensions["visitors"]
    return found


def note(face: str, answer: Answer) -> None:
    """Counts a question and, where the owner wants it kept, keeps it.

    What asks on ("why?") wants no post of its own.
    """
    traffic.note_question(face, answer.state, answer.index.build, answer.confidence)
    asked: Asked | None = current_app.extensions["asked"]
    if asked is not None and answer.question.strip() and answer.asks == "fix":
        post = answer.found.post.path if answer.found else None
        try:
            asked.note(answer.question, answer.state, post, answer.confidence)
        except AskedError as error:
            # Who asks is answered, kept or not.
            traffic.warn(str(error))


def note_help(question: str, post: str | None, helped: bool, reason: str | None) -> None:
    """Counts whether an answer helped and, where the owner wants it kept, keeps it.

    Raises Refused where the reason is none of REASONS.
    """
    if reason is not None and reason not in REASONS:
        raise Refused(400, "bad_request", f"`reason` is null or one of {', '.join(REASONS)}.")
    traffic.metrics().vote("helped" if helped else reason or "did_not_help")
    asked: Asked | None = current_app.extensions["asked"]
    if asked is not None:
        try:
            asked.note_help(question, post, helped, reason)
        except AskedError as error:
            traffic.warn(str(error))


def checked(question: str) -> str:
    """A question as text that can be shown. Raises Refused where it is too long."""
    question = question.encode("utf-8", "replace").decode("utf-8")
    if len(question.encode("utf-8")) > LONGEST_QUESTION:
        raise Refused(413, "question_too_long", "Ask with at most 64 KiB; paste the last lines.")
    return question


def check_rate() -> None:
    """Raises Refused where this visitor asks too often."""
    wait = math.ceil(visitors().wait(request.remote_addr or ""))
    if wait:
        raise Refused(429, "too_many_requests", f"Ask again in {wait} seconds.", wait)


@blueprint.before_request
def _limit() -> Response | None:
    if request.method == "OPTIONS":
        return Response(status=204)
    if request.endpoint not in ("api.metrics", "api.health"):
        check_rate()
    return None


@blueprint.route("/api/ask", methods=["GET", "POST"])
def ask() -> Response:
    """The answer to a question."""
    history: list[Turn] = []
    body: dict[str, Any] = {}
    if request.method in ("GET", "HEAD"):
        question = request.args.get("q", "")
    else:
        body = _body()
        question, history = _read_question(body)
    answer = knowledge_base().ask(checked(question), history)
    note("ask", answer)
    told = answer_json(answer)
    if body.get("spans") is True and told["answer"]:
        _add_spans(told["answer"], answer)
    return jsonify(told)


def _add_spans(told: dict[str, Any], answer: Answer) -> None:
    """Puts beside each code its pieces with their colours, for who shows it."""
    for step in told["fix"]:
        if step["kind"] == "code":
            step["spans"] = spans(step["text"], step["language"])
    failing = answer.found.fix.failing if answer.found else None
    told["failing_spans"] = spans(failing.text, failing.language) if failing else None


def _read_question(body: dict[str, Any]) -> tuple[str, list[Turn]]:
    history = body.get("history") or []
    if not isinstance(body.get("question"), str):
        raise Refused(400, "bad_request", "Send an object with `question`, a string.")
    if not isinstance(history, list) or not all(isinstance(turn, dict) for turn in history):
        raise Refused(400, "bad_request", "`history` is a list of {question, post} objects.")
    turns = [
        Turn(
            checked(str(turn.get("question") or "")),
            str(turn["post"]) if turn.get("post") else None,
        )
        for turn in history[-_MOST_TURNS:]
    ]
    return body["question"], turns


def _body() -> dict[str, Any]:
    try:
        body = request.get_json(force=True)
    except RecursionError:
        body = None
    except HTTPException as error:
        if error.code == 413:
            raise
        body = None
    if not isinstance(body, dict):
        raise Refused(400, "bad_request", "Send a JSON object.")
    return body


@blueprint.get("/api/search")
def search() -> Response:
    """One page of hits."""
    hits = knowledge_base().search(
        checked(request.args.get("q", "")),
        page=number("page", 1, 100_000),
        per_page=number("per_page", 10, 100),
        tag=request.args.get("tag") or None,
        lang=request.args.get("lang") or None,
        folder=request.args.get("folder") or None,
        explain=request.args.get("explain", "") in ("1", "true"),
    )
    traffic.note_question("search", "hits" if hits.total else "none", hits.index.build)
    return jsonify(hits_json(hits))


def number(name: str, default: int, most: int) -> int:
    """A whole number of the query string, from 1. Raises Refused where it is none."""
    text = request.values.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= most):
        raise Refused(400, "bad_request", f"`{name}` is a whole number from 1 to {most}.")
    return int(text)


@blueprint.get("/api/suggest")
def suggest() -> Response:
    """Titles and terms while typing."""
    found = knowledge_base().suggest(checked(request.args.get("q", "")))
    return jsonify(
        titles=[{"title": one.title, "path": one.path, "url": one.url} for one in found.titles],
        terms=list(found.terms),
    )


@blueprint.post("/api/feedback")
def feedback() -> Response:
    """Notes whether an answer helped; only numbers are kept unless the owner says otherwise."""
    body = _body()
    if not isinstance(body.get("question"), str) or not isinstance(body.get("helped"), bool):
        raise Refused(400, "bad_request", "Send `question`, a string, and `helped`, true or false.")
    reason, post = body.get("reason"), body.get("post")
    if post is not None and not isinstance(post, str):
        raise Refused(400, "bad_request", "`post` is the path of a post, or null.")
    note_help(checked(body["question"]), post, body["helped"], reason)
    return Response(status=204)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Numbers for Prometheus."""
    return Response(traffic.metrics().text(), content_type=CONTENT_TYPE)


@blueprint.get("/health")
def health() -> Response:
    """Whether questions can be answered, and from which index."""
    info = knowledge_base().info()
    return jsonify(
        status="ok",
        posts=info.posts,
        built_at=info.built_at,
        age_seconds=age_seconds(info.built_at),
        build=info.build,
        version=traffic.VERSION,
    )


@blueprint.after_request
def _share(response: Response) -> Response:
    """Lets the pages of allowed sites read the answer."""
    origin = request.headers.get("Origin")
    shared = request.path.startswith("/api/")
    if shared and origin and origin in knowledge_base().settings.allowed_origins:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = "Content-Type"
        response.headers["Access-Control-Expose-Headers"] = f"Retry-After, {traffic.ID}"
        response.headers["Access-Control-Max-Age"] = "600"
    response.headers.add("Vary", "Origin")
    response.headers["Cache-Control"] = "no-store"
    return response


# Errors


def explain(error: Exception) -> Refused:
    """Any error as a status, a code and a sentence; the log and the metrics will tell the code."""
    told = _explained(error)
    traffic.note_refusal(told.code)
    return told


def _explained(error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, NoIndex):
        return Refused(503, "no_index", f"{error}.".replace("..", "."))
    if isinstance(error, HTTPException) and error.code is not None:
        code = (error.name or "error").lower().replace(" ", "_")
        return Refused(error.code, code, SENTENCES.get(error.code, error.description or code))
    traffic.note_fault(error)
    return Refused(500, "internal_error", "This is a fault of Fixdex; its log names the cause.")


SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not take requests of this kind.",
    413: "Ask with at most 64 KiB; paste the last lines.",
}


@blueprint.errorhandler(Exception)
def _failed(error: Exception) -> Response:
    return error_json(explain(error))


def error_json(error: Refused) -> Response:
    """An error as every JSON address tells it."""
    response = jsonify(
        error={
            "code": error.code,
            "message": error.message,
            "retry_after": error.wait or None,
            "request_id": traffic.request_id(),
        }
    )
    response.status_code = error.status
    if error.wait:
        response.headers["Retry-After"] = str(error.wait)
    return response
