"""Every word of the interface, in English, Simplified and Traditional Chinese."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from flask import Request

LANGUAGES = ("en", "zh", "zh-Hant")


@cache
def _catalogue() -> dict[str, dict[str, str]]:
    file = Path(__file__).parent / "texts.json"
    found: dict[str, dict[str, str]] = json.loads(file.read_text("utf-8"))
    return found


def texts(language: str) -> dict[str, str]:
    """The words of the interface in a language."""
    return {name: words[language] for name, words in _catalogue().items()}


def choose_language(request: Request) -> str:
    """The language a browser asks for, as one of LANGUAGES."""
    for wanted, _ in request.accept_languages:
        wanted = wanted.lower()
        if wanted.startswith("zh"):
            traditional = ("hant", "tw", "hk", "mo")
            return "zh-Hant" if any(part in wanted for part in traditional) else "zh"
        if wanted.startswith("en"):
            return "en"
    return "en"
