"""Every word of the interface, in English, Simplified and Traditional Chinese."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from flask import Request

LANGUAGES = {"en": "English", "zh": "简体中文", "zh-Hant": "繁體中文"}
COOKIE = "fixdex-language"


@cache
def _catalogue() -> dict[str, dict[str, str]]:
    file = Path(__file__).parent / "texts.json"
    found: dict[str, dict[str, str]] = json.loads(file.read_text("utf-8"))
    return found


def texts(language: str) -> dict[str, str]:
    """The words of the interface in a language."""
    return {name: words[language] for name, words in _catalogue().items()}


def choose_language(request: Request, setting: str = "") -> str:
    """The language of the pages, one of LANGUAGES: chosen, set, or the browser's."""
    chosen = request.cookies.get(COOKIE, "") or setting
    if chosen in LANGUAGES:
        return chosen
    for wanted, _ in request.accept_languages:
        wanted = wanted.lower()
        if wanted.startswith("zh"):
            traditional = ("hant", "tw", "hk", "mo")
            return "zh-Hant" if any(part in wanted for part in traditional) else "zh"
        if wanted.startswith("en"):
            return "en"
    return "en"
