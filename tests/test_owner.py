"""The owner of a site is known by the key that the server printed, or by a token."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from bs4 import BeautifulSoup
from flask.testing import FlaskClient

from conftest import MakeKnowledgeBase, write_posts
from indexer import Settings
from posts_for_tests import POSTS
from webapp import create_app


@pytest.fixture
def client(make_kb: MakeKnowledgeBase) -> FlaskClient:
    return create_app(make_kb(POSTS, Settings(rate_limit="off"))).test_client()


def key(client: FlaskClient) -> str:
    return str(client.application.extensions["owner"].key)


def test_who_opens_the_site_by_the_key_is_its_owner(client: FlaskClient) -> None:
    assert client.get("/report").status_code == 404
    opened = client.get("/owner", query_string={"key": key(client)})
    assert opened.status_code == 303 and opened.location == "/"
    cookie = opened.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie
    assert client.get("/report").status_code == 200
    page = BeautifulSoup(client.get("/").data, "html.parser")
    assert page.select_one('nav a[href="/report"]') is not None


@pytest.mark.parametrize("wrong", ["", "wrong", "%ff", "%00", "%ED%A0%80", "ü"])
def test_who_has_another_key_is_not(client: FlaskClient, wrong: str) -> None:
    assert client.get(f"/owner?key={wrong}").status_code == 404
    client.set_cookie("fixdex_owner", wrong or "x")
    assert client.get("/report").status_code == 404
    assert b'href="/report"' not in client.get("/").data


def test_who_comes_from_this_computer_is_not(client: FlaskClient) -> None:
    response = client.get("/report", environ_overrides={"REMOTE_ADDR": "127.0.0.1"})
    assert response.status_code == 404


def test_without_a_token_an_empty_one_opens_nothing(client: FlaskClient) -> None:
    assert client.get("/report?token=").status_code == 404


def test_behind_a_prefix_the_cookie_is_for_the_site_alone(make_kb: MakeKnowledgeBase) -> None:
    settings = Settings(rate_limit="off", path_prefix="/kb")
    client = create_app(make_kb(POSTS, settings)).test_client()
    opened = client.get("/kb/owner", query_string={"key": key(client)})
    assert "Path=/kb" in opened.headers["Set-Cookie"] and opened.location == "/kb/"


def test_the_server_prints_the_address_that_makes_one_its_owner(tmp_path: Path) -> None:
    folder = write_posts(tmp_path / "posts", POSTS)
    server = subprocess.Popen(
        [sys.executable, "-m", "indexer.cli", "serve", str(folder), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        assert "answers at http://" in server.stdout.readline()
        match = re.search(r"(http://\S+)/owner\?key=\S+", server.stdout.readline())
        assert match is not None
        browser = build_opener(HTTPCookieProcessor())
        browser.open(match[0])
        assert browser.open(f"{match[1]}/report").status == 200
    finally:
        server.terminate()
        server.communicate(timeout=30)
