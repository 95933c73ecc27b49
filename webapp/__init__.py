"""What a browser sees: search page, posts, chat, JSON."""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, request, url_for
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import ErrorTask
from werkzeug.routing import PathConverter

from indexer import Asked, KnowledgeBase, NoIndex, SettingsError
from webapp import api, filters, pages, traffic
from webapp.owner import Owner
from webapp.visitors import Visitors

# Questions may have 64 KiB; a request carries the conversation too.
LARGEST_REQUEST = 512 * 1024

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)


def create_app(knowledge_base: KnowledgeBase) -> Flask:
    """The site of a knowledge base, under the path prefix of its settings."""
    app = Flask(__name__)
    settings = knowledge_base.settings
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 3600
    app.extensions["fixdex"] = knowledge_base
    app.extensions["visitors"] = Visitors(settings.rate_limit, settings.site_rate_limit)
    app.extensions["owner"] = Owner(settings.report_token)
    app.extensions["asked"] = Asked(Path(settings.asked)) if settings.asked else None
    traffic.register(app, knowledge_base)
    filters.register(app)
    app.url_map.converters["post"] = _PostConverter
    app.register_blueprint(api.blueprint)
    app.register_blueprint(pages.blueprint)
    app.before_request(_guard)
    app.after_request(_protect)
    if prefix := settings.path_prefix.strip("/"):
        app.wsgi_app = _Prefixed(app.wsgi_app, "/" + prefix)  # type: ignore[method-assign]  # as Flask says to
    return app


_THIS_COMPUTER = ("localhost", "127.0.0.1", "::1")


def _guard() -> Response | None:
    """Refuses what another name or the page of another site sends. Raises Refused."""
    settings = api.knowledge_base().settings
    if prefix := request.environ.get(_BESIDE):
        return Response(
            f"The site is at {prefix}/\n", 404, content_type="text/plain; charset=utf-8"
        )
    if request.endpoint in ("api.health", "api.metrics"):
        return None  # watched by address, and nothing of a post is told
    host = urlsplit(f"//{request.host}").hostname or ""
    allowed = settings.allowed_hosts or (_THIS_COMPUTER if settings.host in _THIS_COMPUTER else ())
    # A page on the web could give itself a name that leads here.
    if allowed and host not in allowed:
        raise api.Refused(
            421, "wrong_host", f"This site does not answer to {host}; see allowed_hosts."
        )
    origin = request.headers.get("Origin")
    own = origin is None or origin.partition("://")[2] == request.host
    if request.method == "POST" and not own and origin not in settings.allowed_origins:
        raise api.Refused(403, "foreign_origin", f"{origin} may not ask here; see allowed_origins.")
    return None


def _protect(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    if request.endpoint == "static":
        # Code for anyone's page: scripts of type module are fetched by the rules of CORS.
        headers["Access-Control-Allow-Origin"] = "*"
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        if request.path.endswith("-panel.js"):
            # Its button may be of another version for an hour, its words never.
            headers["Cache-Control"] = "no-cache"
    return response


class _PostConverter(PathConverter):
    """The path of a post: any file name, also one with line ends."""

    regex = r"(?s:[^/].*?)"


_BESIDE = "fixdex.beside"


class _Prefixed:
    """Serves an application under a path, and nothing beside it."""

    def __init__(self, application: Any, prefix: str) -> None:
        self._application = application
        self._prefix = prefix

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        path = environ.get("PATH_INFO", "")
        if path != self._prefix and not path.startswith(self._prefix + "/"):
            return self._application({**environ, _BESIDE: self._prefix}, start_response)
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + self._prefix
        environ["PATH_INFO"] = path[len(self._prefix) :] or "/"
        return self._application(environ, start_response)


class _Refusal(ErrorTask):  # type: ignore[misc]  # waitress has no types
    """Tells in our own form what waitress refuses before the application sees it."""

    def execute(self) -> None:
        """Answers with the status and a sentence, and closes the connection."""
        error = self.request.error
        code = error.reason.lower().replace(" ", "_")
        message = api.SENTENCES.get(error.code, f"The request cannot be read: {error.body}.")
        body = json.dumps({"error": {"code": code, "message": message}}).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers += [("Content-Type", "application/json")]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    error_task_class = _Refusal


def make_server(app: Flask, host: str, port: int) -> Any:
    """The server of a site, listening; a web server on this computer says for whom it asks."""
    listening: dict[int, Any] = {}
    server = create_server(
        app,
        map=listening,
        host=host,
        port=port,
        threads=8,
        ident="fixdex",
        # Browsers keep connections open for later: at waitress's own limit, 100 of them that ask
        # nothing keep everyone else waiting. Systems let a process have 1,024 files.
        connection_limit=_CONNECTIONS,
        # Past this a body is not taken in; at waitress's own limit it fills a gigabyte of disk.
        max_request_body_size=LARGEST_REQUEST + 1,
        # Not select: that knows no file numbered above 1,023.
        asyncore_use_poll=True,
        trusted_proxy=app.extensions["fixdex"].settings.trusted_proxy,
        trusted_proxy_headers={"x-forwarded-for", "x-forwarded-proto"},
    )
    # A name may stand for several addresses, each with a server of its own.
    for one in listening.values():
        one.channel_class = _Channel
    return server


_CONNECTIONS = 800
# For so many seconds it does nothing but answer.
_AT_ONCE = 0.5


def _warm_up(knowledge_base: KnowledgeBase) -> None:
    # An index that is gone by now is missed by the next question.
    with contextlib.suppress(NoIndex):
        knowledge_base.warm_up()


def serve(
    knowledge_base: KnowledgeBase, follow: Callable[[threading.Event], None] | None = None
) -> None:
    """Answers on the host and port of the settings until it is stopped.

    `follow` runs beside it once it listens, until an event is set. Raises SettingsError where host
    and port cannot be listened on.
    """
    settings = knowledge_base.settings
    app = create_app(knowledge_base)
    knowledge_base.load()
    try:
        server = make_server(app, settings.host, settings.port)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(
            f"cannot listen on {settings.host} port {settings.port} ({reason}); "
            "choose another with --port or --host"
        ) from None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with app.test_request_context():
        path = url_for("pages.search")
        by_key = url_for("pages.owner", key=app.extensions["owner"].key)
    if settings.host not in _THIS_COMPUTER and not settings.allowed_hosts:
        logging.getLogger("fixdex").warning(
            "listening on %s, beyond this computer, to any name; "
            "name the site's own in allowed_hosts",
            settings.host,
        )
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    prefix = settings.path_prefix.strip("/")
    site = f"http://{host}:{server.effective_port}{'/' + prefix if prefix else ''}"
    sys.stdout.write(f"Fixdex answers at {site}{path} (stop it with Ctrl-C)\n")
    sys.stdout.write(f"Its owner opens it by {site}{by_key}\n")
    sys.stdout.flush()
    # Whoever waits for it to listen is answered first.
    later = threading.Timer(_AT_ONCE, _warm_up, (knowledge_base,))
    later.daemon = True
    later.start()
    if follow is not None:
        _run_beside(server, follow)
        return
    try:
        server.run()
    finally:
        server.close()


def _run_beside(server: Any, follow: Callable[[threading.Event], None]) -> None:
    """Answers while `follow` runs in the main thread, where what it reads can be interrupted."""
    ended = threading.Event()

    def run() -> None:
        try:
            server.run()
        finally:
            ended.set()

    threading.Thread(target=run, daemon=True).start()
    follow(ended)
