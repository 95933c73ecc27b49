"""Colours: code in pieces, each of a kind that has a colour."""

from __future__ import annotations

import itertools
import re
import time
from functools import cache, lru_cache
from operator import itemgetter

from pygments.lexers import get_all_lexers, get_lexer_by_name
from pygments.token import Comment, Generic, Keyword, Literal, Name, Operator, _TokenType

# Lexers that stay fast within the bounds below on 1,500 hostile texts each. Many others take
# quadratic time, and some never end.
_LEXERS = frozenset(
    ("ApacheConf", "Awk", "Bash", "Bash Session", "Batchfile", "C", "C#", "C++", "Clojure",
     "CMake", "CSS", "Dart", "Diff", "Docker", "Elixir", "Erlang", "Fish", "Go", "GraphQL",
     "Groovy", "Haskell", "HTML", "INI", "Java", "JavaScript", "JSON", "JSX", "Julia", "Kotlin",
     "Lua", "Makefile", "Markdown", "MySQL", "Nginx configuration file", "Nix", "Objective-C",
     "Perl", "PHP", "PostgreSQL SQL dialect", "PowerShell", "PromQL", "Properties",
     "Protocol Buffer", "Python", "Python console session", "Python Traceback", "Ruby", "Rust",
     "S", "Sass", "SCSS", "SQL", "Swift", "Terraform", "TeX", "TOML", "TSX", "TypeScript", "VimL",
     "Vue", "XML", "YAML")
)  # fmt: skip
_ALIASES = {
    alias: aliases[0]
    for name, aliases, _, _ in get_all_lexers(plugins=False)
    if name in _LEXERS
    for alias in aliases
}
# Characters. The slow lexers read the whole text before the first token, or need quadratic time for
# one token: up to 2.4 s for 10,000 characters, under .06 s for 2,000.
_LONGEST, _LONGEST_OF_SLOW = 10_000, 2_000
_SLOW = frozenset(("console", "ini", "promql", "pycon", "ruby", "terraform"))
# On a long run of one kind of character some lexers need cubic time for a single token.
_LONG_RUN = re.compile(r"\w{200}|\s{200}|[^\w\s]{200}")
# Seconds of CPU time; past these the text gets no colours. A pass of the garbage collector counts,
# too: in a large process it takes more than .1 s.
_COLOURING = 0.5

# What has a colour, the first that holds: keys, strings, numbers and kinds, names, comments.
_COLOURS = (
    (Comment, "c"), (Generic.Prompt, "c"), (Keyword.Type, "m"), (Keyword, "k"),
    (Operator.Word, "k"), (Name.Tag, "k"), (Literal.String, "s"), (Literal.Number, "m"),
    (Name.Constant, "m"), (Name.Builtin.Pseudo, "n"), (Name.Builtin, "m"), (Name.Function, "n"),
    (Name.Class, "n"), (Name.Namespace, "n"), (Name.Attribute, "n"), (Name.Variable, "n"),
    (Name.Exception, "n"),
)  # fmt: skip


@lru_cache(maxsize=500)
def spans(code: str, language: str) -> tuple[tuple[str, str], ...]:
    """Code in pieces, each with the class of its colour or ""; together they are the code."""
    plain = (("", code),)
    alias = _ALIASES.get(language.lower())
    longest = _LONGEST_OF_SLOW if alias in _SLOW else _LONGEST
    if alias is None or len(code) > longest or _LONG_RUN.search(code):
        return plain
    coloured = []
    # The last is for Markdown, which else takes any lexer that a fence inside names.
    lexer = get_lexer_by_name(alias, stripnl=False, ensurenl=False, handlecodeblocks=False)
    until = time.thread_time() + _COLOURING
    for kind, text in lexer.get_tokens(code):
        coloured.append((_colour(kind), text))
        if len(coloured) > len(code) or time.thread_time() > until:
            return plain
    found = tuple(
        (colour, "".join(text for _, text in run))
        for colour, run in itertools.groupby(coloured, key=itemgetter(0))
    )
    # Lexers drop a byte order mark and rewrite line ends: then colours are not worth it.
    return found if "".join(text for _, text in found) == code else plain


@cache
def _colour(token: _TokenType) -> str:
    return next((colour for kind, colour in _COLOURS if token[: len(kind)] == kind), "")
