"""What was asked is kept only where the owner says so, redacted, and tells what to write."""

from __future__ import annotations

import json
import sqlite3
import stat
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from click.testing import CliRunner
from flask.testing import FlaskClient

from conftest import MakeKnowledgeBase
from indexer import Asked, AskedError, Settings
from indexer.cli import main
from posts_for_tests import POSTS
from webapp import create_app


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "asked.sqlite"


@pytest.fixture
def client(make_kb: MakeKnowledgeBase, file: Path) -> FlaskClient:
    settings = Settings(rate_limit="off", asked=str(file), report_token="open sesame")
    return create_app(make_kb(POSTS, settings)).test_client()


def ask(client: FlaskClient, question: str) -> None:
    assert client.post("/api/ask", json={"question": question}).status_code == 200


def test_nothing_is_kept_unless_the_owner_says_so(
    make_kb: MakeKnowledgeBase, tmp_path: Path
) -> None:
    client = create_app(make_kb(POSTS, Settings(rate_limit="off"))).test_client()
    ask(client, "externally-managed-environment")
    assert not [*tmp_path.rglob("*.sqlite")]


def test_what_is_kept_is_redacted_and_the_owners_alone(client: FlaskClient, file: Path) -> None:
    ask(client, "zzqqxx /home/alice/app password=hunter2")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"alice" not in file.read_bytes() and b"hunter2" not in file.read_bytes()
    (row,) = Asked(file).report()
    assert row.question == "zzqqxx /home/…/app password=…"
    assert (row.times, row.outcome) == (1, "none")


def test_half_a_question_is_not_kept(client: FlaskClient, file: Path) -> None:
    assert client.get("/found", query_string={"q": "zzqq"}).status_code == 200
    assert not file.exists()
    assert client.get("/", query_string={"q": "zzqqxx"}).status_code == 200
    assert [row.question for row in Asked(file).report()] == ["zzqqxx"]


def test_what_was_answered_wants_a_post_only_where_it_did_not_help(
    client: FlaskClient, file: Path
) -> None:
    question = "externally-managed-environment"
    ask(client, question)
    assert Asked(file).report() == ()
    body = {"question": question, "post": "python/pip.md", "helped": False, "reason": "outdated"}
    assert client.post("/api/feedback", json=body).status_code == 204
    (row,) = Asked(file).report()
    assert (row.question, row.did_not_help, row.reasons) == (question, 1, ("outdated",))


def test_the_report_needs_its_token(client: FlaskClient) -> None:
    ask(client, "zzqqxx wwvvkk")
    assert client.get("/report").status_code == 404
    assert client.get("/report", query_string={"token": "wrong"}).status_code == 404
    page = client.get("/report", query_string={"token": "open sesame"})
    assert page.status_code == 200
    rows = BeautifulSoup(page.data, "html.parser").select("table.report tbody tr")
    assert [row.select_one("a").get_text() for row in rows] == ["zzqqxx wwvvkk"]  # type: ignore[union-attr]  # each row has a link


def test_the_command_reports_what_to_write(
    client: FlaskClient, file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ask(client, "zzqqxx wwvvkk")
    ask(client, "zzqqxx wwvvkk")
    posts = str(tmp_path / "posts")
    Path(posts).mkdir(exist_ok=True)
    refused = CliRunner().invoke(main, ["report", "--kb", posts])
    assert "asked" in str(refused.exception)
    monkeypatch.setenv("FIXDEX_ASKED", str(file))
    done = CliRunner().invoke(main, ["report", "--kb", posts, "--json"])
    (row,) = json.loads(done.stdout)
    assert (row["question"], row["times"], done.exit_code) == ("zzqqxx wwvvkk", 2, 0)
    shown = CliRunner().invoke(main, ["report", "--kb", posts])
    assert "asked 2 times, nothing found" in shown.stdout


def test_a_file_that_cannot_be_used_stops_no_answer(
    make_kb: MakeKnowledgeBase, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"this is no database" * 100)
    settings = Settings(rate_limit="off", asked=str(broken))
    client = create_app(make_kb(POSTS, settings)).test_client()
    ask(client, "externally-managed-environment")
    with pytest.raises(AskedError, match=r"broken\.sqlite"):
        Asked(broken).report()


def test_the_file_is_a_database_others_can_read(client: FlaskClient, file: Path) -> None:
    ask(client, "zzqqxx")
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT outcome FROM asked").fetchall() == [("none",)]
