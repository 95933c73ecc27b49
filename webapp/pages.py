"""The pages: one function per URL."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote, urlencode, urljoin, urlsplit

from flask import (
    Blueprint,
    Response,
    current_app,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from indexer import REASONS, Asked, Citation, redact, understood
from webapp import traffic
from webapp.api import (
    Refused,
    check_rate,
    checked,
    error_json,
    explain,
    knowledge_base,
    note,
    note_help,
    number,
)
from webapp.filters import highlighted, sanitised
from webapp.owner import Owner
from webapp.texts import COOKIE, LANGUAGES, choose_language, texts

blueprint = Blueprint("pages", __name__)

PER_PAGE = 10
MOST_REMOVED = 20


@blueprint.get("/")
def search() -> str:
    """The search page: the answer to `q`, then the other posts."""
    return _render("search.html", **_looked_up())


@blueprint.route("/found", methods=["GET", "POST"])
def found() -> str:
    """What the search page shows below its box, for the page to take in while one types.

    A long paste comes by POST: web servers in between refuse long addresses.
    """
    return _render("_found.html", **_looked_up())


def _looked_up() -> dict[str, Any]:
    question = checked(request.values.get("q", "").replace("\r\n", "\n"))
    removed = list(filter(None, request.values.get("without", "").splitlines()))[:MOST_REMOVED]
    narrowed = {name: request.values.get(name) or None for name in ("tag", "lang", "folder")}
    page = number("page", 1, 100_000)
    if not question.strip() and not any(narrowed.values()):
        return {"looked": False, "examples": _examples(), "question": ""}
    check_rate()
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
    said = "noted" in request.args
    if answer and not said and (request.endpoint == "pages.search" or "asked" in request.values):
        note("page", answer)
    else:
        # While one types, half a question is counted and never kept.
        state = answer.state if answer else "hits" if hits.total else "none"
        sure = answer.confidence if answer else None
        traffic.note_question("typing" if answer else "page", state, hits.index.build, sure)
    shown = answer.found.post.path if answer and answer.found else None
    return {
        "looked": True,
        "question": question,
        "removed": removed,
        "answer": answer,
        "hits": hits,
        "others": [hit for hit in hits.hits if hit.post.path != shown],
        "narrowed": {name: value for name, value in narrowed.items() if value},
        "address": _address,
        "pages": -(-hits.total // PER_PAGE),
        "reasons": REASONS,
        "said": said,
    }


def without(question: str, removed: Sequence[str]) -> str:
    """A question less what it was read as; all of it where nothing would be left."""
    left = question
    for text in removed:
        # Chinese has no blanks: what stands beside it is no part of a Latin word.
        left = re.sub(rf"(?<![A-Za-z0-9_]){re.escape(text)}(?![A-Za-z0-9_])", " ", left)
    return left if left.strip() else question


def _address(**changes: Any) -> str:
    """This page's address with other values; None leaves one out."""
    values = {**request.values.to_dict(), **changes}
    if request.method == "POST":
        values.pop("q", None)
    for passing in ("asked", "noted"):
        values.pop(passing, None)
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
        raise Refused(404, "no_post", texts(_language())["no_post"])
    body = sanitised(
        found.html,
        lambda named: _picture(path, named),
        lambda named: _link(found.citation, named),
    )
    return _render("post.html", post=found.citation, body=body, found=found)


# Where generators of sites keep what they serve from the root.
_ROOTS = ("", "static", "source", "public", "assets", "docs")


def _places(path: str, named: str) -> list[str]:
    """Where in the folder may lie what a post names: beside the post, or below a root."""
    try:
        address = urlsplit(named)
    except ValueError:
        return []
    name = unquote(address.path)
    if address.scheme or address.netloc or not name:
        return []
    beside = posixpath.dirname(path)
    stem = posixpath.splitext(path)[0]
    places = [posixpath.join(root, name.lstrip("/")) for root in _ROOTS]
    if not name.startswith("/"):
        places = [posixpath.join(beside, name), posixpath.join(stem, name), *places]
    return [posixpath.normpath(place) for place in places]


def _picture(path: str, named: str) -> str | None:
    """The address here of a picture that a post shows."""
    for place in _places(path, named):
        if knowledge_base().picture(place) is not None:
            return url_for("pages.file", path=place)
    return None


# What a site's address of a post leaves out of its file's name.
_ENDINGS = ("", ".md", ".mdx", ".markdown", "/index.md", "/README.md")


def _link(post: Citation, named: str) -> str | None:
    """Where a link of a post leads: to a post here, to the owner's own site, or elsewhere.

    None where it would lead to nothing: into a site whose address nobody told.
    """
    places = _places(post.path, named)
    if not places:
        return named
    for place in places:
        for name in (place + ending for ending in _ENDINGS):
            if knowledge_base().holds(name):
                return url_for("pages.post", path=name, _anchor=urlsplit(named).fragment or None)
    return urljoin(post.link, named) if post.link and "://" in post.link else None


@blueprint.get("/files/<post:path>")
def file(path: str) -> AnyResponse:
    """A picture that a post shows."""
    found = knowledge_base().picture(path)
    if found is None:
        raise Refused(404, "no_file", texts(_language())["no_post"])
    response = send_file(found, max_age=3600)
    # A drawing may hold a script: opened by itself it may do nothing.
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    )
    return response


@blueprint.post("/draft")
def draft() -> Response:
    """A post to fill in about a question that no post answers, as a Markdown file."""
    question = redact(checked(request.form.get("q", "")).strip().replace("\r\n", "\n"))
    if not question:
        raise Refused(400, "bad_request", texts(_language())["placeholder"])
    errors = [text for text, kind in understood(question) if kind == "error"]
    ticks = max((len(run) for run in re.findall("`{3,}", question)), default=2) + 1
    text = render_template(
        "draft.md",
        question=question,
        first=json.dumps((errors or question.split("\n"))[0][:120], ensure_ascii=False),
        fence="`" * max(ticks, 3),
        today=datetime.now(UTC).date().isoformat(),
        t=texts(_language()),
    )
    response = Response(text, content_type="text/markdown; charset=utf-8")
    response.headers["Content-Disposition"] = "attachment; filename=draft.md"
    return response


@blueprint.post("/feedback")
def feedback() -> AnyResponse:
    """Notes whether an answer helped, and leads back to it."""
    check_rate()
    question = checked(request.form.get("question", ""))
    reason = request.form.get("reason") or None
    helped = reason is None and request.form.get("helped") == "yes"
    note_help(question, request.form.get("post") or None, helped, reason)
    return redirect(url_for("pages.search", q=question, noted=1), 303)


@blueprint.post("/language")
def language() -> AnyResponse:
    """Chooses the language of the pages, and leads back."""
    chosen = request.form.get("language", "")
    back = request.form.get("back", "")
    # A page of this site, and nothing that a browser might read as an address elsewhere.
    inside = re.fullmatch(r"/(?![/\\])[!-~]*", back) and back.startswith(request.script_root + "/")
    response = redirect(back if inside else url_for("pages.search"), 303)
    if chosen in LANGUAGES:
        response.set_cookie(COOKIE, chosen, max_age=365 * 86400, httponly=True, samesite="Lax")
    return response


@blueprint.get("/words/<language>.json")
def words(language: str) -> Response:
    """The words of the interface, for the widget on anybody's page."""
    if language not in LANGUAGES:
        raise Refused(404, "no_language", texts(_language())["no_post"])
    response = jsonify(texts(language))
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "no-cache"
    return response


@blueprint.get("/opensearch.xml")
def opensearch() -> Response:
    """How browsers may search here from their own box."""
    text = _render("opensearch.xml")
    return Response(text, content_type="application/opensearchdescription+xml; charset=utf-8")


@blueprint.get("/owner")
def owner() -> AnyResponse:
    """Makes the browser that has the key the owner's, and leads to the site."""
    check_rate()
    if not _owner().opens(request.args.get("key", "")):
        raise Refused(404, "not_found", texts(_language())["no_post"])
    response = redirect(url_for("pages.search"), 303)
    _owner().remember(response, request)
    response.headers["Cache-Control"] = "no-store"
    # The address holds the key: no page that is opened from here is to know it.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _owner() -> Owner:
    found: Owner = current_app.extensions["owner"]
    return found


@blueprint.get("/report")
def report() -> Response:
    """What was asked and wants a post, for the owner."""
    check_rate()
    if not _owner().asks(request):
        raise Refused(404, "not_found", texts(_language())["no_post"])
    asked: Asked | None = current_app.extensions["asked"]
    page = _render("report.html", rows=asked.report() if asked is not None else None)
    response = make_response(page)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/chat")
def chat() -> str:
    """The chat on a page of its own, and how to embed it."""
    return _render("chat.html")


@blueprint.get("/favicon.ico")
def icon() -> AnyResponse:
    """Browsers ask for it unasked."""
    return redirect(url_for("static", filename="icon.svg"), 301)


def _language() -> str:
    return choose_language(request, knowledge_base().settings.language)


def _render(template: str, **values: Any) -> str:
    language = _language()
    kb = knowledge_base()
    query = request.query_string.decode("ascii", "ignore")
    return render_template(
        template,
        **{"info": kb.info() if "error" not in values else None, **values},
        t=texts(language),
        language=language,
        languages=LANGUAGES,
        title=kb.settings.title,
        owner=_owner().asks(request),
        back=quote(request.script_root + request.path) + (f"?{query}" if query else ""),
    )


def error_page(error: Refused) -> Response:
    """An error as a page tells it."""
    told = texts(_language()).get(f"error_{error.code}", error.message)
    page = _render(
        "error.html",
        error=error,
        told=told.replace("{seconds}", str(error.wait)),
        request_id=traffic.request_id(),
    )
    response = make_response(page, error.status)
    if error.wait:
        response.headers["Retry-After"] = str(error.wait)
    return response


@blueprint.after_request
def _vary(response: Response) -> Response:
    """Pages differ by the language that was chosen or that the browser asks for."""
    response.vary.update(("Cookie", "Accept-Language"))
    return response


@blueprint.errorhandler(Exception)
def _failed(error: Exception) -> Response:
    return error_page(explain(error))


@blueprint.app_errorhandler(Exception)
def _refused(error: Exception) -> Response:
    told = explain(error)
    return error_json(told) if request.path.startswith("/api/") else error_page(told)
