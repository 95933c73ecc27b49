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
    ],
)
def test_an_error_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "text", ["a" * 200_000, "/home/" * 40_000, "a@" * 60_000, "password=" * 20_000]
)
def test_hostile_texts_are_read_in_one_pass(text: str) -> None:
    assert isinstance(redact(text), str)
