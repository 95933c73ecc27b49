"""Visible words: what a reader sees of a block of Markdown prose."""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Iterator

WIKI_LINK = re.compile(r"\[\[([^\]|\[\n]{1,300})(?:\|([^\]\[\n]{1,300}))?\]\]")
_SIGN = re.compile(r"[`\[<{&*~\\]")
_MARKS = re.compile(r"`+")
_URL = r"\([^()\n]{0,2000}(?:\([^()\n]{0,300}\)[^()\n]{0,300})?\)"
_LINK = re.compile(rf"!?\[([^\[\]\n]{{0,600}})\](?:{_URL}|\[[^\[\]\n]{{0,100}}\])")
_IMG = re.compile(
    r"<img\b[^<>]{0,2000}?\balt\s*=\s*[\"']([^\"'<>]{0,500})[\"'][^<>]{0,2000}>", re.I
)
_TAG = re.compile(
    r"</?(?:a|abbr|article|b|big|blockquote|br|button|center|cite|code|col|dd|del|details|div|dl|dt|em"
    r"|figcaption|figure|font|h[1-6]|hr|i|iframe|img|input|ins|kbd|label|li|mark|nav|ol|p|pre|q|s|samp"
    r"|script|section|small|source|span|strike|strong|style|sub|summary|sup|table|tbody|td|tfoot|th"
    r"|thead|tr|tt|u|ul|var|video)(?:\s[^<>]{0,3000})?/?>",
    re.I,
)
_STEERING = re.compile(
    r"\{%[^%{}\n]{0,500}%\}|\{\{[^{}\n]{0,500}\}\}|\{:[^{}\n]{0,300}\}|\[![A-Z]+\]"
)
# What a tag of a picture says: `{{< figure src="a.png" caption="the disk is full" >}}`.
CAPTION = re.compile(r"\s(?:alt|caption|title)=\"([^\"\n]{2,500})\"")
_ESCAPED = re.compile(r"\\([_*`#|<>\[\]~])")


@functools.lru_cache(maxsize=500)
def plain(text: str) -> str:
    """The words of a block of prose that a reader sees: no targets of links, no tags, no marks."""
    if not _SIGN.search(text):
        return text
    pieces = []
    at = 0
    for opening, closing in _code_spans(text) if "`" in text else ():
        pieces.append(_plain(text[at : opening.start()]))
        pieces.append(text[opening.end() : closing.start()])
        at = closing.end()
    pieces.append(_plain(text[at:]))
    return "".join(pieces)


def _code_spans(text: str) -> Iterator[tuple[re.Match[str], re.Match[str]]]:
    """The marks around each piece of inline code: runs of equally many backticks."""
    marks = list(_MARKS.finditer(text))
    later: dict[int, list[int]] = {}
    for at in reversed(range(len(marks))):
        later.setdefault(len(marks[at][0]), []).append(at)
    at = 0
    while at < len(marks):
        alike = later[len(marks[at][0])]
        while alike and alike[-1] <= at:
            alike.pop()
        if alike:
            yield marks[at], marks[alike[-1]]
            at = alike[-1]
        at += 1


def _plain(text: str) -> str:
    if "<" in text:
        text = _without_comments(text)
        text = _TAG.sub(" ", _IMG.sub(r" \1 ", text))
    if "[" in text:
        text = WIKI_LINK.sub(lambda match: match[2] or match[1], text)
        # Twice: an image may stand in a link.
        text = _LINK.sub(r"\1", _LINK.sub(r"\1", text))
    if "{" in text or "[!" in text:
        text = _STEERING.sub(_captions, text)
    text = _ESCAPED.sub(r"\1", text.replace("**", "").replace("~~", ""))
    return html.unescape(text) if "&" in text else text


def _captions(match: re.Match[str]) -> str:
    return f" {' '.join(CAPTION.findall(match[0]))} "


def _without_comments(text: str) -> str:
    kept = []
    at = 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        kept.append(text[at:start])
        at = end + 3
    return "".join((*kept, text[at:]))
