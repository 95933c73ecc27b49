"""Traffic: every request has an id, is counted, and is told in the log.

Neither holds what was asked: an address is known by its pattern, an error by its kind and place.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from flask import Flask, Response, current_app, g, request

from indexer import KnowledgeBase, trace
from webapp.metrics import Metrics

VERSION = version("fixdex")
ID = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9._:=-]{1,64}")
_CONVERTER = re.compile(r"<[^<>:]+:")
_SERVER = logging.getLogger("fixdex")
_REQUESTS = logging.getLogger("fixdex.requests")


def register(app: Flask, knowledge_base: KnowledgeBase) -> None:
    """Watches every request of a site; to be called before anything else looks at them."""
    app.extensions["metrics"] = Metrics(knowledge_base, VERSION)
    app.before_request(_begin)
    # Flask runs the first of these last.
    app.after_request(_end)


def metrics() -> Metrics:
    """The metrics of this site."""
    found: Metrics = current_app.extensions["metrics"]
    return found


def request_id() -> str:
    """The id of this request: that of the web server in front, or one of ours."""
    found: str = g.request_id
    return found


def note_question(face: str, state: str, build: str, confidence: float | None = None) -> None:
    """Counts a question, and keeps for the log what came of it."""
    metrics().question(face, state, build)
    g.told |= {"face": face, "state": state, "build": build}
    if confidence is not None:
        g.told["confidence"] = round(confidence, 3)


def note_refusal(code: str) -> None:
    """Keeps for the log and the metrics why this request is refused."""
    g.told["code"] = code


def note_fault(error: Exception) -> None:
    """Keeps for the log which error nobody expected, and where it was raised."""
    g.told |= {"error": type(error).__qualname__, "trace": trace(error)}


def warn(message: str) -> None:
    """Says in the log what went wrong beside the answer of this request."""
    _SERVER.warning("%s", message, extra={"fields": {"request_id": request_id()}})


def _begin() -> None:
    given = request.headers.get(ID, "")
    g.request_id = given if _SANE.fullmatch(given) else secrets.token_hex(8)
    g.started = time.perf_counter()
    g.told = {}


def _end(response: Response) -> Response:
    seconds = time.perf_counter() - g.started
    endpoint, status = _endpoint(), response.status_code
    told: dict[str, Any] = g.told
    response.headers[ID] = g.request_id
    counted = metrics()
    counted.request(endpoint, request.method, status, seconds)
    if "code" in told:
        counted.refusal(told["code"])
    level = logging.ERROR if status >= 500 else logging.INFO
    if _REQUESTS.isEnabledFor(level):
        fields = {
            "request_id": g.request_id,
            "method": request.method,
            "endpoint": endpoint,
            "status": status,
            "ms": round(seconds * 1000, 2),
            "bytes": response.content_length,
            **told,
        }
        what = [told[name] for name in ("state", "code", "error") if name in told]
        message = " ".join((request.method, endpoint, str(status), f"{fields['ms']} ms", *what))
        _REQUESTS.log(level, "%s", message, extra={"fields": fields})
    return response


def _endpoint() -> str:
    """The pattern of the address that was asked for."""
    return _pattern(request.url_rule.rule) if request.url_rule else "unmatched"


@lru_cache(maxsize=100)
def _pattern(rule: str) -> str:
    return _CONVERTER.sub("<", rule)
