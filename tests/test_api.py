"""The JSON face: what it answers, what it refuses and how."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from conftest import MakeKnowledgeBase, serving
from indexer import KnowledgeBase, Settings
from posts_for_tests import POSTS
from webapp import create_app

MakeClient = Callable[..., FlaskClient]
BLOG = "https://blog.example.com"


@pytest.fixture
def make_client(make_kb: MakeKnowledgeBase) -> MakeClient:
    """A client of the site of a few posts, with the settings given."""

    def make(**settings: Any) -> FlaskClient:
        chosen = Settings(**{"rate_limit": "off", **settings})
        return create_app(make_kb(POSTS, chosen)).test_client()

    return make


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    """A client of the site of a few posts."""
    return make_client()


def refusal(response: TestResponse) -> str:
    """The sentence of a refusal, which has the agreed form."""
    body = response.get_json()
    assert set(body) == {"error"}
    assert set(body["error"]) >= {"code", "message"}
    assert body["error"]["message"].endswith(".")
    return str(body["error"]["message"])


def test_ask_answers_with_the_fix_and_its_place(client: FlaskClient) -> None:
    body = client.post("/api/ask", json={"question": "externally-managed-environment"}).get_json()
    assert body["answered"] is True and body["state"] == "answer"
    assert body["answer"]["post"]["path"] == "python/pip.md"
    assert "python3 -m venv .venv" in body["answer"]["fix"][-1]["text"]
    assert 0 <= body["confidence"] <= 1
    assert body["index"]["posts"] == len(POSTS)


def test_ask_by_get_and_by_post_say_the_same(client: FlaskClient) -> None:
    asked = client.get("/api/ask", query_string={"q": "refusing to merge"}).get_json()
    sent = client.post("/api/ask", json={"question": "refusing to merge"}).get_json()
    for body in (asked, sent):
        del body["took_ms"]
    assert asked == sent


def test_head_is_answered_as_get_is(client: FlaskClient) -> None:
    response = client.head("/api/ask", query_string={"q": "nginx 502"})
    assert response.status_code == 200 and response.data == b""


def test_ask_has_every_agreed_field_in_every_state(client: FlaskClient) -> None:
    agreed = {
        "question", "answered", "state", "confidence", "understood", "carried", "answer",
        "alternatives", "unmatched", "took_ms", "index",
    }  # fmt: skip
    for question in ("externally-managed-environment", "python", "zzqqxx", ""):
        body = client.get("/api/ask", query_string={"q": question}).get_json()
        assert set(body) >= agreed, question
        assert body["answered"] == (body["state"] == "answer") == (body["answer"] is not None)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"null", b"{", b'{"question": 1}', b'{"question": null}', b"{}", b"\xff\xfe",
     b"[" * 100_000, b'{"question": "x", "history": "y"}', b'{"question": "x", "history": [1]}',
     b'{"question": ' + b"9" * 5000 + b"}"],
)  # fmt: skip
def test_a_body_that_is_no_question_is_refused_in_a_sentence(
    client: FlaskClient, body: bytes
) -> None:
    response = client.post("/api/ask", data=body, content_type="application/json")
    assert response.status_code == 400
    refusal(response)


@pytest.mark.parametrize(
    "question",
    ["", " ", "\0", "a\0b", "😀" * 100, "\ud800", '"unclosed AND (', "*:*", "../../etc/passwd",
     "x" * 65_536, "错" * 21_845, "a " * 32_768, "{{7*7}}", "\u202e\u200b", "%" * 300],
)  # fmt: skip
def test_any_text_is_a_question(client: FlaskClient, question: str) -> None:
    data = json.dumps({"question": question})
    assert client.post("/api/ask", data=data).status_code == 200
    if len(question) < 1000 and question != "\ud800":
        for url in ("/api/ask", "/api/search", "/api/suggest", "/"):
            assert client.get(url, query_string={"q": question}).status_code == 200


def test_broken_utf_8_in_an_address_is_a_question_too(client: FlaskClient) -> None:
    for url in ("/api/ask", "/api/search", "/api/suggest", "/"):
        assert client.get(f"{url}?q=%ff%fe%80").status_code == 200


def test_odd_turns_of_a_conversation_are_no_fault(client: FlaskClient) -> None:
    turns = [{"question": None, "post": 7}, {}, {"question": "\ud800", "post": "\ud800"}]
    data = json.dumps({"question": "and on Debian?", "history": turns})
    assert client.post("/api/ask", data=data).status_code == 200


def test_a_question_over_64_kib_is_too_long(client: FlaskClient) -> None:
    for question in ("x" * 65_537, "错" * 21_846, "x" * 600_000):
        response = client.post("/api/ask", json={"question": question})
        assert response.status_code == 413
        assert "64 KiB" in refusal(response)


def test_search_pages_through_hits(client: FlaskClient) -> None:
    query: dict[str, str | int] = {"q": "git python error", "per_page": 1}
    first = client.get("/api/search", query_string=query).get_json()
    second = client.get("/api/search", query_string={**query, "page": 2}).get_json()
    assert first["total"] == second["total"] >= 2
    assert len(first["hits"]) == len(second["hits"]) == 1
    assert first["hits"][0]["post"]["path"] != second["hits"][0]["post"]["path"]


def test_search_narrows_and_explains(client: FlaskClient) -> None:
    query = {"q": "error", "tag": "pip", "explain": "1"}
    hits = client.get("/api/search", query_string=query).get_json()["hits"]
    assert [hit["post"]["path"] for hit in hits] == ["python/pip.md"]
    assert hits[0]["why"]


@pytest.mark.parametrize("name", ["page", "per_page"])
@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5", "²", "1000000", "00000001" + "9" * 5000])
def test_a_page_that_cannot_be_is_refused(client: FlaskClient, name: str, value: str) -> None:
    response = client.get("/api/search", query_string={"q": "error", name: value})
    assert response.status_code == 400
    assert f"`{name}`" in refusal(response)


def test_suggest_completes_titles(client: FlaskClient) -> None:
    body = client.get("/api/suggest?q=externally").get_json()
    assert body["titles"][0]["path"] == "python/pip.md"


def test_feedback_is_counted_and_leaves_nothing_to_say(client: FlaskClient) -> None:
    body = {"question": "x", "post": None, "helped": True, "reason": None}
    response = client.post("/api/feedback", json=body)
    assert (response.status_code, response.data) == (204, b"")
    assert 'fixdex_votes_total{vote="helped"} 1.0' in client.get("/metrics").text
    assert client.post("/api/feedback", json={"question": "x"}).status_code == 400


def test_health_says_ok_and_says_when_there_is_no_index(
    client: FlaskClient, tmp_path: Path
) -> None:
    told = client.get("/health").get_json()
    assert told["status"] == "ok" and told["posts"] == len(POSTS) and told["version"]
    assert told["build"] == client.get("/api/ask?q=x").get_json()["index"]["build"]
    assert 0 <= told["age_seconds"] < 600
    (tmp_path / "empty").mkdir()
    unbuilt = create_app(KnowledgeBase(tmp_path / "empty", tmp_path / "nowhere")).test_client()
    for url in ("/health", "/api/ask?q=x", "/api/search?q=x", "/api/suggest?q=x"):
        response = unbuilt.get(url)
        assert response.status_code == 503, url
        assert "fixdex rebuild" in refusal(response)
    assert unbuilt.get("/").status_code == 503


def test_unknown_addresses_and_methods_are_told_in_json(client: FlaskClient) -> None:
    for response, status in ((client.get("/api/nope"), 404), (client.delete("/api/ask"), 405)):
        assert response.status_code == status
        refusal(response)


def test_a_request_keeps_the_id_it_comes_with_and_else_gets_one(client: FlaskClient) -> None:
    given = client.get("/health", headers={"X-Request-ID": "4bf92f35:a-1"})
    assert given.headers["X-Request-ID"] == "4bf92f35:a-1"
    for odd in ("", "two words", "x" * 65, "中"):
        refused = client.get("/api/nope", headers={"X-Request-ID": odd.encode().decode("latin-1")})
        made = refused.headers["X-Request-ID"]
        assert made != odd and len(made) == 16
        assert refused.get_json()["error"]["request_id"] == made
    made = set()
    for url in ("/", "/static/fixdex.css", "/no", "/api/suggest?q=x"):
        with client.get(url) as response:
            made.add(response.headers["X-Request-ID"])
    assert len(made) == 4


def test_other_sites_may_not_ask_unless_the_owner_allows_them(make_client: MakeClient) -> None:
    client = make_client(allowed_origins=(BLOG,))
    allowed = "Access-Control-Allow-Origin"
    theirs = {"Origin": "https://evil.example"}
    assert client.get("/api/ask?q=x", headers={"Origin": BLOG}).headers[allowed] == BLOG
    assert allowed not in client.get("/api/ask?q=x", headers=theirs).headers
    preflight = client.options("/api/ask", headers={"Origin": BLOG})
    assert preflight.status_code == 204
    assert preflight.headers[allowed] == BLOG
    assert "Content-Type" in preflight.headers["Access-Control-Allow-Headers"]
    assert allowed not in client.options("/api/ask", headers=theirs).headers


def test_only_questions_and_feedback_are_shared_with_other_sites(make_client: MakeClient) -> None:
    client = make_client(allowed_origins=(BLOG,))
    for url in ("/metrics", "/health"):
        headers = client.get(url, headers={"Origin": BLOG}).headers
        assert "Access-Control-Allow-Origin" not in headers, url


def test_a_visitor_who_asks_too_often_is_told_when_to_come_back(make_client: MakeClient) -> None:
    client = make_client(rate_limit="2")
    statuses = [client.get("/api/ask?q=x").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    refused = client.get("/api/ask?q=x")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    refusal(refused)
    assert client.get("/health").status_code == 200
    other = client.get("/api/ask?q=x", environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert other.status_code == 200


def test_all_visitors_together_may_ask_so_often(make_kb: MakeKnowledgeBase) -> None:
    client = create_app(make_kb(POSTS, Settings(site_rate_limit="2"))).test_client()
    asked = [
        client.get("/api/ask?q=pip", environ_base={"REMOTE_ADDR": f"203.0.113.{n}"})
        for n in range(3)
    ]
    assert [answer.status_code for answer in asked] == [200, 200, 429]
    assert int(asked[2].headers["Retry-After"]) > 0


def test_connections_that_ask_nothing_keep_nobody_waiting(make_kb: MakeKnowledgeBase) -> None:
    with serving(make_kb(POSTS)) as site, ExitStack() as opened:
        port = int(site.rpartition(":")[2])
        for _ in range(200):
            opened.enter_context(socket.create_connection(("127.0.0.1", port)))
        with urllib.request.urlopen(f"{site}/health", timeout=10) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 300000000\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + b"x" * 65_536 + b"\r\n",
    ],
)
def test_a_body_too_large_is_refused_before_it_is_taken_in(
    make_kb: MakeKnowledgeBase, head: bytes
) -> None:
    with serving(make_kb(POSTS)) as address:
        port = int(address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(b"POST /api/ask HTTP/1.1\r\nHost: localhost\r\n" + head)
            if b"chunked" in head:
                # Of a body without a length, what is too much must come first.
                connection.sendall((b"10000\r\n" + b"x" * 65_536 + b"\r\n") * 7 + b"1\r\nx\r\n")
            answer = connection.makefile("rb").read()
    status, _, rest = answer.partition(b"\r\n")
    assert status.endswith(b" 413 Request Entity Too Large")
    error = json.loads(rest.partition(b"\r\n\r\n")[2])["error"]
    assert error["code"] == "request_entity_too_large"
    assert error["message"] == "Ask with at most 64 KiB; paste the last lines."


def test_a_body_just_within_the_limit_reaches_the_site(make_kb: MakeKnowledgeBase) -> None:
    body = json.dumps({"question": "nginx 502", "pad": ""}).encode()
    body = body[:-2] + b"x" * (512 * 1024 - len(body)) + body[-2:]
    assert len(body) == 512 * 1024
    with serving(make_kb(POSTS)) as address:
        request = urllib.request.Request(
            f"{address}/api/ask", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as response:
            assert response.status == 200


def test_what_is_no_request_is_refused_in_the_agreed_form(make_kb: MakeKnowledgeBase) -> None:
    with serving(make_kb(POSTS)) as address:
        port = int(address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nno header\r\n\r\n")
            answer = connection.makefile("rb").read()
    assert b" 400 Bad Request\r\n" in answer
    assert set(json.loads(answer.partition(b"\r\n\r\n")[2])["error"]) == {"code", "message"}
