"""Takes a picture of every state of the pages.

usage: python tests/screenshots.py [--to FOLDER]

The site of `kb/` and of a few odd posts, in headless Chromium; `docs/` holds four of the pictures.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from conftest import CHROMIUM, CHROMIUM_OPTIONS, ROOT, serving
from indexer import KnowledgeBase, Settings

LONG = (
    "x" * 30
    + " = some_function_with_a_long_name(first_argument, second_argument, third_argument)\n"
)
ODD = {
    "long-title.md": (
        f"# {'很长的标题 a title that never ends ' * 8}\n\nzzlong 报错\n\n解决：重启。\n"
    ),
    "long-code.md": f"# zzcode fails\n\n# Fix\n\n```python\n{LONG * 40}```\n",
    "right-to-left.md": (
        "---\ntitle: خطأ في الاتصال zzright\nlang: ar\n---\n\n# الخطأ\n\n"
        "تعذر الاتصال بقاعدة البيانات zzright connection refused\n\n"
        "# Fix\n\nأعد تشغيل الخدمة:\n\n```bash\nsystemctl restart postgresql\n```\n"
    ),
}
RNNCELL = "second RNNCell weights"
PASTE = (
    'Traceback (most recent call last):\n  File "train.py", line 31, in <module>\n'
    "ValueError: Attempt to have a second RNNCell use the weights of a variable scope"
)
BLOG = "http://blog.localhost/"
EMBEDDING = """<!doctype html><title>A blog</title><style>body { font: 1rem/1.7 serif;
margin: 3rem auto; max-width: 34rem; padding: 0 1rem; color-scheme: light dark }</style>
<h1>Somebody's blog</h1><p>Words of a post, and below to the right the way to ask.</p>
<script type="module" src="{server}/static/fixdex-chat.js"></script>"""
# Name → (address, what to type, what to wait for, how the browser is).
STATES: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "home": ("/", "", ".teach", {}),
    "home-zh": ("/", "", ".teach", {"locale": "zh-CN"}),
    "answer": ("/", RNNCELL, "article.answer", {}),
    "answer-dark": ("/", RNNCELL, "article.answer", {"color_scheme": "dark"}),
    "answer-zh-narrow": (
        "/", "两个 RNNCell 变量作用域 报错", "article.answer",
        {"locale": "zh-CN", "viewport": {"width": 360, "height": 740}},
    ),
    "answer-zh-hant": ("/", RNNCELL, "article.answer", {"locale": "zh-TW"}),
    "paste": ("/", PASTE, "article.answer", {}),
    "posts": ("/?q=error", "", "section.posts", {}),
    "nothing": ("/", "sourdough starter hydration", ".verdict", {}),
    "nothing-narrow": (
        "/", "sourdough starter", ".verdict", {"viewport": {"width": 320, "height": 640}}
    ),
    "failed": ("/nowhere", "", ".verdict", {}),
    "long-title": ("/", "zzlong", "section.posts, article.answer", {}),
    "long-code": (
        "/", "zzcode fails", "article.answer", {"viewport": {"width": 360, "height": 740}}
    ),
    "right-to-left": ("/", "zzright connection refused", "article.answer, section.posts", {}),
    "post": ("/posts/tensorflow/second-rnncell.md", "", "article.post", {}),
    "post-dark-narrow": (
        "/posts/tensorflow/second-rnncell.md", "", "article.post",
        {"color_scheme": "dark", "viewport": {"width": 320, "height": 640}},
    ),
    "chat": ("/chat", RNNCELL, "fixdex-chat .next", {}),
    "chat-dark": ("/chat", RNNCELL, "fixdex-chat .next", {"color_scheme": "dark"}),
    "chat-zh-narrow": (
        "/chat", RNNCELL, "fixdex-chat .next",
        {"locale": "zh-CN", "viewport": {"width": 320, "height": 700}},
    ),
    "chat-right-to-left": ("/chat", "zzright خطأ connection refused", "fixdex-chat .next", {}),
    "chat-long-code": (
        "/chat", "zzcode fails", "fixdex-chat .next", {"viewport": {"width": 360, "height": 740}}
    ),
    "chat-nothing": ("/chat", "sourdough starter", "fixdex-chat .reply", {}),
    "filters": ("/?q=error&tag=nginx", "", ".narrowed", {}),
    "widget": (BLOG, RNNCELL, "fixdex-chat .next", {}),
    "widget-dark-narrow": (
        BLOG, RNNCELL, "fixdex-chat .next",
        {"color_scheme": "dark", "locale": "zh-CN", "viewport": {"width": 320, "height": 700}},
    ),
    "widget-failed": (f"{BLOG}offline", RNNCELL, "fixdex-chat .reply button", {}),
}  # fmt: skip
SETTINGS = Settings(rate_limit="off", allowed_origins=(BLOG.rstrip("/"),))
IN_DOCS = ("answer", "answer-dark", "answer-zh-narrow", "chat")


def main() -> None:
    """Takes them all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--to", type=Path, default=ROOT / "build" / "screenshots")
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        folder = Path(place) / "posts"
        for file in (ROOT / "kb").rglob("*.md"):
            copy = folder / file.relative_to(ROOT / "kb")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
        for name, text in ODD.items():
            (folder / name).write_text(text, "utf-8")
        knowledge_base = KnowledgeBase(folder, Path(place) / "index", SETTINGS)
        knowledge_base.rebuild()
        # The blog that is not there may ask this computer.
        arguments = [*CHROMIUM_OPTIONS, "--disable-features=LocalNetworkAccessChecks"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=arguments)
        with serving(knowledge_base) as address:
            for name, (path, typed, wanted, how) in STATES.items():
                page = browser.new_context(
                    **{"viewport": {"width": 960, "height": 800}, "locale": "en-US", **how}
                ).new_page()
                html = EMBEDDING.replace("{server}", address)
                page.route(f"{BLOG}**", partial(embed, html))
                page.goto(path if path.startswith(BLOG) else address + path)
                if path.startswith(BLOG):
                    page.locator("fixdex-chat .open").click()
                if path.endswith("offline"):
                    page.route("**/api/ask", lambda route: route.abort())
                if typed:
                    box = page.locator("fixdex-chat textarea, #question").first
                    box.fill(typed)
                    box.press("Enter")
                page.locator(wanted).first.wait_for()
                # The button says that it copies; nothing blinks.
                page.wait_for_timeout(200)
                picture = page.screenshot(
                    full_page=name not in IN_DOCS and "chat" not in wanted, caret="hide"
                )
                (options.to / f"{name}.png").write_bytes(picture)
                if name in IN_DOCS:
                    (ROOT / "docs" / f"{name}.png").write_bytes(picture)
                page.context.close()
        browser.close()


def embed(html: str, route: Any) -> None:
    """Serves the page of a site that is not there."""
    route.fulfill(body=html, content_type="text/html")


if __name__ == "__main__":
    main()
