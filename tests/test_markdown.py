"""Markdown as people write it: its words, its tokens and its page."""

from __future__ import annotations

import re

import pytest

from indexer.posts.block_rules import bold_line, language_of_fence
from indexer.posts.markdown import block_tokens, to_html
from indexer.posts.plain import plain


def page(text: str, *, first_line: int = 1, anchors: dict[int, str] | None = None) -> str:
    return to_html(
        text.split("\n"),
        first_line=first_line,
        anchors=anchors or {},
        highlight=lambda code, language: f"[{language}|{code.strip()}]",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no marks at all", "no marks at all"),
        ("see [the log](http://example.org/a_(b)) now", "see the log now"),
        ("see [the log][ref] now", "see the log now"),
        ("[![alt words](a.png)](b)", "alt words"),
        ("[[page|shown]] and [[page]]", "shown and page"),
        ("`a_b*c` and ``x`y``", "a_b*c and x`y"),
        ("`<b>` stays, <b>this</b> goes", "<b> stays,  this  goes"),
        ("**bold** ~~gone~~", "bold gone"),
        ("a &lt; b &amp; c", "a < b & c"),
        ("`a &lt; b`", "a &lt; b"),
        ("vector<int> and List<String>", "vector<int> and List<String>"),
        ("a \\*star\\* \\_x\\_", "a *star* _x_"),
        ("before <!-- hidden --> after", "before  after"),
        ("before <!-- never closed", "before <!-- never closed"),
        ("the {% post_link a %} tag{: .x }", "the   tag "),
        ('<img src="a.png" alt="disk full">', "disk full"),
        ('{{< figure src="a.png" caption="disk full" >}}', "disk full"),
        ("snake_case_name", "snake_case_name"),
    ],
)
def test_plain_gives_the_words_that_a_reader_sees(text: str, words: str) -> None:
    assert " ".join(plain(text).split()) == " ".join(words.split())


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "![",
        "[a](",
        "`",
        "`a",
        "``a` ",
        "<",
        "<a ",
        "<!--",
        "{{",
        "{% ",
        "&",
        "\\",
        "[[a",
        "**",
    ],
)
def test_plain_comes_to_an_end_on_what_never_closes(piece: str) -> None:
    assert plain(piece * 50_000) is not None


def test_a_bold_line_is_short_and_no_sentence() -> None:
    assert bold_line("**Fix**：") == "Fix"
    assert bold_line("**解决。**") == "解决。"
    assert not bold_line("**Then restart the whole service.**")
    assert not bold_line("**Fix** and **more**")


def test_the_language_of_a_fence_is_ascii() -> None:
    assert language_of_fence("c#") == "c#"
    assert language_of_fence("objective-c") == "objective-c"
    assert language_of_fence("修改后") == ""


def test_lines_that_steer_a_tool_are_told() -> None:
    _, repairs, noise = block_tokens(["words", "", "[TOC]", "", "{: .x }"])
    assert (repairs, noise) == ([], {2, 4})


def test_the_page_has_ids_by_the_lines_of_the_file() -> None:
    html = page("# A\n\nwords\n\n- item\n\n```py\nx\n```", first_line=5, anchors={5: "a"})
    assert re.findall(r'id="(\w+)"', html) == ["a", "L7", "L9", "L11"]


def test_a_bold_line_that_is_a_heading_has_its_anchor_on_the_page() -> None:
    assert 'id="fix"' in page("words\n\n**Fix**", anchors={3: "fix"})


def test_code_goes_through_the_highlighter_and_nowhere_else() -> None:
    assert "[py|<b>]" in page("```py\n<b>\n```")
    assert "[|ls]" in page("    ls")
    assert "[sh|ls]" in page("{% highlight sh %}\nls\n{% endhighlight %}")


def test_the_page_shows_wiki_links_as_words_and_no_template_tags() -> None:
    html = page("see [[page|this]]\n\n{% asset_img a.png %}\n\n[TOC]")
    assert "see this" in html and "asset_img" not in html and "TOC" not in html


def test_a_paragraph_of_thousands_of_links_is_shown_as_text() -> None:
    assert page("[a](b)" * 6000).count("<a ") == 0
    assert page("[a](b)" * 100).count("<a ") == 100
