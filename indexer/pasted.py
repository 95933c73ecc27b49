"""Pasted output to the lines that say what went wrong."""

from __future__ import annotations

import importlib.resources
import re
from dataclasses import dataclass

LONGEST = 64 * 1024
_LINES = 400
_LONGEST_LINE = 1000
# So many things may stand before a message.
_MOST_BEFORE = 4

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]{0,200}\x07")


def _read_patterns() -> dict[str, list[str]]:
    """The patterns of `data/pasted.txt` by kind."""
    data = importlib.resources.files("indexer") / "data" / "pasted.txt"
    found: dict[str, list[str]] = {}
    for line in data.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            kind, pattern = line.split(maxsplit=1)
            found.setdefault(kind, []).append(pattern)
    return found


_PATTERNS = _read_patterns()


def _any(kind: str) -> re.Pattern[str]:
    return re.compile("|".join(_PATTERNS[kind]))


_BEFORE, _GRAVE_BEFORE = _any("before"), _any("grave")
_FRAME, _AROUND, _NEXT, _SUMMARY = map(_any, ("frame", "around", "next", "summary"))
_NOTE, _COMPLAINT, _CAUSE = map(_any, ("note", "complaint", "cause"))
_SIGN = re.compile(
    rf"(?:^|[^A-Za-z])(?:{'|'.join(_PATTERNS['sign'])})(?:[^A-Za-z]|$)", re.IGNORECASE
)
_LOGGER = re.compile(r"\[[\w .:/-]{1,60}\](?:\s+[\w.$]{1,120})?\s+(?:-|:)\s|[\w.$]{3,120} - ")
_HELP = re.compile(r"\s*-> \[Help \d\]\s*$")

_TYPE = (
    r"(?:[A-Za-z_$][\w$]*[.:]{1,2})*[A-Z][\w$]*"
    r"(?:Error|Exception|Warning|Fault|Failure|Interrupt|Exit)"
)
_EXCEPTION = re.compile(
    rf"(?:^|[\s\[(|:>']|[^\x00-\x7f])({_TYPE}|panic|PANIC)\b(?:[:：(')]|\s*$|\s)"
)
# After `Traceback` whatever stands where the trace began is the exception.
_RAISED = re.compile(r"((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)(?::\s|$)")
_CODE = re.compile(
    r"\b(?:[A-Z]{1,6}-?\d{3,6}|0x[89A-Fa-f][0-9A-Fa-f]{7}|E[A-Z]{3,}|SIG[A-Z]{2,7}"
    r"|ERR_[A-Z_]+|[A-Z]+_[A-Z_]*(?:ERROR|STATUS|DENIED|FAILED)[A-Z_]*)\b"
)
_GRAVE = 1.5


@dataclass(frozen=True, slots=True)
class Pasted:
    """What a text was read as: its error lines, most telling first, and the names in them."""

    errors: tuple[str, ...]
    exceptions: tuple[str, ...]
    codes: tuple[str, ...]
    cause: str | None
    """The error line that the others come from, where the text says so."""
    notes: tuple[str, ...]
    """Lines that say more about it: hints, details, the rest of a long message."""
    told: bool
    """Whether a line begins as a program begins its complaint: `name: what went wrong`."""
    logged: bool
    """Whether a line begins as lines of a log or of a compiler do: when, who, where."""
    output: bool
    """Whether the text looks like the output of a program rather than like words or a program."""


@dataclass(slots=True)
class _Trace:
    """Where in a text the reader is."""

    raised_at: int | None = None
    """Where the trace began that the exception has not come for."""
    traces: int = 0
    grouped: bool = False
    wrong: bool = False
    """Below `What went wrong:`, up to an empty line."""
    message: bool = False
    """Right below a line whose message stands on the next."""
    long: bool = False
    """Below an exception whose message goes on."""


def read_pasted(text: str) -> Pasted:
    """The error lines, exception types and codes of a text; time grows with its length alone."""
    lines = _ANSI.sub("", text[:LONGEST]).split("\n")[:_LINES]
    found: list[tuple[float, int, str]] = []
    summaries: list[tuple[float, int, str]] = []
    notes: list[str] = []
    causes: list[str] = []
    exceptions: dict[str, None] = {}
    codes: dict[str, None] = {}
    frames = printed = 0
    told = False
    at = _Trace()
    for number, raw in enumerate(lines):
        line = raw[:_LONGEST_LINE].rstrip()
        if not line.strip():
            at.wrong = at.message = at.long = False
            continue
        if at.grouped:
            line = re.sub(r"^\s*[|+](?:-[-+ ]*|(?=\s|$))", "", line)
        indent = len(line) - len(line.lstrip())
        body, grave = _message(line.strip())
        printed += body != line.strip()
        told |= grave
        if "Traceback (most recent call last)" in body:
            at.raised_at, at.traces = indent, at.traces + 1
            at.grouped |= "Exception Group" in body
            continue
        if at.raised_at is not None and (raised := _RAISED.match(body)) and indent == at.raised_at:
            exceptions.setdefault(raised[1])
            at.raised_at, at.long = None, True
            score = 4.0 - 3.0 * ("ExceptionGroup" in raised[1])
            found.append((score, number, body))
            codes.update(dict.fromkeys(match[0] for match in _CODE.finditer(body)))
            continue
        if _FRAME.match(body):
            frames += 1
            continue
        if _AROUND.match(body):
            at.wrong |= body.startswith("* What went wrong")
            frames += body[0].isalpha()
            continue
        score = _GRAVE if grave else 0.0
        if _COMPLAINT.match(body):
            told = True
            score += _GRAVE
        for match in _EXCEPTION.finditer(body):
            exceptions.setdefault(match[1])
            score += 3.0 if match.start() == 0 else 2.0
        for match in _CODE.finditer(body):
            codes.setdefault(match[0])
            score += 0.5
        score += _SIGN.search(body) is not None
        score += 1.0 * at.wrong + 0.5 * (at.wrong and body.startswith("> "))
        score += 2.0 * at.message
        at.message = bool(_NEXT.match(body))
        if cause := _CAUSE.match(body):
            score += 3.0
            causes.append(body)
            at.long = False
        if at.message or (_SUMMARY.search(body) and not cause):
            summaries.append((score, number, body))
            score = 0.0
        elif at.long or (_NOTE.match(body) and not cause):
            notes.append(body)
            score = min(score, 0.0 if at.long else 0.5)
        if score > 0:
            found.append((score, number, body))
    # Interpreters say what went wrong last, compilers first; of causes the last is the root.
    found = found or summaries
    late = (bool(at.traces) and not at.grouped) or len(causes) > 1
    found.sort(key=lambda one: (-one[0], -one[1] if late else one[1]))
    filled = sum(bool(line.strip()) for line in lines)
    strong = bool(found) and (
        found[0][0] >= 3.0 or at.traces > 0 or frames >= 2 or printed >= min(2, filled)
    )
    strong = strong or (told and _output(lines))
    errors = tuple(dict.fromkeys(line for _, _, line in found))[:5]
    return Pasted(
        errors,
        tuple(exceptions)[:10],
        tuple(codes)[:10],
        causes[-1] if causes else errors[1] if at.traces > 1 and len(errors) > 1 else None,
        tuple(notes)[:10],
        told,
        printed > 0,
        strong or (bool(found) and len(found) * 3 >= len(lines) and _output(lines)),
    )


def _message(line: str) -> tuple[str, bool]:
    """The message of a line, and whether what stands before it says that it is grave."""
    grave = False
    for _ in range(_MOST_BEFORE):
        says = _GRAVE_BEFORE.match(line)
        match = says or _BEFORE.match(line)
        if not match:
            break
        line, grave = line[match.end() :], grave or says is not None
    if grave or line[:1] == "[":
        line = _LOGGER.sub("", line, count=1) if _LOGGER.match(line) else line
    return _HELP.sub("", line), grave


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
