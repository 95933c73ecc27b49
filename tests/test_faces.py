"""One answer: page, JSON, terminal and widget show the same post and fix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner
from flask.testing import FlaskClient

from conftest import ROOT, serving
from indexer import KnowledgeBase, Settings
from indexer.cli import main
from webapp import create_app

RNNCELL = (
    "second RNNCell weights",
    "ValueError: Attempt to have a second RNNCell use the weights of a variable scope that already "
    "has weights: 'rnn/lstm_cell'; and the cell was not constructed as LSTMCell(..., reuse=True).  "
    "To share the weights of an RNNCell, simply reuse it in your second calculation, or create a "
    "new one with the argument reuse=True.",
    "两个 RNNCell 变量作用域 报错",
    "兩個 RNNCell 變數作用域 報錯",
)
POST = "tensorflow/second-rnncell.md"


@pytest.fixture(scope="module")
def shipped(shipped_kb: KnowledgeBase) -> KnowledgeBase:
    return KnowledgeBase(shipped_kb.folder, shipped_kb.place, Settings(rate_limit="off"))


@pytest.fixture
def client(shipped: KnowledgeBase) -> FlaskClient:
    return create_app(shipped).test_client()


def added(diff: str) -> list[str]:
    return [line for line in diff.split("\n") if line.startswith("+") and "scope=" in line]


@pytest.mark.parametrize("question", RNNCELL)
def test_json_answers_with_the_sentence_the_code_and_the_change(
    client: FlaskClient, question: str
) -> None:
    body = client.post("/api/ask", json={"question": question}).get_json()
    assert body["state"] == "answer"
    assert body["answer"]["post"]["path"] == POST
    sentence, code = body["answer"]["fix"]
    assert sentence["kind"] == "text" and "`scope`" in sentence["text"]
    assert code["kind"] == "code" and code["text"].count("scope=") == 2
    assert len(added(body["answer"]["diff"])) == 2


@pytest.mark.parametrize("question", RNNCELL)
def test_the_page_answers_the_same(client: FlaskClient, question: str) -> None:
    page = BeautifulSoup(client.get("/", query_string={"q": question}).data, "html.parser")
    answer = page.select_one("article.answer")
    assert answer is not None
    assert POST in str(answer.select_one("h2 a")["href"])  # type: ignore[index]  # there is one
    assert "scope" in [code.text for code in answer.select(".fix .text code")]
    assert answer.select_one(".fix pre").text.count("scope=") == 2  # type: ignore[union-attr]  # there is one
    assert sum("scope=" in line.text for line in answer.select(".diff .added")) == 2


@pytest.mark.parametrize("question", RNNCELL)
def test_the_terminal_answers_the_same(shipped: KnowledgeBase, question: str) -> None:
    done = CliRunner().invoke(
        main, ["ask", question, "--kb", str(ROOT / "kb"), "--index", str(shipped.place)]
    )
    assert done.exit_code == 0
    assert "`scope`" in done.stdout and POST in done.stdout
    assert len(added(done.stdout)) == 2


def test_the_widget_answers_the_same(page: Any, shipped: KnowledgeBase) -> None:
    with serving(shipped) as server:
        page.goto(f"{server}/chat")
        for number, question in enumerate(RNNCELL):
            box = page.locator("fixdex-chat textarea")
            box.fill(question)
            box.press("Enter")
            reply = page.locator("fixdex-chat .reply").nth(number)
            reply.locator("a.title").wait_for()
            assert POST in reply.locator("a.title").get_attribute("href")
            assert "scope" in reply.locator("p.text code").all_inner_texts()
            assert reply.locator("pre code").first.inner_text().count("scope=") == 2
            assert reply.locator(".diff .added", has_text="scope=").count() == 2


ODD = {
    "empty": "",
    "blank": " \n\t ",
    "64 KiB": "x" * 65_536,
    "64 KiB of words": "error " * 10_922,
    "punctuation": "?!…—。，《》()[]{}<>|&^%$#@*",
    "NUL": "nginx\0 502\0",
    "emoji": "🔥 nginx 💥 502 👩‍👩‍👧",
    "a long word": "a" * 5000,
    "right to left": "خطأ في الخادم 502",
    "backticks": "`" * 60_000,
    "brackets": "[" * 30_000 + "(" * 30_000,
    "a lone surrogate": "nginx \ud800 502",
    "control": "".join(map(chr, range(32))) * 100,
    "query syntax": 'title:"x" AND (y OR z*)^2 ~3 /re/',
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_odd_input_gets_an_answer_or_a_sentence_on_every_face(
    client: FlaskClient, shipped: KnowledgeBase, text: str
) -> None:
    response = client.post("/api/ask", data=json.dumps({"question": text}))
    assert response.status_code in (200, 413)
    assert "state" in response.get_json() or response.get_json()["error"]["message"]
    if len(text) < 8000:
        sendable = text.encode("utf-8", "replace").decode("utf-8")
        assert client.get("/", query_string={"q": sendable}).status_code == 200
        assert client.get("/api/search", query_string={"q": sendable}).status_code == 200
        assert client.get("/api/suggest", query_string={"q": sendable}).status_code == 200
    done = CliRunner().invoke(
        main,
        ["ask", "--kb", str(shipped.folder), "--index", str(shipped.place)],
        input=text.encode("utf-8", "surrogatepass"),
    )
    assert done.exit_code in (0, 1)


def test_a_question_past_64_kib_is_refused_in_a_sentence(client: FlaskClient) -> None:
    response = client.post("/api/ask", json={"question": "报" * 30_000})
    assert response.status_code == 413
    assert response.get_json()["error"]["message"].endswith(".")


def test_the_seed_of_another_hand_is_answered_too(tmp_path: Path) -> None:
    """A post told otherwise: prose says what helped, code follows under a heading of its own."""
    text = (
        "---\ntitle: second RNNCell\ndate: 2017-08-07 22:10\n---\n定义了两个RNNCell，运行报错。\n"
        "# 提示\n\n```\n"
        "ValueError: Attempt to have a second RNNCell use the weights of a variable scope\n```\n\n"
        "# 代码\n\n```\nout = tf.nn.dynamic_rnn(cell, x,\n    dtype=tf.float32)\n```\n"
        "运行会出现上面的错误。\n\n查了资料，给dynamic_rnn加了scope参数之后就解决了。\n"
        "# 修改后的代码\n\n```\nout = tf.nn.dynamic_rnn(cell, x,\n    dtype=tf.float32,\n"
        "    scope='mine')\n```\n"
    )
    (tmp_path / "posts").mkdir()
    (tmp_path / "posts" / "a.md").write_text(text, "utf-8")
    knowledge_base = KnowledgeBase(tmp_path / "posts", tmp_path / "index")
    knowledge_base.rebuild()
    for question in RNNCELL:
        found = knowledge_base.ask(question).found
        assert found is not None, question
        assert [step.kind for step in found.fix.steps] == ["text", "code"]
        assert len(added(found.fix.diff or "")) == 1
    assert knowledge_base.ask("how do I bake sourdough bread").state == "none"
