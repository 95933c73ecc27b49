"""Behind nginx: under a path, each visitor counted by their own address."""

from __future__ import annotations

import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import LONG_LOG, ROOT, MakeKnowledgeBase, missing, paste, serving
from indexer import Settings
from posts_for_tests import POSTS

NGINX = Path("/usr/sbin/nginx")
CONFIGURATION = """
daemon off; pid {place}/pid; error_log {place}/error.log;
events {{ }}
http {{
  access_log off; client_body_buffer_size 512k;
  client_body_temp_path {place}/body; proxy_temp_path {place}/proxy;
  fastcgi_temp_path {place}/fastcgi; uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
  server {{ listen 127.0.0.1:{port}; {location} }}
}}
"""


@pytest.fixture
def proxied(make_kb: MakeKnowledgeBase, tmp_path: Path) -> Iterator[str]:
    """The address of a site under /kb, behind nginx as docs/running.md sets it up."""
    if not NGINX.exists():
        missing(f"there is no {NGINX}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    told = (ROOT / "docs" / "running.md").read_text("utf-8")
    match = re.search(r"```nginx\n(.*?)```", told, re.S)
    assert match is not None
    settings = Settings(path_prefix="/kb", allowed_hosts=("127.0.0.1",), rate_limit="2")
    place = tmp_path / "nginx"
    place.mkdir()
    with serving(make_kb(POSTS, settings)) as site:
        location = match[1].replace("http://127.0.0.1:8000", site)
        file = place / "nginx.conf"
        file.write_text(CONFIGURATION.format(place=place, port=port, location=location), "utf-8")
        running = subprocess.Popen(
            [NGINX, "-e", f"{place}/start.log", "-p", place, "-c", file], stderr=subprocess.DEVNULL
        )
        try:
            until = time.monotonic() + 10
            while time.monotonic() < until:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()
            running.wait(10)


def status(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            assert error.code != 429 or int(error.headers["Retry-After"]) > 0
            return error.code


def test_the_site_lives_under_its_path_and_limits_its_visitors(page: Any, proxied: str) -> None:
    page.goto(f"{proxied}/kb/")
    page.locator("#question").fill("externally-managed-environment")
    page.locator("article.answer h2 a").wait_for()
    page.locator("article.answer h2 a").click()
    page.locator("article.post").wait_for()
    assert page.url.startswith(f"{proxied}/kb/posts/python/pip.md")
    # What is sent comes from the site itself: votes and long pastes pass its check of origins.
    page.goto(f"{proxied}/kb/")
    with page.expect_response("**/kb/found") as found:
        paste(page.locator("#question"), LONG_LOG)
    assert found.value.status in (200, 429)
    asked = f"{proxied}/kb/api/ask?q=pip"
    assert [status(asked) for _ in range(3)][-1] == 429
    # What a visitor says of themselves does not count: nginx says who asks.
    assert status(asked, **{"X-Forwarded-For": "203.0.113.9"}) == 429
