"""Markdown as people write it: CommonMark, tables, and what blog engines and typing errors add."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, html_block, table
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from mdit_py_plugins.admon import admon_plugin

_ENDS_AT: Any = {"alt": ["paragraph", "reference", "blockquote", "list"]}


def block_tokens(lines: list[str], *, mdx: bool = False) -> tuple[list[Token], list[str], set[int]]:
    """The block tokens of a post's body, what was repaired, and the lines that only steer a tool.

    Inline Markdown is not read: the content of an inline token is the text as it stands.
    """
    env: dict[str, Any] = {"mdx": mdx, "repairs": {}, "noise": set()}
    tokens = _BLOCKS.parse("\n".join(lines), env)
    repairs = [text.format(line=line + 1) for text, line in env["repairs"].items()]
    return tokens, repairs, env["noise"]


def to_html(
    lines: list[str],
    *,
    first_line: int,
    anchors: Mapping[int, str],
    highlight: Callable[[str, str], str],
    mdx: bool = False,
) -> str:
    """The HTML of a post's body, not sanitised; each block's id is `L` and its line in the file.

    `first_line` is the number of the first of `lines`; `anchors` gives headings their ids by line;
    `highlight` makes HTML of a code block and its language.
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
    rules.at("heading", _heading, {"alt": ["paragraph", "reference", "blockquote"]})
    rules.at("paragraph", _paragraph)
    rules.at("html_block", _html_block, {"alt": ["paragraph", "reference", "blockquote"]})
    rules.at("table", _table, {"alt": ["paragraph", "reference"]})
    rules.before("code", "any_fence", _fence, _ENDS_AT)
    rules.before("any_fence", "template", _template, _ENDS_AT)
    if inline:
        parser.core.ruler.at("inline", _inline)
        parser.inline.ruler.before("link", "wiki_link", _wiki_link)
        parser.add_render_rule("fence", _render_code)
        parser.add_render_rule("code_block", _render_code)
    else:
        rules.disable("reference")
        parser.core.ruler.disable(["inline", "text_join"])
    return parser


def language_of_fence(info: str) -> str:
    """The language that a fence names, in lower case; of `{.python .numbered}` it is `python`."""
    match = re.match(r"[\s{.]*(?:lang(?:uage)?[:=-])?([\w+#.\-]+)(?!\w)", info, re.ASCII)
    return match[1].strip(".-").lower() if match else ""


def _repaired(state: StateBlock, text: str, line: int) -> None:
    state.env["repairs"].setdefault(text, line)


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


# Fences


_FENCE = re.compile(r"(?:[-*+](?=```))?(`{3,}|~{3,})[ \t]*([^\n]*)")
_ONE_LINE = re.compile(r"(`{3,})[ \t]*([^`\n]*[^`\s])[ \t]*\1[ \t]*\Z")
_HEADING_LINE = re.compile(r"#{1,6}[ \t]+\S")
_SHOWS_FENCES = frozenset(
    ["", "md", "markdown", "mdx", "text", "txt", "html", "vue", "rst", "liquid"]
)


def _fence(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A fence at any indent; one that never closes ends before the next fence or heading."""
    at = state.bMarks[start] + state.tShift[start]
    char = state.src[at : at + 1]
    if char not in "`~-*+" or not char:
        return False
    match = _FENCE.match(_line(state, start))
    if match is None:
        return False
    if match[1][0] == "`" and "`" in match[2]:
        return not silent and _one_line(state, start)
    mark, info = match[1], match[2]
    deep = state.is_code_block(start)
    if silent and not deep:
        return True
    close, tail = _closing(state, start, mark, language_of_fence(info))
    if deep and (close < 0 or tail is not None):
        return False
    if silent:
        return True
    closed = close >= 0 and tail is None
    last = close if close >= 0 else _unclosed(state, start, mark)
    if not closed:
        _repaired(state, "code fence in line {line} of the text is never closed", start)
    token = state.push("fence", "code", 0)
    token.info = info.strip()
    token.markup = mark
    token.content = state.getLines(start + 1, last, state.sCount[start], True)
    if tail is not None:
        token.content += tail
        last += 1
    state.line = last + 1 if closed else max(last, start + 1)
    token.map = [start, state.line]
    return True


def _one_line(state: StateBlock, start: int) -> bool:
    """Code between fences on one line that stands alone."""
    match = _ONE_LINE.match(_line(state, start))
    alone = start + 1 >= state.lineMax or state.isEmpty(start + 1) or state.sCount[start + 1] < 0
    if match is None or not alone or state.is_code_block(start):
        return False
    token = state.push("fence", "code", 0)
    token.content, token.markup, token.map = match[2], match[1], [start, start + 1]
    state.line = start + 1
    return True


def _closing(state: StateBlock, start: int, mark: str, language: str) -> tuple[int, str | None]:
    """The line that closes a fence, or -1; and the code before a mark at the end of its line."""
    outdented = False
    for number in range(start + 1, state.lineMax):
        if state.sCount[number] < 0:
            break
        text = _line(state, number)
        outdented |= bool(text) and state.sCount[number] < state.blkIndent
        if outdented and re.match(r"#{2,6}[ \t]", text):
            break
        if text.startswith(mark):
            rest = text.lstrip(mark[0]).strip()
            if not rest:
                return number, None
            if language not in _SHOWS_FENCES and re.fullmatch(r"[\w+#.\-]+", rest):
                break
        elif text.rstrip().endswith(mark) and text.count(mark[0]) == len(mark):
            # Only where no line of its own closes it before the next fence.
            if _bare_close_first(state, number, mark):
                continue
            code = state.getLines(number, number + 1, state.sCount[start], False).rstrip()
            return number, code[: -len(mark)]
    return -1, None


def _bare_close_first(state: StateBlock, start: int, mark: str) -> bool:
    for number in range(start + 1, min(state.lineMax, start + 200)):
        text = _line(state, number)
        if text.startswith(mark):
            return not text.strip(mark[0]).strip()
    return False


def _unclosed(state: StateBlock, start: int, mark: str) -> int:
    blank = False
    for number in range(start + 1, state.lineMax):
        text = _line(state, number)
        if state.sCount[number] < 0 or text.startswith(mark):
            return number
        if text and state.sCount[number] < state.blkIndent:
            return number
        if blank and _HEADING_LINE.match(text):
            return number
        blank = not text.strip()
    return state.lineMax


# Headings and paragraphs


_ATX = re.compile(r"(#{1,6}|＃{1,6})(?!#)([ \t\u3000\xa0]*)(.*)")
_DIRECTIVE = re.compile(
    r"(?:include|define|undef|ifn?def|if|elif|else|endif|pragma|import|error|warning|region|line)\b"
)
_COMMAND = re.compile(
    r"(?:sudo|yum|dnf|apt|apt-get|apk|brew|docker|docker-compose|podman|kubectl|helm|systemctl|service"
    r"|cd|ls|ll|cat|vi|vim|nano|echo|rm|mv|cp|mkdir|chmod|chown|tar|unzip|wget|curl|make|cmake|gcc|ssh"
    r"|scp|rpm|pip3?|npm|yarn|git|mysql|mysqldump|psql|redis-cli|ps|netstat|ss|grep|awk|sed|find|kill"
    r"|top|df|du|mount|umount|fdisk|ip|ifconfig|ping|nginx|java|python3?|node|go|cargo|source|export"
    r"|useradd|passwd|crontab|iptables|firewall-cmd|hostnamectl|timedatectl|modprobe|lsmod)\s"
)
_OPERAND = re.compile(r"\s-{1,2}\w|[/|&=<>$]|\.\w{2,4}\b|\d+\.\d+")


def _heading(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """An ATX heading, also without its blank or with full-width signs; not a shell command."""
    at = state.bMarks[start] + state.tShift[start]
    if state.src[at : at + 1] not in ("#", "＃") or state.is_code_block(start):
        return False
    match = _ATX.match(_line(state, start))
    if match is None:
        return False
    marks, blank, text = match[1], match[2], match[3].strip()
    if text and not (_glued_heading(state, start, marks, text) if not blank else True):
        return False
    if len(marks) == 1 and _COMMAND.match(text) and _typed(state, start, text):
        return False
    if silent:
        return True
    bare = text.rstrip("#")
    # `## Text ##` and `##Text##`, but not `# Learning C#`.
    if not bare or bare[-1] in " \t" or (not blank and len(text) - len(bare) == len(marks) > 1):
        text = bare
    state.line = start + 1
    _push_heading(state, start, len(marks), text.strip(), start + 1)
    return True


def _glued_heading(state: StateBlock, start: int, marks: str, text: str) -> bool:
    """Whether `#text` is meant as a heading: not `#!/bin/sh`, `#include`, `#1`, `#tag #tag`."""
    if not (text[0].isalnum() or text[0] in "【《“「（(`*["):
        return False
    if len(marks) > 1 or not (text[0].isascii()):
        return " #" not in text
    if text[0].isdigit() or _DIRECTIVE.match(text) or re.search(r"[=;{}]|\s#", text):
        return False
    return start == 0 or state.isEmpty(start - 1)


def _typed(state: StateBlock, start: int, text: str) -> bool:
    """Whether a line that begins like a command was typed at a prompt."""
    if _OPERAND.search(text):
        return True
    around = [n for n in (start - 1, start + 1) if 0 <= n < state.lineMax]
    return any(not state.isEmpty(number) for number in around)


def _push_heading(state: StateBlock, start: int, level: int, text: str, end: int) -> None:
    token = state.push("heading_open", f"h{level}", 1)
    token.markup = "#" * level
    token.map = [start, end]
    token = state.push("inline", "", 0)
    token.content, token.map, token.children = text, [start, end], []
    state.push("heading_close", f"h{level}", -1).markup = "#" * level


_SETEXT = re.compile(r"(=+|-{2,})[ \t]*\Z")
_BOLD_LINE = re.compile(r"(?:\*\*|__)(?=\S)([^*\n]{1,80}?)[ \t]*(?:\*\*|__)[ \t]*[:：]?[ \t]*\Z")


def bold_line(text: str) -> str:
    """The words of a bold line that serves as a heading, else nothing: a sentence is none."""
    match = _BOLD_LINE.match(text)
    if match is None or (len(match[1]) > 15 and match[1][-1] in "。.!！;；,，…"):
        return ""
    return match[1]


def _paragraph(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Lines up to what ends them; one underlined line is a heading, a bold line stands alone."""
    rules = state.md.block.ruler.getRules("paragraph")
    parent, state.parentType = state.parentType, "paragraph"
    number = start + 1
    first = _line(state, start)
    alone = bool(bold_line(first))
    while number < state.lineMax and not state.isEmpty(number):
        text = _line(state, number)
        indent = state.sCount[number] - state.blkIndent
        if number == start + 1 and 0 <= indent < 4 and (level := _underline(text, first)):
            state.parentType = parent
            state.line = number + 1
            _push_heading(state, start, level, first.strip(), number + 1)
            return True
        if alone or bold_line(text):
            break
        if indent > 3:
            if _fence(state, number, state.lineMax, True):
                break
        elif state.sCount[number] >= 0 and any(
            rule(state, number, state.lineMax, True) for rule in rules
        ):
            break
        number += 1
    content = state.getLines(start, number, state.blkIndent, False).strip()
    state.line = number
    token = state.push("paragraph_open", "p", 1)
    token.map = [start, number]
    token = state.push("inline", "", 0)
    token.content, token.map, token.children = content, [start, number], []
    state.push("paragraph_close", "p", -1)
    state.parentType = parent
    return True


def _underline(line: str, text: str) -> int:
    """The level of heading that a line makes of the text over it; 0 if it is a rule or text."""
    if not _SETEXT.match(line):
        return 0
    if line[0] == "=":
        return 1
    text = text.strip()
    return 2 * (len(text) <= 60 and text[-1:] not in "。.!！?？;；:：,，)）|" and "![" not in text)


# HTML and tables


_RAW = (("<!--", "-->"), ("<pre", "</pre>"), ("<script", "</script>"), ("<style", "</style>"),
        ("<textarea", "</textarea>"), ("<?", "?>"), ("<![cdata[", "]]>"))  # fmt: skip


def _html_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """An HTML block that ends where its author meant: what is never closed is one line."""
    at = state.bMarks[start] + state.tShift[start]
    if state.src[at : at + 1] != "<":
        return False
    if silent:
        return bool(html_block(state, start, end, True))
    text = _line(state, start).lower()
    raw = next((pair for pair in _RAW if text.startswith(pair[0])), None)
    unclosed = state.env.setdefault("unclosed", set())
    if raw is None:
        return bool(html_block(state, start, _html_end(state, start), False))
    if raw[0] not in unclosed:
        if not html_block(state, start, end, False):
            return False
        token = state.tokens[-1]
        if raw[1] in token.content.lower():
            return True
        state.tokens.pop()
        unclosed.add(raw[0])
        _repaired(state, f"`{raw[0]}` in line {{line}} of the text is never closed", start)
    state.line = start + 1
    token = state.push("html_block", "", 0)
    token.map = [start, start + 1]
    token.content = state.getLines(start, start + 1, state.blkIndent, True)
    return True


def _html_end(state: StateBlock, start: int) -> int:
    """Where an HTML block ends: at an empty line, or at a fence that stands without one."""
    number = start + 1
    while number < state.lineMax and not state.isEmpty(number):
        if re.match(r"(?:`{3,}|~{3,})[^`]*$", _line(state, number)):
            break
        number += 1
    return number


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    before = len(state.tokens)
    if not table(state, start, end, silent):
        return False
    if not silent:
        text = state.getLines(start, state.line, state.blkIndent, False)
        state.tokens[before].meta["text"] = text.strip("\n")
        state.tokens[before].map = [start, state.line]
    return True


# Template languages


_CODE_TAG = re.compile(
    r"\{%-?\s*(?P<liquid>highlight|codeblock|code)\b(?P<a>[^%\n]*)%\}(?P<inside>.*)"
    r"|\{\{[<%]\s*(?P<hugo>highlight|code)\b(?P<b>[^>%\n]*)[>%]\}\}(?P<within>.*)"
)
_NOISE = re.compile(
    r"(?:(?:\{%[^%\n]*%\}|\{\{[<%][^{}\n]*[>%]\}\}|\{:[^}\n]*\}|\{\{[^{}\n]*\}\})\s*)+\Z"
    r"|\[\[?_?toc_?\]?\]\s*\Z|@\[toc\].*\Z|:{3,}\s*[\w-]*\s*\Z|\^\^\^+.*\Z",
    re.IGNORECASE,
)
_MODULE = re.compile(
    r"(?:import\s[^\n]*from\s|import\s+['\"]|export\s+(?:const|default|let|function)\s)"
)


def _template(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Template tags: those that hold code become code, the others only steer a tool."""
    text = _line(state, start)
    if not text or text[0] not in "{[@:^ie" or state.is_code_block(start):
        return False
    if text[0] in "ie":
        return bool(state.env["mdx"]) and _module(state, start, text, silent)
    if (match := _CODE_TAG.match(text)) and _code_tag(state, start, match, silent):
        return True
    if not _NOISE.match(text) or _CAPTION.search(text):
        return False
    if not silent:
        state.env["noise"].add(start)
        state.line = start + 1
    return True


def _module(state: StateBlock, start: int, text: str, silent: bool) -> bool:
    if not _MODULE.match(text) or silent:
        return bool(_MODULE.match(text))
    number = start
    while number < state.lineMax and not state.isEmpty(number):
        state.env["noise"].add(number)
        number += 1
    state.line = number
    return True


def _code_tag(state: StateBlock, start: int, match: re.Match[str], silent: bool) -> bool:
    name = match["liquid"] or match["hugo"]
    closing = re.compile(
        rf"\{{%-?\s*end{name}\s*-?%\}}"
        if match["liquid"]
        else rf"\{{\{{[<%]\s*/\s*{name}\s*[>%]\}}\}}"
    )
    unclosed = state.env.setdefault("unclosed", set())
    if closing.pattern in unclosed:
        return False
    number, inside = start, match["inside"] or match["within"] or ""
    if not closing.search(inside):
        number += 1
        while number < state.lineMax and not closing.search(_line(state, number)):
            number += 1
        if number >= state.lineMax:
            unclosed.add(closing.pattern)
            return False
    if silent:
        return True
    if number == start:
        content = inside[: closing.search(inside).start()]  # type: ignore[union-attr]  # it was found
    else:
        content = state.getLines(start + 1, number, state.blkIndent, True)
    token = state.push("fence", "code", 0)
    token.info = language_of_fence(re.sub(r"\blang:", "", match["a"] or match["b"] or ""))
    token.markup = "```"
    token.content = content
    token.map = [start, number + 1]
    state.line = number + 1
    return True


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
    match = _WIKI.match(state.src, state.pos)
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
    return f'<div class="code" id="{html.escape(str(token.attrs.get("id", "")))}">{code}</div>\n'


# Visible words


_WIKI = re.compile(r"\[\[([^\]|\[\n]{1,300})(?:\|([^\]\[\n]{1,300}))?\]\]")
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
_CAPTION = re.compile(r"\s(?:alt|caption|title)=\"([^\"\n]{2,500})\"")
_ESCAPED = re.compile(r"\\([_*`#|<>\[\]~])")


def plain(text: str) -> str:
    """The words of a block of prose that a reader sees: no targets of links, no tags, no marks."""
    if not any(sign in text for sign in "`[<{&*~\\"):
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
        text = _WIKI.sub(lambda match: match[2] or match[1], text)
        # Twice: an image may stand in a link.
        text = _LINK.sub(r"\1", _LINK.sub(r"\1", text))
    if "{" in text or "[!" in text:
        text = _STEERING.sub(_captions, text)
    text = _ESCAPED.sub(r"\1", text.replace("**", "").replace("~~", ""))
    return html.unescape(text) if "&" in text else text


def _captions(match: re.Match[str]) -> str:
    return f" {' '.join(_CAPTION.findall(match[0]))} "


def _without_comments(text: str) -> str:
    kept = []
    at = 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        kept.append(text[at:start])
        at = end + 3
    return "".join((*kept, text[at:]))


_BLOCKS = _parser(inline=False)
_WHOLE = _parser(inline=True)
