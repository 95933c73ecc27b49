"""Redaction: what nobody wants kept is left out, the error stays."""

from __future__ import annotations

import pytest

from indexer import redact


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("No such file: /home/alice/app/main.py", "No such file: /home/…/app/main.py"),
        ('File "/Users/bob.smith/x.py", line 3', 'File "/Users/…/x.py", line 3'),
        (r"C:\Users\Carol\app.exe failed", r"C:\Users\…\app.exe failed"),
        ("mail to dave@example.co.uk bounced", "mail to …@… bounced"),
        ("password=hunter2 rejected", "password=… rejected"),
        ('{"api_key": "abc123", "x": 1}', '{"api_key": "…", "x": 1}'),
        ("密码：secret1 错误", "密码：… 错误"),
        ("Authorization: Bearer abcdef123456", "Authorization: Bearer …"),
        ("git clone https://me:s3cret@git.example/x", "git clone https://…@git.example/x"),
        ("token ghp_0123456789abcdefABCDEF expired", "token … expired"),
        ("key AKIA0123456789ABCDEF denied", "key … denied"),
        ("jwt eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2ln is invalid", "jwt … is invalid"),
        ("digest 0123456789abcdef0123456789abcdef", "digest …"),
        (
            r"FileNotFoundError: 'C:\\Users\\Carol\\x.csv'",
            r"FileNotFoundError: 'C:\\Users\\…\\x.csv'",
        ),
        (r"C:\Users\Carol Smith\app.exe failed", r"C:\Users\…\app.exe failed"),
        ("SECRET_KEY='django-insecure-abc' is short", "SECRET_KEY='…' is short"),
        ("DB_PASS=hunter2 ./run", "DB_PASS=… ./run"),
        ("redis://:s3cret@cache:6379 refused", "redis://…@cache:6379 refused"),
        ("<password>hunter2</password>", "<password>…</password>"),
        (r"{\"password\": \"hunter2\"}", r"{\"password\": \"…\"}"),
        ("Authorization: Token abc123", "Authorization: Token …"),
        ("Cookie: a=1; session=abc", "Cookie: …"),
        ("tool --password hunter2 --verbose", "tool --password … --verbose"),
        ("mysql -u root -phunter2 shop", "mysql -u root -p… shop"),
        ("curl -u alice:hunter2 https://x.example", "curl -u … https://x.example"),
        ("machine x login alice password hunter2", "machine x login alice password …"),
        ("ENV NPM_TOKEN abcdef", "ENV NPM_TOKEN …"),
        ("密码是hunter2", "密码是…"),
        ("sk_live_0123456789abcdef0123 declined", "… declined"),
        ("https://x.example/b?sv=1&sig=abc%2Fdef0123", "https://x.example/b?sv=1&sig=…"),
        ("alice@build-7:~$ make", "…@…:~$ make"),
        ("file:%2Fhome%2Falice%2Fx", "file:%2Fhome%2F…%2Fx"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nerror",
            "…\nerror",
        ),
    ],
)
def test_secrets_are_left_out(text: str, kept: str) -> None:
    assert redact(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "ValueError: Attempt to have a second RNNCell use the weights of a variable scope",
        "ORA-00942: table or view does not exist",
        "0x80070005 E_ACCESSDENIED at System.Runtime.InteropServices.Marshal",
        "两个 RNNCell 变量作用域 报错",
        "error[E0502]: cannot borrow `v` as mutable",
        "Access denied for user 'root'@'localhost' (using password: YES)",
        "SyntaxError: Unexpected token: identifier (foo)",
        "Basic authentication failed; Visual Basic application stopped",
        "peer react@18.2.0 from react-dom@18.2.0",
        "/usr/lib/python3/dist-packages/pip/_internal/commands/install/__init__py3/x1 not found",
        "error: commit 0123456789abcdef0123456789abcdef01234567 is a merge",
        "password is required; token expired",
    ],
)
def test_an_error_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "/home/" * 40_000,
        "a@" * 60_000,
        "password=" * 20_000,
        "a-" * 100_000,
        "mysql " * 30_000,
        "0a+/" * 50_000,
        "C:\\Users\\" * 20_000,
    ],
)
def test_hostile_texts_are_read_in_one_pass(text: str) -> None:
    assert isinstance(redact(text), str)
