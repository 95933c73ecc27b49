"""The pages in a browser: by keyboard, while typing, for everybody."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import LONG_LOG, MakeKnowledgeBase, OpenPage, paste, serving, violations
from indexer import Asked, Settings
from posts_for_tests import POSTS

PIP = "externally-managed-environment"


@pytest.fixture
def site(make_kb: MakeKnowledgeBase) -> Iterator[str]:
    """The address of the site of a few posts."""
    with serving(make_kb(POSTS, Settings(rate_limit="off"))) as address:
        yield address


def faults_of(page: Any) -> list[str]:
    """What the page complains of, from now on."""
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("requestfailed", lambda one: faults.append(f"{one.url} {one.failure}"))
    return faults


def test_the_answer_comes_while_one_types(page: Any, site: str) -> None:
    faults = faults_of(page)
    page.goto(site)
    page.locator("#question").press_sequentially(PIP, delay=5)
    page.locator("article.answer .fix pre").wait_for()
    assert f"q={PIP}" in page.url
    assert page.title().startswith(PIP)
    assert page.locator("#told").text_content().startswith("Fix:")
    assert [one for one in faults if "ERR_ABORTED" not in one] == []


def test_half_a_word_of_an_input_method_is_no_question(page: Any, site: str) -> None:
    asked: list[str] = []
    page.goto(site)
    page.on("request", lambda one: asked.append(one.url) if "/found" in one.url else None)
    page.locator("#question").focus()
    typing = page.context.new_cdp_session(page)
    for letters in ("q", "qu", "quan", "quanxian"):
        typing.send(
            "Input.imeSetComposition",
            {"text": letters, "selectionStart": len(letters), "selectionEnd": len(letters)},
        )
        page.wait_for_timeout(250)
    assert asked == []
    typing.send("Input.insertText", {"text": "权限"})
    page.locator("section.posts, article.answer, .verdict").first.wait_for()
    assert len(asked) == 1


def test_a_question_that_was_settled_is_kept_for_the_report(
    page: Any, make_kb: MakeKnowledgeBase, tmp_path: Path
) -> None:
    file = tmp_path / "asked.sqlite"
    with serving(make_kb(POSTS, Settings(rate_limit="off", asked=str(file)))) as site:
        page.goto(site)
        page.locator("#question").press_sequentially("zzqqxx wwvvkk", delay=5)
        page.locator(".verdict").wait_for()
        assert not file.exists()
        with page.expect_response("**/found*"):
            page.locator("#question").press("Enter")
        page.locator("#question").fill(PIP)
        page.locator(".helped summary").click()
        with page.expect_response("**/api/feedback"):
            page.locator(".helped button[value=outdated]").click()
    asked = {row.question: (row.outcome, row.reasons) for row in Asked(file).report()}
    assert asked == {"zzqqxx wwvvkk": ("none", ()), PIP: ("answer", ("outdated",))}


def test_what_escape_clears_is_one_step_back(page: Any, site: str) -> None:
    page.goto(site)
    box = page.locator("#question")
    box.fill(PIP)
    page.locator("article.answer").wait_for()
    box.press("Escape")
    page.locator(".teach").wait_for()
    page.go_back()
    page.locator("article.answer").wait_for()
    assert box.input_value() == PIP


def test_a_long_paste_is_asked_by_its_end_and_kept_with_the_page(page: Any, site: str) -> None:
    page.goto(site)
    with page.expect_request("**/found") as sent:
        paste(page.locator("#question"), LONG_LOG)
    assert sent.value.method == "POST"
    page.locator("article.answer h2", has_text="externally").wait_for()
    assert page.locator("[data-cut]").is_visible()
    assert "q=" not in page.url
    page.reload()
    page.locator("article.answer h2", has_text="externally").wait_for()
    assert page.locator("#question").input_value().endswith(PIP)


def test_the_arrow_moves_in_a_long_question_and_leaves_it_from_its_end(
    page: Any, site: str
) -> None:
    page.goto(site)
    box = page.locator("#question")
    box.fill("error " * 60)
    page.locator("section.posts, article.answer").first.wait_for()
    focused = "document.activeElement.id"
    for key in ("Control+Home", "ArrowDown", "Control+End", "Shift+ArrowDown"):
        box.press(key)
        assert page.evaluate(focused) == "question", key
    box.press("ArrowDown")
    assert page.evaluate(focused) != "question"


def test_a_refusal_while_typing_says_when_to_ask_again(
    open_page: OpenPage, make_kb: MakeKnowledgeBase
) -> None:
    page = open_page(locale="zh-CN")
    with serving(make_kb(POSTS, Settings(rate_limit="1"))) as site:
        page.goto(f"{site}/?q=nginx")
        page.locator("#question").fill(PIP)
        page.locator("#found .verdict", has_text="秒后再问").wait_for()


def test_the_next_page_begins_at_its_top(open_page: OpenPage, make_kb: MakeKnowledgeBase) -> None:
    page = open_page(viewport={"width": 800, "height": 500}, bypass_csp=True)
    posts = {f"{i}.md": f"# zzmany {i}\n\nzzmany words of a post\n" for i in range(15)}
    with serving(make_kb(posts, Settings(rate_limit="off"))) as site:
        page.goto(f"{site}/?q=zzmany")
        page.locator("nav.pages a[rel=next]").click()
        page.locator("nav.pages a[rel=prev]").wait_for()
        page.wait_for_function(
            "() => { const one = document.activeElement, { top } = one.getBoundingClientRect();"
            " return one.id === 'posts-title' && top >= 0 && top < innerHeight; }"
        )


def test_a_heading_called_like_a_part_of_the_page_breaks_nothing(
    page: Any, make_kb: MakeKnowledgeBase
) -> None:
    post = "# zz\n\n## Keys\n\n```sh\nls\n```\n\n## Told\n\n## Found\n\n<p class=hidden>seen</p>\n"
    faults = faults_of(page)
    with serving(make_kb({"zz.md": post}, Settings(rate_limit="off"))) as site:
        page.goto(f"{site}/posts/zz.md")
        page.locator(".body .copy").click()
        assert page.locator("#told").inner_text() == "Told"
        assert page.get_by_text("seen").bounding_box()["height"] > 10
    assert faults == []


def test_one_chinese_character_is_enough(page: Any, site: str) -> None:
    page.goto(site)
    page.locator("#question").fill("远")
    page.locator("section.posts, article.answer").first.wait_for()


def test_back_and_forward_lead_through_the_questions(page: Any, site: str) -> None:
    page.goto(site)
    box = page.locator("#question")
    for question in (PIP, "nginx 502"):
        box.fill(question)
        box.press("Enter")
        page.wait_for_url(f"**/?q={question.replace(' ', '+')}")
    page.go_back()
    page.locator("article.answer h2", has_text="externally").wait_for()
    assert page.locator("#question").input_value() == PIP
    page.go_back()
    page.locator(".teach").wait_for()
    page.go_forward()
    page.locator("article.answer").wait_for()


def test_keys_lead_from_the_box_to_the_posts_and_back(page: Any, site: str) -> None:
    page.goto(f"{site}/?q=error")
    page.keyboard.press("/")
    focused = "document.activeElement.id || document.activeElement.closest('article, li')?.tagName"
    assert page.evaluate(focused) == "question"
    page.keyboard.press("End")
    page.keyboard.press("ArrowDown")
    assert page.evaluate(focused) in ("ARTICLE", "LI")
    page.keyboard.press("ArrowUp")
    assert page.evaluate(focused) == "question"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    assert page.evaluate(focused) == "question"
    page.keyboard.press("Escape")
    page.locator(".teach").wait_for()
    assert page.locator("#question").input_value() == ""
    page.locator("#question").blur()
    page.keyboard.press("Control+k")
    assert page.evaluate(focused) == "question"


def test_keys_can_be_switched_off_and_stay_off(page: Any, site: str) -> None:
    page.goto(site)
    page.locator("#keys button").click()
    page.reload()
    page.locator("#question").blur()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") != "question"
    page.locator("#keys button").click()
    page.locator("#question").blur()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "question"


def test_a_label_taken_out_searches_again(page: Any, site: str) -> None:
    page.goto(site)
    page.locator("#question").fill("error: externally-managed-environment\n× This is managed\n")
    label = page.locator(".understood button").first
    label.wait_for()
    label.click()
    page.locator(".understood button.removed").wait_for()
    assert "without=" in page.url
    page.locator(".understood button.removed").click()
    page.locator(".understood button.removed").wait_for(state="detached")


def test_questions_asked_are_kept_in_the_browser_and_can_be_forgotten(page: Any, site: str) -> None:
    page.goto(site)
    page.locator("#question").fill(PIP)
    page.locator("#question").press("Enter")
    page.locator("article.answer").wait_for()
    page.goto(site)
    asked = page.locator(".recent li a")
    assert asked.all_inner_texts() == [PIP]
    asked.click()
    page.locator("article.answer").wait_for()
    page.goto(site)
    page.locator(".recent button").click()
    assert not page.locator(".recent").is_visible()
    page.reload()
    assert not page.locator(".recent").is_visible()


def test_copying_says_so(open_page: OpenPage, site: str) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{site}/?q={PIP}")
    page.locator(".answer .copy").first.click()
    page.locator(".answer .copy", has_text="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "python3 -m venv .venv\n.venv/bin/pip install requests"


def test_where_there_is_no_clipboard_the_code_is_chosen(page: Any, site: str) -> None:
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.goto(f"{site}/?q={PIP}")
    page.locator(".answer .copy").first.click()
    chosen = page.evaluate("getSelection().toString()")
    assert chosen == "python3 -m venv .venv\n.venv/bin/pip install requests"


def test_filters_narrow_and_are_taken_off_again(page: Any, site: str) -> None:
    page.goto(site)
    page.locator("#question").fill("error")
    facet = page.locator(".facets a", has_text="nginx").first
    assert facet.locator("span").inner_text() == "1"
    facet.click()
    page.locator(".narrowed a", has_text="nginx").wait_for()
    assert page.locator(".posts h3").all_inner_texts() == ["nginx 502 Bad Gateway 排查"]
    assert "tag=nginx" in page.url
    page.locator(".narrowed a").click()
    page.locator(".posts li").nth(1).wait_for()
    assert "tag=" not in page.url


def test_a_word_mistyped_is_offered_right(page: Any, site: str) -> None:
    page.goto(site)
    page.locator("#question").fill("unrelated historeis")
    page.locator(".suggestion a").click()
    page.locator("article.answer, section.posts").first.wait_for()
    assert page.locator("#question").input_value() == "unrelated histories"


def test_the_box_grows_with_a_paste(page: Any, site: str) -> None:
    page.goto(site)
    box = page.locator("#question")
    before = box.bounding_box()["height"]
    box.fill("Traceback (most recent call last):\n" * 6)
    assert box.bounding_box()["height"] > 3 * before
    assert box.evaluate("(box) => box.scrollHeight <= box.clientHeight + 1")


def test_the_link_of_an_answer_lands_on_its_lines_marked(page: Any, site: str) -> None:
    page.goto(f"{site}/?q={PIP}")
    page.locator(".answer h2 a").click()
    target = page.locator("article.post :target")
    assert target.inner_text() == "Use a virtual environment:"
    marked = "(one) => getComputedStyle(one).boxShadow !== 'none'"
    assert target.evaluate(marked)


def test_on_paper_there_is_the_answer_and_nothing_to_press(page: Any, site: str) -> None:
    page.goto(f"{site}/?q={PIP}")
    page.emulate_media(media="print")
    for pressed in ("form.ask", ".keys", ".copy", ".helped", ".languages", ".facets"):
        assert not any(one.is_visible() for one in page.locator(pressed).all()), pressed
    assert page.locator(".answer .fix pre").is_visible()


def test_the_language_is_switched_by_a_button(page: Any, site: str) -> None:
    page.goto(f"{site}/?q={PIP}")
    page.locator(".languages button", has_text="繁體中文").click()
    page.locator("html[lang=zh-Hant]").wait_for()
    assert page.locator("#question").input_value() == PIP
    page.goto(site)
    page.locator("#question").fill("nginx 502")
    page.locator("article.answer").wait_for()
    page.locator(".languages button", has_text="English").click()
    page.locator("html[lang=en]").wait_for()
    assert page.locator("#question").input_value() == "nginx 502"


def test_a_no_asks_why(page: Any, site: str) -> None:
    page.goto(f"{site}/?q={PIP}")
    page.locator(".helped summary").click()
    with page.expect_request("**/api/feedback") as sent:
        page.locator(".helped button[value=outdated]").click()
    body = sent.value.post_data_json
    assert (body["helped"], body["reason"], body["post"]) == (False, "outdated", "python/pip.md")
    page.locator(".helped", has_text="Noted").wait_for()


def test_a_draft_is_a_file_to_fill_in(page: Any, site: str) -> None:
    page.goto(site)
    page.locator("#question").fill("zzqqxx wwvvkk")
    page.locator("button[formaction]").wait_for()
    with page.expect_download() as loaded:
        page.locator("button[formaction]").click()
    assert loaded.value.suggested_filename == "draft.md"
    assert "zzqqxx wwvvkk" in loaded.value.path().read_text("utf-8")


def test_without_scripts_everything_is_there(open_page: OpenPage, site: str) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(site)
    page.locator("#question").fill(PIP)
    page.locator("form.ask > button").click()
    assert page.locator("article.answer .fix pre").count() == 1
    page.locator(".helped summary").click()
    page.locator(".helped button[value=unclear]").click()
    assert page.locator("article.answer").count() == 1
    page.locator("form.languages button[value=zh]").click()
    assert page.locator("html").get_attribute("lang") == "zh"


def test_an_answer_that_does_not_come_says_so(page: Any, site: str) -> None:
    page.goto(site)
    page.route("**/found?*", lambda route: route.abort())
    page.locator("#question").fill(PIP)
    page.locator("#found .verdict").wait_for()
    page.unroute("**/found?*")
    page.locator("#question").press("Enter")
    page.locator("article.answer").wait_for()


def test_the_next_question_is_a_button_in_the_chat(page: Any, site: str) -> None:
    page.goto(f"{site}/chat")
    box = page.locator("fixdex-chat textarea")
    box.fill("nginx 502 Permission denied php-fpm.sock")
    box.press("Enter")
    page.locator("fixdex-chat .next button", has_text="Why?").click()
    why = page.locator("fixdex-chat .reply").nth(1)
    why.locator("a.title").wait_for()
    assert "nginx 用户运行" in why.inner_text()


@pytest.mark.parametrize("language", ["en-US", "zh-CN", "zh-TW"])
def test_the_suggested_questions_are_understood(
    open_page: OpenPage, site: str, language: str
) -> None:
    page = open_page(locale=language)
    page.goto(f"{site}/chat")
    box = page.locator("fixdex-chat textarea")
    box.fill("E0502 cannot borrow as mutable because also borrowed as immutable")
    box.press("Enter")
    page.locator("fixdex-chat .next button").first.wait_for()
    for text in page.locator("fixdex-chat .reply").first.locator(".next button").all_inner_texts():
        with page.expect_response("**/api/ask") as answered:
            page.locator("fixdex-chat .next").first.get_by_text(text, exact=True).click()
        assert answered.value.json()["asks"] != "fix", text
        page.locator("fixdex-chat .reply:not(.quiet)").last.wait_for()


def test_the_first_load_is_small_and_asks_nobody_else(page: Any, site: str) -> None:
    bodies: dict[str, int] = {}
    page.on("response", lambda one: bodies.update({one.url: len(one.body())}))
    page.goto(f"{site}/?q={PIP}", wait_until="networkidle")
    assert all(url.startswith(site) for url in bodies)
    assert sum(bodies.values()) <= 60 * 1024, bodies


def test_at_twice_the_size_nothing_is_cut_off(open_page: OpenPage, site: str) -> None:
    # 200 % zoom of a window 1280 wide: half the width at twice the density.
    page = open_page(viewport={"width": 640, "height": 400}, device_scale_factor=2)
    for path in ("/", f"/?q={PIP}", "/posts/rust/e0502.md", "/chat"):
        page.goto(site + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 640, path


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("language", ["en-US", "zh-CN", "zh-TW"])
def test_nothing_keeps_anybody_out(
    open_page: OpenPage, site: str, colours: str, language: str
) -> None:
    for width in (1100, 320):
        page = open_page(
            locale=language, color_scheme=colours, viewport={"width": width, "height": 800}
        )
        for path in (
            "/", f"/?q={PIP}", "/?q=zzqqxx", "/?q=error", "/?q=error&tag=nginx", "/?page=x&q=1",
            "/posts/rust/e0502.md", "/posts/git/faq.md", "/none",
        ):  # fmt: skip
            page.goto(site + path)
            assert violations(page) == [], (path, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        page.goto(f"{site}/chat")
        box = page.locator("fixdex-chat textarea")
        box.fill("nginx 502 Permission denied php-fpm.sock")
        box.press("Enter")
        page.locator("fixdex-chat .next").wait_for()
        assert violations(page) == [], ("/chat", width)
        page.context.close()


HOSTILE = r"""---
title: "<img src=x onerror=window.hurt=1> & <script>window.hurt=1</script>"
tags: ["\"><svg onload=window.hurt=1>"]
url: "javascript:window.hurt=1"
---

# <svg onload=window.hurt=1> 报错

<script>window.hurt=1</script><iframe src="javascript:parent.hurt=1"></iframe>
<a href="javascript:window.hurt=1">a</a> <img src=x onerror=window.hurt=1>
<form action="https://far.example/"><button formaction="javascript:hurt=1">b</button></form>
<style>body{background:url(https://far.example/css)}</style>
<link rel=stylesheet href="//far.example">
<math><mtext></form><form><mglyph><style></math><img src=x onerror=window.hurt=1>
<svg><animate onbegin=window.hurt=1 attributeName=x dur=1s></svg> <base href="https://far.example/">
<p style="background:url(https://far.example/p)" onclick=window.hurt=1>frobnicate hostile</p>
<object data="https://far.example/o"></object><video src="https://far.example/v"></video>

[x](javascript:window.hurt=1) ![x](https://far.example/x.png) [y](data:text/html,<script>1</script>)

# 解决

```html
<script>window.hurt=1</script>
</code></pre><img src=x onerror=window.hurt=1>
```
"""
LEFT_BEHIND = """() => [
  ...document.querySelectorAll('*'),
  ...document.querySelector('fixdex-chat')?.shadowRoot.querySelectorAll('*') ?? [],
].filter((one) =>
  /^(script|iframe|object|embed|base|style|video|audio|svg)$/i.test(one.tagName)
    && !one.src?.startsWith(location.origin) ||
  [...one.attributes].some((a) => /^on/i.test(a.name)
    || a.name === 'style' && one.tagName !== 'TEXTAREA'
    || /^\\s*(javascript|data:text)/i.test(a.value)
    || ['src', 'action', 'formaction', 'srcset', 'data'].includes(a.name)
      && new URL(a.value, location.href).origin !== location.origin)
).map((one) => one.outerHTML.slice(0, 200))"""


def test_no_post_and_no_question_runs_or_fetches_anything(
    open_page: OpenPage, make_kb: MakeKnowledgeBase
) -> None:
    posts = {**POSTS, "x<img src=x onerror=hurt=1>.md": HOSTILE}
    asked = '"><script>window.hurt=1</script><img src=x onerror=window.hurt=1> frobnicate hostile'
    with serving(make_kb(posts, Settings(rate_limit="off"))) as site:
        page = open_page(bypass_csp=True)
        foreign: list[str] = []
        page.on("request", lambda one: foreign.append(one.url) if site not in one.url else None)
        page.goto(site)
        page.locator("#question").fill(asked)
        page.locator("section.posts, article.answer").first.wait_for()
        assert page.evaluate(LEFT_BEHIND) == []
        page.locator("#question").press("Enter")
        page.reload()
        assert page.evaluate(LEFT_BEHIND) == []
        page.locator(".answer h2 a, .posts h3 a").first.click()
        page.locator("article.post").wait_for()
        assert page.evaluate(LEFT_BEHIND) == []
        page.goto(f"{site}/chat")
        page.locator("fixdex-chat textarea").fill(asked)
        page.locator("fixdex-chat textarea").press("Enter")
        page.locator("fixdex-chat .reply a").first.wait_for()
        assert page.evaluate(LEFT_BEHIND) == []
        assert page.evaluate("window.hurt") is None
        assert foreign == []
