"""The metrics: what Prometheus reads of them, and what they count."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from conftest import ROOT, MakeKnowledgeBase, write_posts
from indexer import KnowledgeBase, Settings
from posts_for_tests import POSTS
from webapp import create_app

MakeClient = Callable[..., FlaskClient]
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]

NAME = r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*"
LABEL = rf'{NAME}="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{{LABEL}(?:,{LABEL})*\}})? ([0-9.e+-]+)")
# What a name ends in says what it counts; `info` is a one that carries labels.
UNITS = ("_total", "_seconds", "_bytes", "_info")
PLAIN = {"_ready", "_posts", "_problems", "_skipped_files", "_build", "_fds"}


@pytest.fixture
def make_client(make_kb: MakeKnowledgeBase) -> MakeClient:
    """A client of the site of a few posts, with the settings given."""

    def make(**settings: Any) -> FlaskClient:
        return create_app(make_kb(POSTS, Settings(**settings))).test_client()

    return make


def read(client: FlaskClient) -> Samples:
    """The metrics of a site, as Prometheus takes them."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    return samples.get((name, frozenset(labels.items())), 0.0)


def test_every_line_is_as_the_text_format_wants_it(make_client: MakeClient) -> None:
    client = make_client()
    client.get("/api/ask?q=pip")
    client.get('/posts/"odd"\\\n.md')
    response = client.get("/metrics")
    assert response.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert response.text.endswith("\n")
    families: dict[str, str] = {}
    last, told = "", ""
    for line in response.text.splitlines():
        if line.startswith("# HELP "):
            _, _, told, sentence = line.split(" ", 3)
            assert sentence and told not in families
        elif line.startswith("# TYPE "):
            _, _, last, kind = line.split(" ")
            assert last == told and kind in ("counter", "gauge", "histogram")
            assert last.endswith((*UNITS, *PLAIN))
            assert (kind == "counter") == last.endswith("_total")
            families[last] = kind
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            parts = ("_bucket", "_sum", "_count") if families[last] == "histogram" else ("",)
            assert match[1] in {last + part for part in parts}
            float(match[2])
    assert read(client)


def test_the_page_on_operating_names_every_metric_and_no_other(make_client: MakeClient) -> None:
    text = (ROOT / "docs" / "operating.md").read_text("utf-8")
    named = set(re.findall(r"^\| `(fixdex_\w+)", text, re.MULTILINE))
    given = make_client().get("/metrics").text
    assert named == set(re.findall(r"^# TYPE (fixdex_\w+)", given, re.MULTILINE))


def test_requests_are_counted_by_the_pattern_of_their_address(make_client: MakeClient) -> None:
    client = make_client(rate_limit="3")
    for path in ("python/pip.md", "git/faq.md", "no/such.md"):
        client.get(f"/posts/{path}")
    client.open("/api/ask?q=pip", method="ODD")
    statuses = [client.get("/api/ask?q=pip").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    samples = read(client)
    name = "fixdex_http_requests_total"
    assert value(samples, name, endpoint="/posts/<path>", method="GET", status="200") == 2
    assert value(samples, name, endpoint="/posts/<path>", method="GET", status="404") == 1
    assert value(samples, name, endpoint="/api/ask", method="GET", status="429") == 1
    assert value(samples, name, endpoint="unmatched", method="other", status="405") == 1
    assert value(samples, "fixdex_refusals_total", code="too_many_requests") == 1
    assert value(samples, "fixdex_refusals_total", code="no_post") == 1
    name = "fixdex_http_request_duration_seconds"
    assert value(samples, f"{name}_count", endpoint="/posts/<path>") == 3
    assert value(samples, f"{name}_bucket", endpoint="/posts/<path>", le="+Inf") == 3


def test_questions_are_counted_by_face_and_by_what_came_of_them(make_client: MakeClient) -> None:
    client = make_client(rate_limit="off")
    client.get("/api/ask?q=externally-managed-environment")
    client.post("/api/ask", json={"question": "zzqqxx"})
    client.get("/?q=externally-managed-environment")
    client.get("/found?q=externally-managed-env")
    client.get("/?tag=pip")
    client.get("/api/search?q=pip")
    client.get("/")
    samples = read(client)
    name = "fixdex_questions_total"
    counted = {
        (face, state): value(samples, name, face=face, state=state)
        for face, state in [
            ("ask", "answer"), ("ask", "none"), ("page", "answer"), ("typing", "answer"),
            ("page", "hits"), ("search", "hits"),
        ]
    }  # fmt: skip
    assert set(counted.values()) == {1.0}, counted
    assert sum(number for (named, _), number in samples.items() if named == name) == 6


def test_the_index_is_told_with_each_newer_one(make_kb: MakeKnowledgeBase) -> None:
    knowledge_base = make_kb(POSTS)
    client = create_app(knowledge_base).test_client()
    before = read(client)
    status = knowledge_base.status()
    assert value(before, "fixdex_index_ready") == 1
    assert value(before, "fixdex_index_posts") == len(POSTS)
    assert value(before, "fixdex_index_problems") == status.problems
    assert value(before, "fixdex_index_size_bytes") == status.size_bytes > 10_000
    assert value(before, "fixdex_index_reloads_total") == 0
    write_posts(knowledge_base.folder, {"new.md": "# zznew\n", "bin.md": b"\0\1\2\3" * 50})
    knowledge_base.rebuild()
    after = read(client)
    assert value(after, "fixdex_index_posts") == len(POSTS) + 1
    assert value(after, "fixdex_index_skipped_files") == 1
    assert value(after, "fixdex_index_reloads_total") == 1
    assert value(after, "fixdex_index_build") == value(before, "fixdex_index_build") + 1


def test_without_an_index_the_metrics_say_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    client = create_app(KnowledgeBase(tmp_path / "empty", tmp_path / "nowhere")).test_client()
    client.get("/api/ask?q=x")
    samples = read(client)
    assert samples["fixdex_index_ready", frozenset()] == 0
    assert ("fixdex_index_posts", frozenset()) not in samples
    assert value(samples, "fixdex_refusals_total", code="no_index") == 1


def test_nothing_is_lost_when_many_ask_at_once(make_client: MakeClient) -> None:
    app = make_client(rate_limit="off").application

    def ask() -> None:
        client = app.test_client()
        for _ in range(25):
            client.get("/api/suggest?q=pip")
            client.get("/api/nope")

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    samples = read(app.test_client())
    name = "fixdex_http_requests_total"
    assert value(samples, name, endpoint="/api/suggest", method="GET", status="200") == 200
    assert value(samples, name, endpoint="unmatched", method="GET", status="404") == 200
    assert value(samples, "fixdex_refusals_total", code="not_found") == 200


def test_two_sites_in_one_process_count_apart(make_client: MakeClient) -> None:
    one = make_client()
    other = create_app(one.application.extensions["fixdex"]).test_client()
    one.get("/api/ask?q=pip")
    name = "fixdex_questions_total"
    assert value(read(one), name, face="ask", state="answer") + value(
        read(one), name, face="ask", state="related"
    )
    assert not value(read(other), name, face="ask", state="answer")
