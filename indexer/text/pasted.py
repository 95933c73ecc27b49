"""Pasted output to the lines that say what went wrong."""

from __future__ import annotations

import functools
import importlib.resources
import re
from dataclasses import dataclass, field

from indexer.text.alternatives import by_first_letter

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
_FRAME, _AROUND, _NEXT = map(_any, ("frame", "around", "next"))
_NOTE, _COMPLAINT, _CAUSE = map(_any, ("note", "complaint", "cause"))
_SUMMARY = re.compile(by_first_letter(_PATTERNS["summary"]))
# In a line in lower case.
_SIGN = re.compile(
    by_first_letter((f"{sign}(?![a-z])" for sign in _PATTERNS["sign"]), after="[a-z]")
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
    r"\b(?:[A-Z]{1,6}-?\d{3,6}|0x[89A-Fa-f][0-9A-Fa-f]{7}|E(?!RROR|XCEPT|XIT|NABLE)[A-Z]{3,}|SIG[A-Z]{2,7}"
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


# What every exception and every code holds: looking for this first takes a tenth of the time.
_NAMES = re.compile(
    r"Error|Exception|Warning|Fault|Failure|Interrupt|Exit|Panic|panic|PANIC|Traceback"
)
_LIKE_A_CODE = re.compile(r"[A-Z0](?:-?\d{3}|x[89A-Fa-f]|[A-Z]{3}|RR_)")


def may_name(text: str) -> bool:
    """Whether a text may name an exception or a code; where not, `read_pasted` finds none."""
    return bool(_NAMES.search(text) or (_LIKE_A_CODE.search(text) and _CODE.search(text)))


def _codes(text: str) -> list[str]:
    """The codes in a text that cannot be anything else."""
    return _CODE.findall(text) if _LIKE_A_CODE.search(text) else []


@functools.lru_cache(maxsize=500)
def read_pasted(text: str) -> Pasted:
    """The error lines, exception types and codes of a text; time grows with its length alone."""
    lines = _ANSI.sub("", text[:LONGEST]).split("\n")
    if len(lines) > _LINES:
        # Compilers say what went wrong first, builds and interpreters last.
        lines = lines[: _LINES // 2] + lines[-_LINES // 2 :]
    reader = _Reader()
    for number, line in enumerate(lines):
        reader.read(number, line[:_LONGEST_LINE].rstrip())
    return reader.pasted(lines)


_GROUP = re.compile(r"^\s*[|+](?:-[-+ ]*|(?=\s|$))")
_TRACEBACK = "Traceback (most recent call last)"


@dataclass(slots=True)
class _Reader:
    """What was found so far, and where in the text the reader is."""

    found: list[tuple[float, int, str]] = field(default_factory=list)
    summaries: list[tuple[float, int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    exceptions: dict[str, None] = field(default_factory=dict)
    codes: dict[str, None] = field(default_factory=dict)
    frames: int = 0
    printed: int = 0
    told: bool = False
    traces: int = 0
    grouped: bool = False
    raised_at: int | None = None
    """Where the trace began that the exception has not come for."""
    wrong: bool = False
    """Below `What went wrong:`, up to an empty line."""
    message: bool = False
    """Right below a line whose message stands on the next."""
    long: bool = False
    """Below an exception whose message goes on."""

    def read(self, number: int, line: str) -> None:
        """Takes in the next line."""
        if not line.strip():
            self.wrong = self.message = self.long = False
            return
        if self.grouped:
            line = _GROUP.sub("", line)
        indent = len(line) - len(line.lstrip())
        whole = line.strip()
        body, grave = _message(whole)
        self.printed += body != whole
        self.told |= grave
        if _TRACEBACK in body:
            self.raised_at, self.traces = indent, self.traces + 1
            self.grouped |= "Exception Group" in body
        elif indent == self.raised_at and (raised := _RAISED.match(body)):
            self.exceptions.setdefault(raised[1])
            self.raised_at, self.long = None, True
            self.codes.update(dict.fromkeys(_codes(body)))
            self.found.append((1.0 if "ExceptionGroup" in raised[1] else 4.0, number, body))
        elif _FRAME.match(body):
            self.frames += 1
        elif _AROUND.match(body):
            self.wrong |= body.startswith("* What went wrong")
            self.frames += body[0].isalpha()
        else:
            self._weigh(number, body, _GRAVE if grave else 0.0)

    def _weigh(self, number: int, body: str, score: float) -> None:
        """Takes in a message: an error line, a summary or a note."""
        if _COMPLAINT.match(body):
            self.told = True
            score += _GRAVE
        for match in _EXCEPTION.finditer(body) if _NAMES.search(body) else ():
            self.exceptions.setdefault(match[1])
            score += 3.0 if match.start() == 0 else 2.0
        for code in _codes(body):
            self.codes.setdefault(code)
            score += 0.5
        score += _SIGN.search(body.lower()) is not None
        score += 1.0 * self.wrong + 0.5 * (self.wrong and body.startswith("> "))
        score += 2.0 * self.message
        self.message = bool(_NEXT.match(body))
        if cause := _CAUSE.match(body):
            score += 3.0
            self.causes.append(body)
            self.long = False
        if self.message or (_SUMMARY.search(body) and not cause):
            self.summaries.append((score, number, body))
            return
        if self.long or (_NOTE.match(body) and not cause):
            self.notes.append(body)
            score = min(score, 0.0 if self.long else 0.5)
        if score > 0:
            self.found.append((score, number, body))

    def pasted(self, lines: list[str]) -> Pasted:
        """What all the lines were read as."""
        # Interpreters say what went wrong last, compilers first; of causes the last is the root.
        late = (bool(self.traces) and not self.grouped) or len(self.causes) > 1
        found = sorted(
            self.found or self.summaries, key=lambda one: (-one[0], -one[1] if late else one[1])
        )
        errors = tuple(dict.fromkeys(line for _, _, line in found))[:5]
        first = errors[1] if self.traces > 1 and len(errors) > 1 else None
        return Pasted(
            errors,
            tuple(self.exceptions)[:10],
            tuple(self.codes)[:10],
            self.causes[-1] if self.causes else first,
            tuple(self.notes)[:10],
            self.told,
            self.printed > 0,
            self._is_output(found, lines),
        )

    def _is_output(self, found: list[tuple[float, int, str]], lines: list[str]) -> bool:
        filled = sum(bool(line.strip()) for line in lines)
        if found and (
            found[0][0] >= 3.0 or self.traces or self.frames >= 2 or self.printed >= min(2, filled)
        ):
            return True
        return (self.told or (bool(found) and len(found) * 3 >= len(lines))) and _output(lines)


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
    return _HELP.sub("", line) if "[Help" in line else line, grave


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
    found = _codes(text)
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
        if pasted.cause is not None:
            found.setdefault(pasted.cause, "cause")
    for name in pasted.exceptions:
        found.setdefault(name, "exception")
    for code in pasted.codes:
        found.setdefault(code, "code")
    for match in _IDENTIFIER.finditer("\n".join(pasted.errors) if pasted.output else question):
        found.setdefault(match[0], "identifier")
    return tuple(found.items())[:12]
