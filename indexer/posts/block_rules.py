"""Block rules of Markdown as people write it, in the form that markdown-it asks for.

Each takes (state, first line, last line, whether only to look) and says whether it took lines.
"""

from __future__ import annotations

import re

from markdown_it.rules_block import StateBlock, html_block, table

from indexer.posts.plain import CAPTION
from indexer.text.chinese import HAN


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


def fence(state: StateBlock, start: int, end: int, silent: bool) -> bool:
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
        _repaired(state, "code fence in line {line} is never closed", start)
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
    outdented = headed = False
    for number in range(start + 1, state.lineMax):
        if state.sCount[number] < 0:
            break
        text = _line(state, number)
        headed |= state.isEmpty(number - 1) and bool(_HEADING_LINE.match(text))
        outdented |= bool(text) and state.sCount[number] < state.blkIndent
        if outdented and re.match(r"#{2,6}[ \t]", text):
            break
        if text.startswith(mark):
            rest = text.lstrip(mark[0]).strip()
            if not rest:
                return number, None
            shows = language in _SHOWS_FENCES and not (language == "" and headed)
            if not shows and re.fullmatch(r"[\w+#.\-]+", rest):
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
    r"|useradd|passwd|crontab|iptables|firewall-cmd|hostnamectl|timedatectl|modprobe|lsmod|mkfs[.\w]*|lsblk"
    r"|journalctl|dmesg|sysctl|chkconfig|pvcreate|vgcreate|vgextend|lvcreate|lvextend|resize2fs|fsck[.\w]*"
    r"|nmap|tcpdump|lsof|strace|swapon|swapoff|\.?/[\w./-]+)(?:\s|$)"
)
_OPERAND = re.compile(r"\s-{1,2}\w|[/|&=<>$]|\.\w{2,4}\b|\d+\.\d+")


def heading(state: StateBlock, start: int, end: int, silent: bool) -> bool:
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
    """Whether a line that begins like a command was typed at a root prompt.

    It was if the next command above or below was, too. A single `# docker compose up` is a title.
    Output may stand between two commands: no empty line, no Chinese, and one of the two commands
    has an option or a path.
    """
    if _is_sentence(text):
        return False
    lines = (number for number in range(state.lineMax) if not state.isEmpty(number))
    first = next(number for number in lines)
    if first == start and next(lines, None) is None:
        return bool(_OPERAND.search(text))
    # The first line of a post is its title, rather than what the second was printed by.
    printed = start > first
    return any(_typed_near(state, start, step, text, printed) for step in (-1, 1))


def _typed_near(state: StateBlock, start: int, step: int, text: str, printed: bool) -> bool:
    """Whether the next command above or below a line was typed; output may stand between them."""
    between = blank = False
    end = max(-1, min(start + step * _LONGEST_OUTPUT, state.lineMax))
    for number in range(start + step, end, step):
        if state.isEmpty(number):
            blank = True
            continue
        line = _line(state, number)
        match = _ROOT_PROMPT.match(line)
        if state.is_code_block(number) or (between and blank):
            return False
        if match and _COMMAND.match(line, match.end()):
            other = line[match.end() :]
            acts = not between or _OPERAND.search(text) or _OPERAND.search(other)
            return bool(acts) and not _is_sentence(other)
        if match or blank or not printed or _HAN.search(line) or _NO_OUTPUT.match(line):
            return False
        between = True
    return False


def _is_sentence(text: str) -> bool:
    """Whether a text that begins like a command is a sentence: it has a verb or Chinese."""
    return bool(_SENTENCE_WORDS.search(_QUOTED.sub("", text)))


# Chinese, or English words that occur in sentences and rarely as arguments of a command.
_SENTENCE_WORDS = re.compile(
    f"[{HAN}]"
    r"|(?<![\w./-])(?:is|are|was|were|does|do not|cannot|can't|doesn't|won't|isn't|not|when|after"
    r"|while|without|because|but|fails?|failed|hangs?|rejected|refused|denied|breaks|broken|works|slow|loses"
    r"|lost|shows|says|returns|gives|missing|instead|how|why|fix(?:es|ed)?)(?![\w./-])",
    re.IGNORECASE,
)
# So many lines of output are looked through for the next command.
_LONGEST_OUTPUT = 40
_NO_OUTPUT = re.compile(r"#|`{3}|~{3}")
_HAN = re.compile(f"[{HAN}]")
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|`[^`\n]*`")
_ROOT_PROMPT = re.compile(
    r"(?:\[[^\]\n]{0,60}@[^\]\n]{0,60}\]|[\w.-]{1,40}@[\w.-]{1,60}:[^\n#]{0,60})?#[ \t]+"
)


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


def paragraph(state: StateBlock, start: int, end: int, silent: bool) -> bool:
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
            if fence(state, number, state.lineMax, True):
                break
        elif (
            state.sCount[number] >= 0
            and not _only_prose(state, number, state.lineMax)
            and any(rule(state, number, state.lineMax, True) for rule in rules)
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


def prose(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A paragraph that begins with a letter: no other rule is asked for it."""
    if silent or state.is_code_block(start) or not _only_prose(state, start, end):
        return False
    return paragraph(state, start, end, False)


def _only_prose(state: StateBlock, number: int, end: int) -> bool:
    """Whether a line begins with a letter, so that no rule but that of paragraphs takes it."""
    first = state.src[state.bMarks[number] + state.tShift[number]]
    if not first.isalpha() or (first in "ie" and state.env["mdx"]):
        return False
    # The heads of a table begin with a letter, too.
    return number + 1 >= end or not _line(state, number + 1).startswith(("|", "-", ":"))


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


def html_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
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
        _repaired(state, f"`{raw[0]}` in line {{line}} is never closed", start)
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


def table_rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
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
    # Each begins otherwise, so that no line can be read in two ways, or in two to the power of n.
    r"(?:(?:\{%[^%\n]*%\}|\{:[^}\n]*\}|\{\{[^{}\n]*\}\})\s*)+\Z"
    r"|\[\[?_?toc_?\]?\]\s*\Z|@\[toc\].*\Z|:{3,}\s*[\w-]*\s*\Z|\^\^\^+.*\Z",
    re.IGNORECASE,
)
_MODULE = re.compile(
    r"(?:import\s[^\n]*from\s|import\s+['\"]|export\s+(?:const|default|let|function)\s)"
)


def template(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Template tags: those that hold code become code, the others only steer a tool."""
    text = _line(state, start)
    if not text or text[0] not in "{[@:^ie" or state.is_code_block(start):
        return False
    if text[0] in "ie":
        return bool(state.env["mdx"]) and _module(state, start, text, silent)
    if (match := _CODE_TAG.match(text)) and _code_tag(state, start, match, silent):
        return True
    if not _NOISE.match(text) or CAPTION.search(text):
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
