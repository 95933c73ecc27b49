"""The chat widget in a browser, on a page of another site."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from conftest import MakeKnowledgeBase, serving
from indexer import Settings
from posts_for_tests import POSTS

STATIC = Path(__file__).resolve().parent.parent / "webapp" / "static"


@pytest.fixture
def blog() -> Iterator[ThreadingHTTPServer]:
    """A site of its own origin whose page embeds the widget; `page` is what it serves."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(server.page.encode())  # type: ignore[attr-defined]  # the test put it there

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def blog_with_widget(blog: ThreadingHTTPServer, make_kb: MakeKnowledgeBase) -> Iterator[str]:
    """The address of a page that embeds the widget of a site that allows it."""
    address = f"http://127.0.0.1:{blog.server_port}"
    settings = Settings(rate_limit="off", allowed_origins=(address,))
    with serving(make_kb(POSTS, settings)) as server:
        blog.page = (  # type: ignore[attr-defined]  # for the handler above
            "<!doctype html><html lang=en><title>A blog</title><p>Words.</p>"
            f'<script type=module async src="{server}/static/fixdex-chat.js"></script>'
            f'<fixdex-chat server="{server}/"></fixdex-chat>'
        )
        yield address


def test_a_reader_of_another_site_asks_and_reads_the_fix(page: Any, blog_with_widget: str) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(blog_with_widget)
    page.locator("fixdex-chat button.open").click()
    box = page.locator("fixdex-chat textarea")
    box.fill("externally-managed-environment")
    box.press("Enter")
    code = page.locator("fixdex-chat .reply pre code").first
    assert code.inner_text() == "python3 -m venv .venv\n.venv/bin/pip install requests"
    link = page.locator("fixdex-chat .reply a.title")
    assert "/posts/python/pip.md#L" in link.get_attribute("href")

    page.reload()
    page.locator("fixdex-chat button.open").click()
    page.locator("fixdex-chat .reply pre code").first.wait_for()

    page.keyboard.press("Escape")
    page.locator("fixdex-chat .panel").wait_for(state="hidden")
    assert page.evaluate("document.querySelector('fixdex-chat').shadowRoot.activeElement.className"
                         ) == "open"  # fmt: skip
    assert faults == []


def test_a_reader_asks_on_and_sees_what_was_carried_over(page: Any, blog_with_widget: str) -> None:
    page.goto(blog_with_widget)
    page.locator("fixdex-chat button.open").click()
    box = page.locator("fixdex-chat textarea")
    for question in ("nginx 502 Permission denied php-fpm.sock", "why?"):
        box.fill(question)
        box.press("Enter")
        page.locator("fixdex-chat .reply:not(.quiet)").last.locator("a.title").wait_for()
    why = page.locator("fixdex-chat .reply").nth(1)
    why.locator("a.title").wait_for()
    carried, part = (why.locator("p.part").nth(i).inner_text() for i in (0, 1))
    assert carried.startswith("Carried over: nginx 502")
    assert part == "Why"
    assert why.locator("pre").count() == 0


def test_enter_that_ends_an_input_method_does_not_ask(page: Any, blog_with_widget: str) -> None:
    page.goto(blog_with_widget)
    page.locator("fixdex-chat button.open").click()
    box = page.locator("fixdex-chat textarea")
    box.fill("权限")
    for chosen in ({"isComposing": True}, {"keyCode": 229}):
        box.evaluate(
            "(box, more) => box.dispatchEvent(new KeyboardEvent('keydown', "
            "{key: 'Enter', bubbles: true, cancelable: true, ...more}))",
            chosen,
        )
    assert box.input_value() == "权限"
    assert page.locator("fixdex-chat .mine").count() == 0


def test_the_button_is_small_and_the_panel_inserts_text_only() -> None:
    assert (STATIC / "fixdex-chat.js").stat().st_size <= 5 * 1024
    for script in STATIC.glob("*.js"):
        source = script.read_text("utf-8")
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert way not in source, f"{script.name}: {way}"
