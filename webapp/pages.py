"""The pages: one function per URL."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from webapp.api import (
    Refused,
    check_rate,
    checked,
    error_json,
    explain,
    knowledge_base,
    number,
    visitors,
)
from webapp.filters import highlighted, sanitised
from webapp.texts import choose_language, texts

blueprint = Blueprint("pages", __name__)

PER_PAGE = 10
MOST_REMOVED = 20


@blueprint.get("/")
def search() -> str:
    """The search page: the answer to `q`, then the other posts."""
    question = checked(request.args.get("q", ""))
    removed = [text for text in request.args.get("without", "").split("\n") if text][:MOST_REMOVED]
    narrowed = {name: request.args.get(name) or None for name in ("tag", "lang", "folder")}
    page = number("page", 1, 100_000)
    if not question.strip() and not any(narrowed.values()):
        return _render("home.html", examples=_examples(), question="")
    check_rate()
    started = time.perf_counter()
    # The answer is out of all posts; who narrows them or turns the page looks for others.
    whole = bool(question.strip()) and page == 1 and not any(narrowed.values())
    asked = without(question, removed)
    answer = knowledge_base().ask(asked) if whole else None
    hits = knowledge_base().search(
        asked,
        page=page,
        per_page=PER_PAGE,
        tag=narrowed["tag"],
        lang=narrowed["lang"],
        folder=narrowed["folder"],
    )
    outcome = answer.state if answer else "hits" if hits.total else "none"
    visitors().count("page", outcome, time.perf_counter() - started)
    shown = answer.found.post.path if answer and answer.found else None
    return _render(
        "search.html",
        question=question,
        removed=removed,
        answer=answer,
        hits=hits,
        others=[hit for hit in hits.hits if hit.post.path != shown],
        narrowed={name: value for name, value in narrowed.items() if value},
        address=_address,
        pages=-(-hits.total // PER_PAGE),
    )


def without(question: str, removed: Sequence[str]) -> str:
    """A question less what it was read as; all of it where nothing would be left."""
    left = question
    for text in removed:
        left = re.sub(rf"(?<!\w){re.escape(text)}(?!\w)", " ", left)
    return left if left.strip() else question


def _address(**changes: Any) -> str:
    """This page's address with other values; None leaves one out."""
    values = {**request.args.to_dict(), **changes}
    kept = {name: value for name, value in values.items() if value not in (None, "", 1)}
    return f"{url_for('pages.search')}?{urlencode(kept)}"


def _examples() -> list[str]:
    """Titles of posts to try as questions, the newest first."""
    return list(knowledge_base().newest_titles(3))


@blueprint.get("/posts/<post:path>")
def post(path: str) -> str | Response:
    """A post to read."""
    found = knowledge_base().post(path, highlighted)
    if found is None:
        raise Refused(404, "no_post", texts(choose_language(request))["no_post"])
    return _render("post.html", post=found.citation, body=sanitised(found.html), found=found)


@blueprint.get("/chat")
def chat() -> str:
    """The chat on a page of its own, and how to embed it."""
    return _render("chat.html")


@blueprint.get("/favicon.ico")
def icon() -> AnyResponse:
    """Browsers ask for it unasked."""
    return redirect(url_for("static", filename="icon.svg"), 301)


def _render(template: str, **values: Any) -> str:
    language = choose_language(request)
    kb = knowledge_base()
    return render_template(
        template,
        **values,
        t=texts(language),
        language=language,
        title=kb.settings.title,
        info=kb.info(),
    )


def error_page(error: Refused) -> Response:
    """An error as a page tells it."""
    language = choose_language(request)
    page = render_template(
        "error.html",
        error=error,
        t=texts(language),
        language=language,
        title=knowledge_base().settings.title,
        info=None,
    )
    response = make_response(page, error.status)
    if error.status == 429:
        response.headers["Retry-After"] = "".join(filter(str.isdigit, error.message)) or "1"
    return response


@blueprint.errorhandler(Exception)
def _failed(error: Exception) -> Response:
    return error_page(explain(error))


@blueprint.app_errorhandler(404)
@blueprint.app_errorhandler(405)
def _nowhere(error: Exception) -> Response:
    told = explain(error)
    return error_json(told) if request.path.startswith("/api/") else error_page(told)
