"""The log: a line per request, and never what was asked."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from conftest import MakeKnowledgeBase, until, write_posts
from indexer import Answer, KnowledgeBase, PostText, Settings, Suggestions, choose_place
from indexer.logs import begin
from posts_for_tests import POSTS
from webapp import create_app

SECRET = "zzhunter2"
QUERY = urllib.parse.urlencode({"q": f"pip {SECRET}"})


@pytest.fixture
def log(capsys: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    """Standard error; what logs in this process is put back as it was."""
    loggers = [logging.getLogger(name) for name in (None, "fixdex", "fixdex.requests")]
    levels, handlers = [one.level for one in loggers], loggers[0].handlers[:]
    yield capsys
    logging.captureWarnings(False)
    loggers[0].handlers[:] = handlers
    for one, level in zip(loggers, levels, strict=True):
        one.setLevel(level)


def lines(log: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.readouterr().err.splitlines()]


class Faulty(KnowledgeBase):
    """Fails on every question, and says in its error what was asked."""

    def ask(self, question: str, history: Any = ()) -> Answer:
        try:
            raise KeyError(question)
        except KeyError as error:
            raise RuntimeError(f"cannot answer {question}") from error

    def search(self, question: str, **_: Any) -> Any:
        raise ValueError(question)

    def suggest(self, text: str, most: int = 8) -> Suggestions:
        raise ValueError(text)

    def post(self, path: str, highlight: Any) -> PostText:
        raise OSError(2, "no such file", path)


def ask_everywhere(client: FlaskClient) -> int:
    """Asks for the secret by every address that takes words; how many requests that were."""
    said = {"question": SECRET, "helped": "yes", "post": f"{SECRET}.md"}
    responses = [
        *(client.get(f"{url}?{QUERY}") for url in (
            "/", "/found", "/chat", "/report", "/api/ask", "/api/search", "/api/suggest",
            f"/posts/{SECRET}.md", f"/files/{SECRET}.png", f"/{SECRET}", f"/api/{SECRET}",
            f"/words/{SECRET}.json", f"/static/{SECRET}", "/metrics", "/health",
        )),
        client.post("/api/ask", json={"question": SECRET, "history": [{"question": SECRET}]}),
        client.post("/api/ask", data=f'{{"question": "{SECRET}'),
        client.post("/api/feedback", json={**said, "helped": True}),
        client.post("/found", data={"q": SECRET}),
        client.post("/draft", data={"q": SECRET}),
        client.post("/feedback", data=said),
        client.post("/language", data={"back": f"/{SECRET}"}),
        client.get(f"/?{QUERY}", headers={"X-Request-ID": f"{SECRET} {SECRET}"}),
        client.get(f"/?{QUERY}", headers={"Host": f"{SECRET}.example"}),
        client.open(f"/?{QUERY}", method="ODD"),
    ]  # fmt: skip
    return len(responses)


@pytest.mark.parametrize("form", ["json", "text", "off"])
def test_what_was_asked_is_in_no_log_and_in_no_metric(
    make_kb: MakeKnowledgeBase, log: pytest.CaptureFixture[str], tmp_path: Path, form: str
) -> None:
    begin(form)
    # Where nothing can be kept, that is told, too.
    settings = Settings(rate_limit="off", asked=str(tmp_path))
    whole = make_kb(POSTS, settings)
    for knowledge_base in (whole, Faulty(whole.folder, whole.place, settings)):
        client = create_app(knowledge_base).test_client()
        asked = ask_everywhere(client)
        told = log.readouterr().err
        assert SECRET not in told
        assert "cannot keep what was asked" in told or knowledge_base is not whole
        assert SECRET not in client.get("/metrics").text
        if form == "json":
            requests = [json.loads(line) for line in told.splitlines()]
            assert sum(one["logger"] == "fixdex.requests" for one in requests) == asked
        if knowledge_base is not whole:
            assert "RuntimeError" in told
            assert re.search(r"test_logs\.py:\d+ in ask", told)
        log.readouterr()


def test_a_request_is_one_line_of_json(
    make_kb: MakeKnowledgeBase, log: pytest.CaptureFixture[str]
) -> None:
    begin("json")
    client = create_app(make_kb(POSTS)).test_client()
    answer = client.get(
        "/api/ask?q=externally-managed-environment", headers={"X-Request-ID": "r-1"}
    )
    (line,) = lines(log)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line.pop("ms") > 0
    assert line.pop("message").startswith("GET /api/ask 200 ")
    body = answer.get_json()
    assert line == {
        "level": "info",
        "logger": "fixdex.requests",
        "request_id": "r-1",
        "method": "GET",
        "endpoint": "/api/ask",
        "status": 200,
        "bytes": len(answer.data),
        "face": "ask",
        "state": "answer",
        "confidence": round(body["confidence"], 3),
        "build": body["index"]["build"],
    }


def test_a_refusal_tells_its_code_and_a_fault_where_it_was_raised(
    make_kb: MakeKnowledgeBase, log: pytest.CaptureFixture[str]
) -> None:
    begin("json")
    whole = make_kb(POSTS)
    client = create_app(Faulty(whole.folder, whole.place)).test_client()
    client.get("/api/search?q=x&page=0")
    failed = client.get("/api/ask?q=x")
    page = client.get("/?q=x")
    refused, fault, page_fault = lines(log)
    assert (refused["level"], refused["code"]) == ("info", "bad_request")
    assert (fault["level"], fault["error"]) == ("error", "RuntimeError")
    assert fault["request_id"] == failed.get_json()["error"]["request_id"]
    # What caused it comes first.
    kinds = [told for told in fault["trace"] if " in " not in told]
    assert kinds == ["KeyError", "RuntimeError"]
    assert page.status_code == 500 and page_fault["request_id"] in page.text


def test_a_server_that_tells_of_no_request_tells_of_one_that_failed(
    make_kb: MakeKnowledgeBase, log: pytest.CaptureFixture[str]
) -> None:
    begin("off")
    whole = make_kb(POSTS)
    client = create_app(Faulty(whole.folder, whole.place)).test_client()
    client.get("/health")
    assert log.readouterr().err == ""
    client.get("/api/ask?q=x", headers={"X-Request-ID": "r-2"})
    told = log.readouterr().err.splitlines()
    assert "error: GET /api/ask 500 " in told[0] and told[0].endswith(" RuntimeError (r-2)")
    assert all(line.startswith("    ") for line in told[1:]) and len(told) > 4


@contextmanager
def served(folder: Path, *options: str) -> Iterator[tuple[str, Path]]:
    """The address of `fixdex serve`, and the file of its standard error."""
    errors = folder.parent / "stderr"
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "indexer.cli", "serve", folder, "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        assert process.stdout is not None
        try:
            match = re.search(r"http://\S+", process.stdout.readline())
            assert match is not None
            yield match[0], errors
        finally:
            process.terminate()
            process.communicate(timeout=30)


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.skipif(os.name != "posix", reason="locks by flock")
def test_all_that_a_server_says_on_standard_error_is_json(tmp_path: Path) -> None:
    import fcntl

    folder = write_posts(tmp_path / "posts", {**POSTS, "b.md": b"\0\1\2\3" * 50})
    with served(folder, "--log", "json", "--watch") as (address, errors):
        paths = (f"api/ask?{QUERY}", f"?{QUERY}", f"posts/{SECRET}.md", f"{SECRET}?{QUERY}")
        assert [status(address + path) for path in paths] == [200, 200, 404, 404]
        write_posts(folder, {"new.md": f"# {SECRET}\n"})
        assert until(lambda: "1 added" in errors.read_text("utf-8"))
        with (choose_place(folder, None) / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            write_posts(folder, {"newer.md": "# newer\n"})
            assert until(lambda: "not rebuilt" in errors.read_text("utf-8"))
    text = errors.read_text("utf-8")
    assert SECRET not in text
    told = [json.loads(line) for line in text.splitlines()]
    requests = [line for line in told if line["logger"] == "fixdex.requests"]
    endpoints = ["/api/ask", "/", "/posts/<path>", "unmatched"]
    assert [line["endpoint"] for line in requests] == endpoints
    first, second, failed = (line for line in told if line["logger"] == "fixdex")
    assert (first["added"], first["skipped"]) == (len(POSTS), 1)
    assert (second["indexed"], second["added"]) == (len(POSTS) + 1, 1)
    assert failed["level"] == "warning" and "another rebuild" in failed["message"]


def test_of_a_rebuild_in_another_process_a_server_tells_in_json_too(tmp_path: Path) -> None:
    many = {f"{number}.md": f"# post {number}\n" for number in range(250)}
    folder = write_posts(tmp_path / "posts", many)
    with served(folder, "--log", "json") as (_, errors):
        (told,) = [json.loads(line) for line in errors.read_text("utf-8").splitlines()]
    assert (told["added"], told["message"].split(" (")[0]) == (250, "rebuilt: 250 added")


def test_what_others_log_names_no_address_and_no_value(log: pytest.CaptureFixture[str]) -> None:
    begin("json")
    try:
        raise ValueError(SECRET)
    except ValueError:
        # As waitress does when an application fails it.
        logging.getLogger("waitress").exception(f"Exception while serving /{SECRET}")
    (line,) = lines(log)
    assert SECRET not in str(line)
    assert (line["level"], line["message"]) == ("error", "Exception")
    assert line["trace"][-1] == "ValueError"


def test_requests_that_wait_for_a_thread_fill_no_log(log: pytest.CaptureFixture[str]) -> None:
    begin("text")
    # As waitress does for each of them.
    logging.getLogger("waitress.queue").warning("Task queue depth is 90")
    logging.getLogger("waitress").warning("something else")
    assert "queue" not in (told := log.readouterr().err) and "something else" in told


def test_a_server_says_in_text_what_became_of_the_posts_and_of_requests(tmp_path: Path) -> None:
    folder = write_posts(tmp_path / "posts", {**POSTS, "b.md": b"\0\1\2\3" * 50})
    with served(folder, "--log", "text") as (address, errors):
        assert status(f"{address}api/ask?{QUERY}") == 200
    report, skipped, request = errors.read_text("utf-8").splitlines()
    assert f"{len(POSTS)} added" in report
    assert skipped == "  skipped b.md: binary: it holds control characters"
    assert re.fullmatch(r"\S+Z GET /api/ask 200 \S+ ms (answer|related|none) \(\w{16}\)", request)
