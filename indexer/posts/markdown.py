"""Markdown as people write it: CommonMark, tables, and what blog engines and typing errors add."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.admon import admon_plugin

from indexer.posts.block_rules import (
    fence,
    heading,
    html_rule,
    language_of_fence,
    paragraph,
    prose,
    table_rule,
    template,
)
from indexer.posts.plain import WIKI_LINK

_ENDS_AT: Any = {"alt": ["paragraph", "reference", "blockquote", "list"]}


def block_tokens(
    lines: list[str], *, above: int = 0, mdx: bool = False
) -> tuple[list[Token], list[str], set[int]]:
    """The block tokens of a post's body, what was repaired, and the lines that only steer a tool.

    `above` is how many lines of the file stand before these.
    Inline Markdown is not read: the content of an inline token is the text as it stands.
    """
    env: dict[str, Any] = {"mdx": mdx, "repairs": {}, "noise": set()}
    tokens = _BLOCKS.parse("\n".join(lines), env)
    repairs = [text.format(line=line + above + 1) for text, line in env["repairs"].items()]
    return tokens, repairs, env["noise"]


def to_html(
    lines: list[str],
    *,
    first_line: int,
    anchors: Mapping[int, str],
    highlight: Callable[[str, str], str],
    marks: Mapping[int, str] = MappingProxyType({}),
    mdx: bool = False,
) -> str:
    """The HTML of a post's body, not sanitised; each block's id is `L` and its line in the file.

    `first_line` is the number of the first of `lines`; `anchors` gives headings their ids by line;
    `highlight` makes HTML of a code block and its language; `marks` gives blocks a class by line.
    """
    env: dict[str, Any] = {"mdx": mdx, "repairs": {}, "noise": set()}
    tokens = _WHOLE.parse("\n".join(lines), env)
    seen: set[int] = set()
    for token in tokens:
        if token.map is None or token.hidden or token.nesting < 0:
            continue
        line = token.map[0] + first_line
        if token.type == "heading_open" or (token.type == "paragraph_open" and line in anchors):
            token.attrSet("id", anchors.get(line, f"L{line}"))
        elif token.type in _WITH_ID and line not in seen:
            token.attrSet("id", f"L{line}")
            seen.add(line)
            if line in marks:
                token.attrJoin("class", marks[line])
    env["highlight"] = highlight
    return str(_WHOLE.renderer.render(tokens, _WHOLE.options, env))


_WITH_ID = frozenset(
    ["paragraph_open", "list_item_open", "blockquote_open", "table_open", "fence", "code_block"]
)


def _parser(*, inline: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": 40})
    parser.enable(["table", "strikethrough"])
    parser.use(admon_plugin)
    rules = parser.block.ruler
    rules.disable(["lheading", "fence"])
    rules.at("heading", heading, {"alt": ["paragraph", "reference", "blockquote"]})
    rules.at("paragraph", paragraph)
    rules.at("html_block", html_rule, {"alt": ["paragraph", "reference", "blockquote"]})
    rules.at("table", table_rule, {"alt": ["paragraph", "reference"]})
    rules.before("code", "any_fence", fence, _ENDS_AT)
    rules.before("any_fence", "template", template, _ENDS_AT)
    rules.before("table", "prose", prose, {"alt": []})
    if inline:
        parser.core.ruler.at("inline", _inline)
        parser.inline.ruler.before("link", "wiki_link", _wiki_link)
        parser.add_render_rule("fence", _render_code)
        parser.add_render_rule("code_block", _render_code)
    else:
        rules.disable("reference")
        # A post's text has one kind of line ends, and no NUL.
        parser.core.ruler.disable(["normalize", "inline", "text_join"])
    return parser


def _inline(state: StateCore) -> None:
    """Reads inline Markdown; what could be thousands of links would take minutes, and is text."""
    for token in state.tokens:
        if token.type != "inline":
            continue
        if token.content.count("[") > _MOST_LINKS:
            token.children = [Token("text", "", 0, content=token.content)]
        else:
            token.children = []
            state.md.inline.parse(token.content, state.md, state.env, token.children)


_MOST_LINKS = 5000


def _wiki_link(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith("[[", state.pos):
        return False
    match = WIKI_LINK.match(state.src, state.pos)
    if match is None:
        return False
    if not silent:
        state.push("text", "", 0).content = match[2] or match[1]
    state.pos = match.end()
    return True


# Rendering


def _render_code(renderer: Any, tokens: list[Token], at: int, options: Any, env: Any) -> str:
    token = tokens[at]
    code: str = env["highlight"](token.content, language_of_fence(token.info))
    place, mark = (html.escape(str(token.attrs.get(name, ""))) for name in ("id", "class"))
    return f'<div class="{f"code {mark}".rstrip()}" id="{place}">{code}</div>\n'


_BLOCKS = _parser(inline=False)
_WHOLE = _parser(inline=True)
