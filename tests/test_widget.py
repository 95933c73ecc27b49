"""The chat widget in a browser, on a page of another site."""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from conftest import LONG_LOG, MakeKnowledgeBase, OpenPage, paste, serving, violations
from indexer import REASONS, Settings
from posts_for_tests import POSTS
from webapp.texts import LANGUAGES, texts

STATIC = Path(__file__).resolve().parent.parent / "webapp" / "static"


@pytest.fixture
def blog() -> Iterator[ThreadingHTTPServer]:
    """A site of its own origin whose page embeds the widget; `page` is what it serves."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            for name, value in getattr(server, "headers", {}).items():
                self.send_header(name, value)
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


# As docs/embedding.md tells: the page of a Jekyll layout, of MkDocs or Hugo, and of a strict site.
EMBEDDED = {
    "jekyll": (
        "<!doctype html><html lang=en><head><title>Blog</title></head><body><main>Words.</main>"
        '<script type="module" src="{server}/static/fixdex-chat.js"></script>'
        '<fixdex-chat server="{server}/" position="left" placeholder="Paste it"></fixdex-chat>'
        "</body></html>",
        "",
    ),
    "mkdocs": (
        '<!doctype html><html lang="zh-CN"><head><title>文档</title>'
        '<script type="module" src="{server}/static/fixdex-chat.js"></script></head>'
        "<body><article>文字。</article></body></html>",
        "",
    ),
    "strict": (
        '<!doctype html><html lang="zh-TW"><head><title>部落格</title>'
        '<script type="module" src="{server}/static/fixdex-chat.js"></script></head>'
        '<body><fixdex-chat server="{server}/"></fixdex-chat></body></html>',
        "default-src 'none'; script-src {server}; connect-src {server}; require-trusted-types-for "
        "'script'",
    ),
}


@pytest.mark.parametrize("kind", EMBEDDED)
def test_the_widget_answers_on_real_sites(
    page: Any, blog: ThreadingHTTPServer, make_kb: MakeKnowledgeBase, kind: str
) -> None:
    address = f"http://127.0.0.1:{blog.server_port}"
    settings = Settings(rate_limit="off", allowed_origins=(address,))
    html, policy = EMBEDDED[kind]
    asked: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    with serving(make_kb(POSTS, settings)) as server:
        blog.page = html.replace("{server}", server)  # type: ignore[attr-defined]  # for the handler above
        if policy:
            blog.headers = {  # type: ignore[attr-defined]  # for the handler above
                "Content-Security-Policy": policy.replace("{server}", server)
            }
        page.goto(address)
        button = page.locator("fixdex-chat button.open")
        button.wait_for()
        assert [url for url in asked if url.startswith(server)] == [
            f"{server}/static/fixdex-chat.js"
        ]
        button.focus()
        page.keyboard.press("Enter")
        box = page.locator("fixdex-chat textarea")
        box.fill("externally-managed-environment")
        box.press("Enter")
        page.locator("fixdex-chat .reply .fix pre").wait_for()
        # Tab stays inside the open conversation, both ways round.
        for key in ("Tab", "Shift+Tab"):
            for _ in range(20):
                page.keyboard.press(key)
                assert page.evaluate("document.activeElement.tagName") == "FIXDEX-CHAT"
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.tagName") == "FIXDEX-CHAT"
    assert [fault for fault in faults if "favicon" not in fault] == []


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 320])
def test_the_open_widget_keeps_nobody_out(
    open_page: OpenPage, blog_with_widget: str, colours: str, width: int
) -> None:
    for language in ("en-US", "zh-CN", "zh-TW"):
        page = open_page(
            locale=language, color_scheme=colours, viewport={"width": width, "height": 700}
        )
        page.goto(blog_with_widget)
        page.evaluate(f"document.querySelector('fixdex-chat').lang = {language!r}")
        page.locator("fixdex-chat button.open").click()
        box = page.locator("fixdex-chat textarea")
        box.fill("E0502 cannot borrow as mutable because also borrowed as immutable")
        box.press("Enter")
        page.locator("fixdex-chat .next").wait_for()
        for summary in page.locator("fixdex-chat summary").all():
            summary.click()
        # The page around it has neither a heading nor landmarks.
        around = ("region", "page-has-heading-one", "landmark-one-main")
        assert [one for one in violations(page) if not one.startswith(around)] == []
        page.context.close()


def ask_in_widget(page: Any, question: str) -> Any:
    """The last reply to a question asked in the open widget."""
    box = page.locator("fixdex-chat textarea")
    box.fill(question)
    box.press("Enter")
    page.locator("fixdex-chat .reply:not(.quiet) a").last.wait_for()
    return page.locator("fixdex-chat .reply").last


def test_code_has_colours_in_the_widget_too(page: Any, blog_with_widget: str) -> None:
    page.goto(blog_with_widget)
    page.locator("fixdex-chat button.open").click()
    code = ask_in_widget(page, "E0502 cannot borrow as mutable").locator(".fix pre code").first
    kinds = code.locator("span").evaluate_all("all => all.map((one) => one.className)")
    assert {"k", "m"} <= set(kinds)


def test_what_could_not_be_loaded_is_tried_again(page: Any, blog_with_widget: str) -> None:
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    for file in ("**/fixdex-chat-panel.js", "**/words/en.json"):
        page.goto(blog_with_widget)
        page.route(file, lambda route: route.abort())
        button = page.locator("fixdex-chat button.open")
        button.click()
        page.locator("fixdex-chat button.open", has_text="Try again").wait_for()
        page.unroute(file)
        button.click()
        page.locator("fixdex-chat textarea").wait_for()
        assert button.inner_text() == "Ask about an error"
    assert faults == []


def test_the_owner_chooses_colours_and_whether_it_is_dark(
    open_page: OpenPage, blog_with_widget: str
) -> None:
    page = open_page(color_scheme="dark")
    page.goto(blog_with_widget)
    page.add_style_tag(
        content="fixdex-chat { --fixdex-accent: #123456; --fixdex-color-scheme: light; }"
    )
    page.locator("fixdex-chat button.open").click()
    colour = "(one) => getComputedStyle(one).backgroundColor"
    send = page.locator("fixdex-chat form button")
    assert send.evaluate(colour) == "rgb(18, 52, 86)"
    assert page.locator("fixdex-chat .panel").evaluate(colour) == "rgb(255, 255, 255)"


def test_links_lead_to_the_owners_own_page(
    page: Any, blog: ThreadingHTTPServer, make_kb: MakeKnowledgeBase
) -> None:
    address = f"http://127.0.0.1:{blog.server_port}"
    settings = Settings(
        rate_limit="off", allowed_origins=(address,), permalink=f"{address}/{{year}}/{{slug}}/"
    )
    with serving(make_kb(POSTS, settings)) as server:
        blog.page = EMBEDDED["jekyll"][0].replace("{server}", server)  # type: ignore[attr-defined]  # for the handler above
        page.goto(address)
        page.locator("fixdex-chat button.open").click()
        reply = ask_in_widget(page, "externally-managed-environment")
        links = reply.locator("a").evaluate_all("all => all.map((one) => one.href)")
        assert set(links) == {f"{address}/2023/pip/"}


def test_opening_starts_where_the_conversation_ended(page: Any, blog_with_widget: str) -> None:
    page.goto(blog_with_widget)
    page.locator("fixdex-chat button.open").click()
    for _ in range(3):
        ask_in_widget(page, "nginx 502 Permission denied php-fpm.sock")
    page.reload()
    page.locator("fixdex-chat button.open").click()
    page.locator("fixdex-chat .reply").nth(2).wait_for()
    log = page.locator("fixdex-chat .log")
    assert log.evaluate("(log) => log.scrollHeight - log.scrollTop - log.clientHeight") < 2


def test_what_is_typed_in_the_widget_reaches_no_shortcut_of_the_page(
    page: Any, blog_with_widget: str
) -> None:
    page.goto(blog_with_widget)
    page.evaluate(
        "window.heard = ''; for (const kind of ['keydown', 'keyup'])"
        " document.addEventListener(kind, (event) => { window.heard += event.key; });"
    )
    page.locator("fixdex-chat button.open").click()
    page.locator("fixdex-chat textarea").focus()
    page.keyboard.type("is /usr/bin/ld")
    assert page.locator("fixdex-chat textarea").input_value() == "is /usr/bin/ld"
    assert page.evaluate("window.heard") == ""


def test_the_looks_of_the_page_do_not_reach_the_widget(page: Any, blog_with_widget: str) -> None:
    page.goto(blog_with_widget)
    page.add_style_tag(
        content="html { font-size: 62.5%; direction: rtl } body { text-transform: uppercase; "
        "text-align: center; text-indent: 2em; letter-spacing: 1em } button { display: none }"
    )
    page.locator("fixdex-chat button.open").click()
    ask_in_widget(page, "externally-managed-environment")
    assert page.locator("fixdex-chat .panel").bounding_box()["width"] == 432
    look = page.locator("fixdex-chat .fix pre code").evaluate(
        "(one) => (({ direction, textTransform, textAlign, textIndent, letterSpacing }) =>"
        " [direction, textTransform, textAlign, textIndent, letterSpacing])(getComputedStyle(one))"
    )
    assert look == ["ltr", "none", "left", "0px", "normal"]


def test_after_a_vote_escape_still_closes(page: Any, blog_with_widget: str) -> None:
    page.goto(blog_with_widget)
    page.locator("fixdex-chat button.open").click()
    reply = ask_in_widget(page, "externally-managed-environment")
    with page.expect_request("**/api/feedback") as sent:
        reply.locator(".helped button").first.click()
    assert sent.value.post_data_json["helped"] is True
    reply.locator(".helped", has_text="Noted").wait_for()
    page.keyboard.press("Escape")
    page.locator("fixdex-chat .panel").wait_for(state="hidden")


def test_a_no_in_the_widget_asks_why(page: Any, blog_with_widget: str) -> None:
    page.goto(blog_with_widget)
    page.locator("fixdex-chat button.open").click()
    reply = ask_in_widget(page, "externally-managed-environment")
    reply.locator(".helped button", has_text="No").click()
    reasons = reply.locator(".helped div button")
    assert reasons.count() == len(REASONS)
    with page.expect_request("**/api/feedback") as sent:
        reasons.nth(2).click()
    assert sent.value.post_data_json["reason"] == REASONS[2]


def test_starting_over_lets_go_of_what_was_asked(page: Any, blog_with_widget: str) -> None:
    page.goto(blog_with_widget)
    page.locator("fixdex-chat button.open").click()
    waiting: list[Any] = []
    page.route("**/api/ask", lambda route: waiting.append(route))
    box = page.locator("fixdex-chat textarea")
    box.fill("nginx 502")
    box.press("Enter")
    page.locator("fixdex-chat .reply.quiet").wait_for()
    page.locator("fixdex-chat header button").first.click()
    page.unroute("**/api/ask")
    ask_in_widget(page, "externally-managed-environment")
    page.reload()
    page.locator("fixdex-chat button.open").click()
    page.locator("fixdex-chat .reply a").first.wait_for()
    assert page.locator("fixdex-chat .mine").all_inner_texts() == ["externally-managed-environment"]


def test_a_conversation_kept_by_another_version_is_let_go(page: Any, blog_with_widget: str) -> None:
    page.goto(blog_with_widget)
    page.locator("fixdex-chat button.open").click()
    ask_in_widget(page, "externally-managed-environment")
    page.evaluate("sessionStorage.setItem(Object.keys(sessionStorage)[0], '[{\"question\": 1}]')")
    page.reload()
    page.locator("fixdex-chat button.open").click()
    ask_in_widget(page, "externally-managed-environment")


def test_a_refusal_is_told_in_the_readers_language(
    page: Any, blog: ThreadingHTTPServer, make_kb: MakeKnowledgeBase
) -> None:
    address = f"http://127.0.0.1:{blog.server_port}"
    settings = Settings(rate_limit="1", allowed_origins=(address,))
    with serving(make_kb(POSTS, settings)) as server:
        # The slash at the end of `server` may be left out, too.
        html = EMBEDDED["strict"][0].replace('{server}/"', '{server}"')
        blog.page = html.replace("{server}", server)  # type: ignore[attr-defined]  # for the handler above
        page.goto(address)
        page.locator("fixdex-chat button.open").click()
        ask_in_widget(page, "externally-managed-environment")
        box = page.locator("fixdex-chat textarea")
        box.fill("nginx 502")
        box.press("Enter")
        page.locator("fixdex-chat .reply", has_text="秒後再問").wait_for()
        page.route("**/api/ask", lambda route: route.fulfill(status=502, body="<html>"))
        page.locator("fixdex-chat .reply button", has_text="重試").click()
        page.locator("fixdex-chat .reply", has_text="沒有收到回答").wait_for()


def test_of_a_log_too_long_the_end_is_asked(page: Any, blog_with_widget: str) -> None:
    page.goto(blog_with_widget)
    page.locator("fixdex-chat button.open").click()
    paste(page.locator("fixdex-chat textarea"), LONG_LOG)
    page.locator("fixdex-chat textarea").press("Enter")
    reply = page.locator("fixdex-chat .reply")
    reply.locator("a.title", has_text="externally-managed").wait_for()
    assert "64 KiB" in page.locator("fixdex-chat .log > .part").inner_text()


def test_before_it_is_opened_the_widget_takes_no_long_task(
    open_page: OpenPage, blog_with_widget: str
) -> None:
    watch = (
        "window.long = 0; new PerformanceObserver((seen) => { window.long += seen.getEntries()"
        ".length; }).observe({ type: 'longtask', buffered: true });"
    )
    taken = []
    for _ in range(5):
        page = open_page()
        page.add_init_script(watch)
        page.goto(blog_with_widget)
        page.locator("fixdex-chat button.open").wait_for()
        page.wait_for_load_state("networkidle")
        taken.append(page.evaluate("window.long"))
        page.context.close()
    # A busy machine makes one now and then; a widget that takes one takes it every time.
    assert min(taken) == 0


def test_a_site_that_is_not_allowed_gets_a_sentence(
    page: Any, blog: ThreadingHTTPServer, make_kb: MakeKnowledgeBase
) -> None:
    with serving(make_kb(POSTS, Settings(rate_limit="off"))) as server:
        blog.page = EMBEDDED["jekyll"][0].replace("{server}", server)  # type: ignore[attr-defined]  # for the handler above
        page.goto(f"http://127.0.0.1:{blog.server_port}")
        page.locator("fixdex-chat button.open").click()
        box = page.locator("fixdex-chat textarea")
        box.fill("externally-managed-environment")
        box.press("Enter")
        reply = page.locator("fixdex-chat .reply")
        reply.locator("button").wait_for()
        assert "did not come" in reply.inner_text()
        assert reply.locator("button").inner_text() == "Try again"


def test_the_button_says_what_the_catalogue_says() -> None:
    script = (STATIC / "fixdex-chat.js").read_text("utf-8")
    said = {
        language: [ask, again]
        for language, ask, again in re.findall(
            r'^  "?([\w-]+)"?: \["(.+)", "(.+)"\],$', script, re.MULTILINE
        )
    }
    assert said == {
        language: [texts(language)["open_chat"], texts(language)["not_loaded"]]
        for language in LANGUAGES
    }


def test_every_word_of_the_panel_is_in_the_catalogue() -> None:
    script = (STATIC / "fixdex-chat-panel.js").read_text("utf-8")
    asked = set(re.findall(r"\bwords\.(\w+)", script))
    (reasons,) = re.findall(r"const REASONS = (\[.*\]);", script)
    assert tuple(json.loads(reasons)) == REASONS
    parts = [f"part_{one}" for one in ("another", "cause", "check", "code", "error", "failing")]
    follow = [f"next_{one}" for one in ("cause", "failing", "check", "another")]
    assert len(asked) > 20 and asked | {*REASONS, *parts, *follow} <= set(texts("en"))


def test_the_whole_widget_is_small() -> None:
    scripts = [(STATIC / name).read_bytes() for name in ("fixdex-chat.js", "fixdex-chat-panel.js")]
    words = json.dumps(texts("zh"), ensure_ascii=False).encode("utf-8")
    sizes = [len(gzip.compress(part)) for part in (*scripts, words)]
    assert sizes[0] <= 5 * 1024 and sum(sizes) <= 20 * 1024


def test_the_button_is_small_and_the_panel_inserts_text_only() -> None:
    assert (STATIC / "fixdex-chat.js").stat().st_size <= 5 * 1024
    for script in STATIC.glob("*.js"):
        source = script.read_text("utf-8")
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert way not in source, f"{script.name}: {way}"
