"""Pasted output to the lines that say what went wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST = 64 * 1024
_LINES = 400

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]{0,200}\x07")
_TYPE = (
    r"(?:[A-Za-z_$][\w$]*[.:]{1,2})*[A-Z][\w$]*"
    r"(?:Error|Exception|Warning|Fault|Failure|Interrupt|Exit)"
)
_EXCEPTION = re.compile(rf"(?:^|[\s\[(|:>]|[^\x00-\x7f])({_TYPE}|panic|PANIC)\b(?:[:：(]|\s*$|\s)")
_CODE = re.compile(
    r"\b(?:[A-Z]{1,6}-?\d{3,6}|0x[89A-Fa-f][0-9A-Fa-f]{7}|E[A-Z]{3,}|SIG[A-Z]{2,7}"
    r"|ERR_[A-Z_]+|[A-Z]+_[A-Z_]*(?:ERROR|STATUS|DENIED|FAILED)[A-Z_]*)\b"
)
_FRAME = re.compile(
    r"\s*(?:File \".*\", line \d+|at .+[(:].*|#\d+\s|\.\.\. \d+ (?:more|common)|-->|goroutine \d+"
    r"|\[?[<(]?(?:0x)?[0-9a-f]{8,}\b|\^[\^~]*\s*$|[~^]+\s*$|\d+ \||\|)"
)
# What tools say before or after, whatever went wrong.
_SUMMARY = re.compile(
    r"ld returned \d+ exit status|make(?:\[\d+\])?: \*\*\*|could not compile|aborting due to \d"
    r"|complete log of this run|BUILD FAILURE|BUILD FAILED|exited with code \d|exit status \d+\s*$"
    r"|in function [`'\"]|Failed to execute goal|\[Help \d\]|For more information about this error"
)
# `bash: rm: …`, `nginx: [emerg] …`, `error[E0382]: …`, `CMake Error at …`, `ERROR 1698 (28000): …`
_COMPLAINT = re.compile(
    r"(?:[\w./+-]{1,40}: )?\[?(?:error|fatal|fatal error|emerg|panic|crit|alert|ERROR|FATAL|FAILED)"
    r"\]?(?:\[\w+\])?(?: [\w-]{1,12})?(?: \(\w+\))?[:： ]\s*\S|npm err|npm ERR"
    r"|-?(?:bash|sh|zsh|dash|ksh|ld|cc1|collect2|ssh|git|psql|sed|grep|rm|cp|mv|ls|cat|tar|docker)"
    r": \S|(?:/[\w./+-]{1,80}/)?ld: \S|CMake Error|(?:[A-Z]\w+ )?Error: \S"
)
_STRONG = re.compile(
    r"(?:^|[^A-Za-z])(?:error|fatal|fatal error|panic|exception|failed|failure|cannot|can't"
    r"|could not|couldn't|unable to|denied|refused|not found|no such|undefined|unknown|invalid"
    r"|unexpected|unsupported|timed? ?out|abort(?:ed)?|segmentation fault|killed|warning|traceback"
    r"|not permitted|already exists|already in use|too long|too large"
    r"|too many|no space|missing|mismatch|conflict|err!|errno)(?:[^A-Za-z]|$)"
    r"|错误|异常|失败|无法|找不到|拒绝|不存在|未定义|不支持|超时|出错|不能|未找到|錯誤|異常|失敗|無法|拒絕|逾時",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Pasted:
    """What a text was read as: its error lines, most telling first, and the names in them."""

    errors: tuple[str, ...]
    exceptions: tuple[str, ...]
    codes: tuple[str, ...]
    told: bool
    """Whether a line begins as a program begins its complaint: `name: what went wrong`."""
    output: bool
    """Whether the text looks like the output of a program rather than like words or a program."""


def read_pasted(text: str) -> Pasted:
    """The error lines, exception types and codes of a text; time grows with its length alone."""
    lines = _ANSI.sub("", text[:LONGEST]).split("\n")[:_LINES]
    found: list[tuple[float, int, str]] = []
    frames = 0
    told = False
    exceptions: dict[str, None] = {}
    codes: dict[str, None] = {}
    traceback = False
    for number, line in enumerate(lines):
        line = line.strip()[:1000]
        if not line:
            continue
        traceback = traceback or line.startswith("Traceback (most recent call last)")
        if _FRAME.match(line):
            frames += 1
            continue
        score = 0.0
        if _COMPLAINT.match(line):
            told = True
            score += 1.5
        for match in _EXCEPTION.finditer(line):
            exceptions.setdefault(match[1])
            score += 2.0
            if match.start() == 0:
                score += 1.0
        for match in _CODE.finditer(line):
            codes.setdefault(match[0])
            score += 0.5
        if _STRONG.search(line):
            score += 1.0
        if _SUMMARY.search(line):
            score -= 2.5
        if line.startswith(("Caused by:", "Root cause")):
            score += 1.5
        if score > 0:
            found.append((score, number, line))
    # Interpreters say what went wrong last, compilers first.
    found.sort(key=lambda one: (-one[0], -one[1] if traceback else one[1]))
    strong = bool(found) and (found[0][0] >= 3.0 or frames >= 2 or traceback)
    strong = strong or (told and _output(lines))
    return Pasted(
        tuple(line for _, _, line in found[:5]),
        tuple(exceptions)[:10],
        tuple(codes)[:10],
        told,
        strong or (bool(found) and len(found) * 3 >= len(lines) and _output(lines)),
    )


# What a run of a program put into its message: it differs at the next person's. Each kind with
# what its words still count for.
_VALUES = tuple(
    (re.compile(pattern), left)
    for pattern, left in (
        (
            r"\b\d{4}[-/]\d\d[-/]\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?"
            r"(?: ?[+-]\d\d:?\d\d)?",
            0.0,
        ),
        (r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d{1,2} \d\d:\d\d:\d\d", 0.0),
        (r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b|^\[ *\d{1,9}\.\d{6}\]", 0.0),
        (r"\b[a-z][a-z0-9+.-]{1,15}://[^\s\"'<>]{1,500}", 0.15),
        (r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b", 0.0),
        (r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?\b", 0.1),
        # A place in a file: `src/store/cart.js:150:36`, `server.go:671`, `cart.cs(12)`.
        (
            r"(?<![\w.@+~/\\:-])[\w.@+~/\\:-]{1,200}\.\w{1,10}"
            r"(?:(?::\d{1,6}){1,2}\b|\(\d{1,6}\b)",
            0.15,
        ),
        (r"(?:\b[A-Za-z]:|~)?(?:[/\\][\w.@+~-]{1,100}){2,40}", 0.3),
        (r"\b0x(?![89ABCabc][0-9a-fA-F]{7}\b)[0-9a-fA-F]{5,16}\b", 0.0),
        (r"\b(?=[a-f]{0,40}\d)[0-9a-f]{12,64}\b", 0.0),
    )
)  # fmt: skip


def values(line: str) -> tuple[tuple[int, int, float], ...]:
    """The run-time values of a line: (start, end, what their words still count for)."""
    return tuple(
        (match.start(), match.end(), weight)
        for pattern, weight in _VALUES
        for match in pattern.finditer(line[:2000])
    )


# A number is a code where a word before it says so.
_NUMBER = re.compile(
    r"(?:\b(?:error|err|errno|status|http|code|exit|sqlstate|signal)|错误码|状态码|错误|錯誤)"
    r"(?: (?:number|code|status|no\.?))?[ :：#=\[(]{0,3}(\d{2,6})\b",
    re.IGNORECASE,
)


def codes(text: str) -> tuple[str, ...]:
    """The codes that a text names an error by: `ORA-00942`, `E0308`, the number of `ERROR 1062`."""
    found = [match[0] for match in _CODE.finditer(text)]
    found += [match[1] for match in _NUMBER.finditer(text)]
    return tuple(dict.fromkeys(found))[:10]


_PROMPT = re.compile(r"\s*(?:[\w.@~:/\\-]{0,40}[$#%>❯➜]|>>>|PS [A-Z]:)\s")
_STATEMENT = re.compile(
    r"\s*(?:def |class |import |from |return\b|if\b.*[:{]|for\b.*[:{]|public |private |function "
    r"|const |let |var |#include|SELECT |CREATE |<\w|\w[\w.]* *= |[}\])]+;?$)"
)


def _output(lines: list[str]) -> bool:
    """Whether most lines are no statements of a program: then they are what one printed."""
    filled = [line for line in lines if line.strip()]
    statements = sum(bool(_STATEMENT.match(line)) for line in filled)
    return statements * 3 <= len(filled)


_IDENTIFIER = re.compile(
    r"(?<![\w.])(?:[A-Za-z]+(?:[._:]{1,2}[A-Za-z_]\w*)+|\w+_\w+|[a-z]+[A-Z]\w*|[A-Z]+[a-z]+[A-Z]\w*"
    r"|[A-Z]{2,}[a-z]\w*)(?!\w)",
    re.ASCII,
)


def understood(question: str) -> tuple[tuple[str, str], ...]:
    """What a question was read as: (text, kind); the error line, exceptions, codes, identifiers."""
    pasted = read_pasted(question)
    found: dict[str, str] = {}
    if pasted.output and pasted.errors and pasted.errors[0] != question.strip():
        found[pasted.errors[0]] = "error"
    for name in pasted.exceptions:
        found.setdefault(name, "exception")
    for code in pasted.codes:
        found.setdefault(code, "code")
    for match in _IDENTIFIER.finditer("\n".join(pasted.errors) if pasted.output else question):
        found.setdefault(match[0], "identifier")
    return tuple(found.items())[:12]
