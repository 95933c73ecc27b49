"""Text becomes HTML in one place, and nothing of a post runs there."""

from __future__ import annotations

import pytest
from bs4 import BeautifulSoup

from indexer import Snippet
from webapp.filters import coloured, diff_lines, highlighted, marked, sanitised


def test_a_snippet_is_escaped_and_its_ranges_are_marked() -> None:
    html = marked(Snippet("<b>vector<int>", ((3, 9),)))
    assert html == "&lt;b&gt;<mark>vector</mark>&lt;int&gt;"


def test_code_keeps_every_character_whatever_its_language() -> None:
    code = "if a < b && c > d:\n\tprint('<script>')  # 中文"
    for language in ("python", "c++", "no-such-language", ""):
        block = BeautifulSoup(highlighted(code, language), "html.parser")
        assert block.get_text() == code, language
        assert block.find("script") is None


def test_code_is_coloured_by_classes_and_never_by_styles() -> None:
    html = coloured("def f(): pass", "python")
    assert 'class="k"' in html
    assert "style=" not in html


def test_a_diff_is_told_line_by_line_without_the_names_of_its_sides() -> None:
    diff = "--- failing\n+++ fix\n@@ -1 +1 @@\n-a\n+b\n c"
    assert diff_lines(diff) == [
        ("hunk", "@@ -1 +1 @@"),
        ("removed", "-a"),
        ("added", "+b"),
        ("same", " c"),
    ]


def test_a_diff_keeps_lines_that_look_like_the_names_of_its_sides() -> None:
    diff = "--- failing\n+++ fix\n@@ -1 +1 @@\n--- a comment in SQL\n+++ counter"
    assert diff_lines(diff)[1:] == [
        ("removed", "--- a comment in SQL"),
        ("added", "+++ counter"),
    ]


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        '<img src="x" onerror="alert(1)">',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="data:text/html,<script>alert(1)</script>">x</a>',
        '<iframe src="https://example.com"></iframe>',
        '<p style="position:fixed">x</p>',
        '<form action="https://example.com"><input name="password"></form>',
        "<svg><script>alert(1)</script></svg>",
        "<style>body{display:none}</style>",
        '<link rel="stylesheet" href="https://example.com/x.css">',
        '<img src="https://example.com/pixel.png" alt="a pixel">',
    ],
)
def test_nothing_of_a_post_runs_or_is_fetched(html: str) -> None:
    page = BeautifulSoup(sanitised(html), "html.parser")
    assert page.find(["script", "iframe", "style", "link", "form", "svg"]) is None
    for element in page.find_all(True):
        assert not [name for name in element.attrs if name.startswith("on") or name == "style"]
        assert not str(element.get("href", "")).startswith(("javascript:", "data:"))
        assert not element.get("src")


def test_headings_keep_their_anchors_and_links_their_addresses() -> None:
    page = BeautifulSoup(
        sanitised('<h2 id="解决">解决</h2><a href="https://example.com/">x</a>'), "html.parser"
    )
    assert page.h2 is not None and page.h2["id"] == "解决"
    assert page.a is not None and page.a["href"] == "https://example.com/"
