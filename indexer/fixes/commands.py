"""Commands: what was typed in a transcript of a terminal, and what a command is good for."""

from __future__ import annotations

import functools
import importlib.resources
import re

import yaml

_MANY_LINES, _MANY_COMMANDS = 400, 8
# `[root@db1 ~]#`, `(venv) $`, `me@host:~$`, `$`, `➜  ~`, `PS C:\>`, `C:\>`, `mysql>`.
# A bare `#` may be a comment.
_PROMPT = re.compile(
    r"\s{0,8}(?:\[[^\]\n]{0,60}@[^\]\n]{0,60}\][\s~\w/.-]{0,20}[#$]|\([\w.-]{1,40}\)\s?[$#>]"
    r"|[\w.-]{1,40}@[\w.-]{1,60}[^\n#$%>]{0,60}[#$%>]"
    r"|➜  \S{1,60}(?: git:\([^)\n]{1,60}\)(?: ✗)?)?|[$%➜❯]"
    r"|PS [^\n>]{0,120}>|[A-Z]:\\[^>\n]{0,120}>|mysql>|MariaDB \[[^\]\n]{0,40}\]>)\s+"
)
_CHANGES = re.compile(
    r">\s*\S|\|\s*(?:sudo\s+)?(?:tee|xargs|sh|bash)\b|-exec\b|-delete\b|&&|;\s*\S"
)
_WHERE = re.compile(r"\s(?:-n|--namespace|--context)[ =]\S+")
_BEFORE = re.compile(r"^(?:[$#>%]\s+)?(?:sudo\s+(?:-\w+\s+)*)?")


def typed(text: str) -> tuple[tuple[int, str], ...]:
    """What was typed in a transcript, or nothing where it is none: (line from 0, command).

    Commands are verbatim, without the prompts. A transcript holds what they printed, too.
    """
    lines = [(at, line) for at, line in enumerate(text.split("\n")[:_MANY_LINES]) if line.strip()]
    commands = [
        (at, line[match.end() :].strip()) for at, line in lines if (match := _PROMPT.match(line))
    ]
    return tuple(one for one in commands if one[1]) if len(commands) < len(lines) else ()


def only_look(code: str) -> bool:
    """Whether all commands of a code only show how things are: `cat …`, `git status`."""
    acting = _acting(_commands(code))
    return 0 < len(acting) <= _MANY_COMMANDS and all(map(_looks, acting))


def only_prepare(code: str) -> bool:
    """Whether all commands of a code only go somewhere, open a file, stop or start something."""
    commands = _commands(code)
    acting = _acting(commands)
    return 0 < len(commands) <= _MANY_COMMANDS and all(map(_restarts, acting))


def _commands(code: str) -> list[str]:
    lines = [command for _, command in typed(code)]
    if not lines:
        stripped = map(str.strip, code.split("\n"))
        lines = [line for line in stripped if line and not line.startswith(("# ", "//", "-- "))]
    return [command for line in lines if (command := _BEFORE.sub("", line).lower())]


def _acting(commands: list[str]) -> list[str]:
    around = _words()["around"]
    return [one for one in commands if one.split()[0].rstrip(";") not in around]


@functools.lru_cache(maxsize=4096)
def _looks(command: str) -> bool:
    words = _words()
    program, *rest = _WHERE.sub("", command.rstrip("; ")).split()
    if rest and rest[0] == "-c" and "print(" in command:
        return True
    if _CHANGES.search(command):
        return False
    if program in words["shows"] or program.startswith("get-"):
        return True
    if not rest or program in words["acts"]:
        return False
    asked = rest[1] if len(rest) > 1 and rest[0] in words["kinds"] else rest[0]
    return asked in words["asks"] or asked.startswith("list")


@functools.lru_cache(maxsize=4096)
def _restarts(command: str) -> bool:
    return not _words()["restarts"].isdisjoint(command.rstrip("; ").split()[:3])


@functools.cache
def _words() -> dict[str, frozenset[str]]:
    text = (importlib.resources.files("indexer") / "data" / "commands.yaml").read_text("utf-8")
    return {kind: frozenset(words.split()) for kind, words in yaml.safe_load(text).items()}
