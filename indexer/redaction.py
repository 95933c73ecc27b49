"""Redaction: a text without what its writer would not want kept."""

from __future__ import annotations

import re

LEFT_OUT = "…"

# A name, then what is secret: `password=hunter2`, `Authorization: Bearer …`, `"api_key": "…"`.
_NAMED = (
    r"(?P<name>(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key"
    r"|private[_-]?key|client[_-]?secret|authorization|cookie|密码|口令|密钥|密碼)[\"']?\s*(?:=|:|：|=>)\s*[\"']?"
    r"(?:bearer |basic )?)[^\s\"',;&]{1,500}"
)
_RULES = tuple(
    (re.compile(pattern, re.I | re.S), left)
    for pattern, left in (
        (
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.{0,20000}?"
            r"(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)",
            LEFT_OUT,
        ),
        (_NAMED, rf"\g<name>{LEFT_OUT}"),
        (r"\b(?P<name>bearer|basic)\s+[\w.~+/=-]{8,4000}", rf"\g<name> {LEFT_OUT}"),
        # A person and a password before a host.
        (
            r"(?P<name>\b[a-z][a-z0-9+.-]{1,20}://)[^\s/@:]{1,100}:[^\s/@]{1,200}@",
            rf"\g<name>{LEFT_OUT}@",
        ),
        (r"\beyJ[\w-]{8,2000}\.[\w-]{8,4000}(?:\.[\w-]{0,2000})?", LEFT_OUT),
        (
            r"\b(?:gh[opsur]_|github_pat_|glpat-|sk-|pk-|rk-|xox[abprs]-|AKIA|ASIA|AIza|ya29\."
            r"|hf_|npm_|pypi-)[\w-]{12,300}",
            LEFT_OUT,
        ),
        (r"\b(?=[0-9a-z+/]{0,80}\d)(?=[0-9a-z+/]{0,80}[a-z])[0-9a-z+/]{40,4000}={0,2}", LEFT_OUT),
        (r"\b[0-9a-f]{32,128}\b", LEFT_OUT),
        (r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}\b", f"{LEFT_OUT}@{LEFT_OUT}"),
        (r"(?P<name>/(?:home|Users)/)[^/\s:\"']{1,64}", rf"\g<name>{LEFT_OUT}"),
        (
            r"(?P<name>\b[a-z]:\\(?:Users|Documents and Settings)\\)[^\\\s:\"']{1,64}",
            rf"\g<name>{LEFT_OUT}",
        ),
    )
)  # fmt: skip


def redact(text: str) -> str:
    """The text with homes, e-mail addresses, passwords, tokens and keys replaced by `…`."""
    for pattern, left in _RULES:
        text = re.sub(pattern, left, text)
    return text
