"""Redaction: a text without what its writer would not want kept."""

from __future__ import annotations

import re

LEFT_OUT = "…"

# The name of something secret, and what stands between it and its value.
_NAMES = (
    r"(?:(?:[a-z0-9]{1,20}[_-]){0,3}(?:password|passwd|passphrase|pass|pwd|secret|token|api[_-]?key|apikey"
    r"|access[_-]?key|secret[_-]?key|account[_-]?key|private[_-]?key|client[_-]?secret|auth)"
    r"(?:[_-](?:id|key|base))?|(?:set-)?cookie|密码|口令|密钥|密碼|金鑰)"
)
# What is said of a secret instead of it: `using password: YES`, `Unexpected token: identifier`.
_SAID_OF_IT = (
    r"(?!(?:yes|no|true|false|null|none|required|is|was|not|incorrect|invalid|expired|wrong|missing"
    r"|identifier|string|eof|end|unexpected|authentication|expected|for|of|in|at|and|or|the)\b)"
)
_VALUE = r"(?:\\?\"[^\"\n]{1,500}?\\?\"|'[^'\n]{1,500}'|[^\s\"'<>,;&\\…]{1,500})"
_RULES = tuple(
    (re.compile(pattern, re.I | re.S), left)
    for pattern, left in (
        (
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----.{0,20000}?"
            r"(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
            LEFT_OUT,
        ),
        # Whatever the scheme, what follows an Authorization header is secret; so is every cookie.
        (
            r"(?P<name>\bauthorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:[a-z]{3,12} )?)"
            r"[\w.~+/=:-]{3,4000}",
            rf"\g<name>{LEFT_OUT}",
        ),
        (r"(?P<name>\b(?:set-)?cookie:[ ]{0,3})[^\n\"']{1,4000}", rf"\g<name>{LEFT_OUT}"),
        (rf"(?P<name><{_NAMES}>)[^<\n]{{1,500}}", rf"\g<name>{LEFT_OUT}"),
        (
            rf"(?P<name>(?<![a-z]){_NAMES}\\?[\"']?\s{{0,3}}(?:=>|[=:：]|是)\s{{0,3}}){_SAID_OF_IT}"
            rf"(?P<mark>\\?[\"']?){_VALUE}",
            rf"\g<name>\g<mark>{LEFT_OUT}",
        ),
        # On a command line, in a netrc, in a Dockerfile.
        (rf"(?P<name>(?<!\S)--{_NAMES}[ =]){_VALUE}", rf"\g<name>{LEFT_OUT}"),
        (r"(?P<name>\b(?:mysql(?:dump|admin)?|sshpass)\b[^\n|;]{0,200}? -p ?)[^\s\"'-]\S{0,200}",
         rf"\g<name>{LEFT_OUT}"),
        (r"(?P<name>\bcurl\b[^\n|;]{0,200}? (?:-u|--user)[ =]?)\S{1,200}:\S{1,200}",
         rf"\g<name>{LEFT_OUT}"),
        (rf"(?P<name>\b(?:ENV|ARG)\s+{_NAMES}\s+)\S{{1,500}}", rf"\g<name>{LEFT_OUT}"),
        (r"(?P<name>\blogin\s+\S{1,100}\s+password\s+)\S{1,200}", rf"\g<name>{LEFT_OUT}"),
        (r"\b(?P<name>bearer|basic)\s+(?=[\w.~+/=-]{0,4000}[\d=])[\w.~+/=-]{8,4000}",
         rf"\g<name> {LEFT_OUT}"),
        # A person and a password before a host.
        (
            r"(?P<name>\b[a-z][a-z0-9+.-]{1,20}://)[^\s/@:]{0,100}:[^\s/@]{1,200}@",
            rf"\g<name>{LEFT_OUT}@",
        ),
        (r"(?P<name>[?&](?:sig|signature|x-amz-signature|key|code)=)[\w%.~+/=-]{8,2000}",
         rf"\g<name>{LEFT_OUT}"),
        (r"\beyJ[\w-]{8,2000}\.[\w-]{8,4000}(?:\.[\w-]{0,2000})?", LEFT_OUT),
        (
            r"\b(?:gh[opsur]_|github_pat_|glpat-|sk-|sk_|pk-|pk_|rk-|rk_|whsec_|xox[abprs]-|AKIA|ASIA"
            r"|AIza|ya29\.|hf_|npm_|pypi-|dop_v1_|SG\.|shpat_|dckr_pat_)[\w.-]{12,300}",
            LEFT_OUT,
        ),
        (r"\b\d{8,10}:[\w-]{35}\b", LEFT_OUT),
        # Long and of mixed kinds, and no path.
        (
            r"(?<![\w/.+])(?=[0-9a-z+/]{0,80}\d)(?=[0-9a-z+/]{0,80}[a-z])(?=[0-9a-z+/]{0,40}[0-9a-z+]{20})"
            r"(?![0-9a-f]{40}\b)[0-9a-z+][0-9a-z+/]{39,4000}={0,2}(?![\w/.+])",
            LEFT_OUT,
        ),
        (r"\b[0-9a-f]{32}\b|\b[0-9a-f]{64,128}\b", LEFT_OUT),
        (
            r"\b[\w.+-]{1,64}@(?!\d+\.\d)[\w-]{1,63}(?:\.[\w-]{1,63}){0,4}\.[a-z]{2,24}\b",
            f"{LEFT_OUT}@{LEFT_OUT}",
        ),
        (r"(?m:^)[\w.-]{1,32}@[\w.-]{1,64}(?=:[~/])", f"{LEFT_OUT}@{LEFT_OUT}"),
        (r"(?P<name>(?:/|%2F)(?:home|Users)(?:/|%2F))[^/\s:\"'%]{1,64}", rf"\g<name>{LEFT_OUT}"),
        # A name with blanks in it ends at the next part of the path.
        (
            r"(?P<name>\b[a-z]:(?:\\{1,2}|/)(?:Users|Documents and Settings)(?:\\{1,2}|/))"
            r"(?:[^\\/\n:\"'<>|]{1,64}(?=[\\/])|[^\\/\s:\"'<>|]{1,64})",
            rf"\g<name>{LEFT_OUT}",
        ),
    )
)  # fmt: skip


def redact(text: str) -> str:
    """The text with homes, e-mail addresses, passwords, tokens and keys replaced by `…`."""
    for pattern, left in _RULES:
        text = re.sub(pattern, left, text)
    return text
