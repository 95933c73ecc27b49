"""Text to HTML: snippets with marks, code in colours, posts made safe. Escaping comes first."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import nh3
from flask import Flask, url_for
from markupsafe import Markup, escape

from indexer import Snippet, spans


def register(app: Flask) -> None:
    """Makes the filters known to the templates of a site."""
    app.add_template_filter(marked)
    app.add_template_filter(coloured)
    app.add_template_filter(prose)
    app.add_template_filter(diff_lines)
    app.add_template_global(asset)


def marked(snippet: Snippet) -> Markup:
    """A snippet with its ranges in `<mark>`."""
    pieces = []
    at = 0
    for start, end in snippet.ranges:
        pieces.append(escape(snippet.text[at:start]))
        pieces.append(Markup("<mark>{}</mark>").format(snippet.text[start:end]))
        at = end
    pieces.append(escape(snippet.text[at:]))
    return Markup("").join(pieces)


def coloured(code: str, language: str = "") -> Markup:
    """Code as a block, coloured where its language is known."""
    return Markup(highlighted(code, language))  # Pygments escapes, and so do we


def highlighted(code: str, language: str) -> str:
    """The HTML of a code block; every piece of a colour is a class, no style stands in it."""
    pieces = (
        f'<span class="{kind}">{escape(text)}</span>' if kind else str(escape(text))
        for kind, text in spans(code.strip("\n"), language)
    )
    return f'<pre tabindex="0"><code>{"".join(pieces)}</code></pre>'


_INLINE = re.compile(r"(?P<tick>`+)(?P<code>[^`\n]+)(?P=tick)(?!`)|\*\*(?P<bold>[^*\n]+)\*\*")


def prose(text: str) -> Markup:
    """A sentence of a post, with its code and its bold words shown as such."""
    pieces = []
    at = 0
    for match in _INLINE.finditer(text):
        tag, inside = ("code", match["code"]) if match["code"] else ("strong", match["bold"])
        pieces += [escape(text[at : match.start()]), Markup(f"<{tag}>{{}}</{tag}>").format(inside)]
        at = match.end()
    return Markup("").join([*pieces, escape(text[at:])])


_DIFF_KINDS = {"+": "added", "-": "removed", "@": "hunk"}


def diff_lines(diff: str) -> list[tuple[str, str]]:
    """The lines of a unified diff as (kind, text), without the names of the two sides."""
    lines = diff.split("\n")
    # Further down the same signs may begin a line of code: `-- ` is a comment in SQL.
    if lines[0].startswith("--- "):
        lines = lines[2:]
    return [(_DIFF_KINDS.get(line[:1], "same"), line) for line in lines]


_TAGS = nh3.ALLOWED_TAGS | {
    "section", "input", "details", "summary", "figure", "figcaption", "h1", "mark", "kbd", "samp",
    "s", "u",
}  # fmt: skip
_ATTRIBUTES = {
    "*": {"id", "class", "title", "lang", "dir"},
    "a": {"href"},
    "img": {"alt", "src", "width", "height"},
    "pre": {"tabindex"},
    "ol": {"start"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"},
    "input": {"type", "checked", "disabled"},
}
# Those that our own rendering gives.
_CLASSES = frozenset(
    ("code", "is-error", "is-failing", "is-fix", "admonition", "admonition-title", *"ksmnc")
)
_BLANKS = re.compile(r"[\x00-\x20]")
_DATA_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]+\Z")


def sanitised(
    html: str,
    picture: Callable[[str], str | None] = lambda _: None,
    link: Callable[[str], str | None] = lambda named: named,
) -> Markup:
    """HTML of a post without anything that runs, is fetched from elsewhere, or hides.

    `picture` gives the address here of a picture by what the post calls it, or None; one that would
    be fetched from elsewhere shows its words only. `link` does the same for links.
    """

    def allowed(tag: str, attribute: str, value: str) -> str | None:
        if tag == "img" and attribute == "src":
            return value if _DATA_IMAGE.match(value) else picture(value)
        if attribute == "class":
            # A post must not borrow the looks of the page: `hidden`, `answer`.
            return " ".join(name for name in value.split() if name in _CLASSES) or None
        if attribute == "href" and _BLANKS.sub("", value).lower().startswith("data:"):
            return None
        if attribute == "href":
            return link(value)
        if tag == "input" and attribute == "type":
            return "checkbox"
        return value

    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=allowed,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer nofollow",
    )
    return Markup(clean)  # it was just made safe


def asset(name: str) -> str:
    """The address of a static file, changed whenever the file is."""
    return url_for("static", filename=name, v=_digest(name))


@lru_cache(maxsize=50)
def _digest(name: str) -> str:
    data = (Path(__file__).parent / "static" / name).read_bytes()
    return hashlib.sha256(data).hexdigest()[:10]
