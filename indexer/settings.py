"""Settings: name, default, one sentence; from fixdex.yaml, then FIXDEX_…, then options."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

FILE = "fixdex.yaml"


class SettingsError(ValueError):
    """A setting that cannot be used; the message names where it stands and what it may be."""


def _setting(default: Any, sentence: str) -> Any:
    if isinstance(default, tuple):
        return field(default_factory=lambda: default, metadata={"sentence": sentence})
    return field(default=default, metadata={"sentence": sentence})


@dataclass(frozen=True)
class Settings:
    """What an owner can choose. A later source wins over an earlier one."""

    title: str = _setting("Fixdex", "Name shown on the pages.")
    drafts: bool = _setting(False, "Also index drafts (`draft: true`, `_drafts/`).")
    permalink: str = _setting(
        "",
        "Address of a post on your own site, with `{path}`, `{folder}`, `{stem}`, `{slug}` (the "
        "stem without its date), `{year}`, `{month}`, `{day}`.",
    )
    host: str = _setting("127.0.0.1", "Address to listen on.")
    port: int = _setting(8000, "Port to listen on; 0 takes a free one.")
    jobs: int = _setting(0, "Processes that read posts; 0 means one per core.")
    cache_mb: int = _setting(48, "Megabytes of postings that a process keeps ready for questions.")
    allowed_origins: tuple[str, ...] = _setting(
        (), "Sites whose pages may ask (chat widget), e.g. `https://blog.example.com`."
    )
    rate_limit: str = _setting("120", "Questions a visitor may ask per minute, or `off`.")
    site_rate_limit: str = _setting("off", "Questions all visitors may ask per minute, or `off`.")
    trusted_proxy: str = _setting(
        "127.0.0.1",
        "Address of the web server in front, which says for whom it asks; `*`: any address.",
    )
    path_prefix: str = _setting("", "Path the site lives under behind a proxy, e.g. `/kb`.")
    allowed_hosts: tuple[str, ...] = _setting(
        (), "Names the site answers to, e.g. `kb.example.com`; none given, any on this computer."
    )
    language: str = _setting("", "Language of the pages: en, zh or zh-Hant; else the browser's.")
    log: str = _setting(
        "off",
        "A line per request on standard error, as `text` or `json`; `off`: only those that fail.",
    )
    asked: str = _setting(
        "", "File that keeps what was asked, redacted (SQLite); empty: nothing is kept."
    )
    report_token: str = _setting("", "Secret that opens the page of what was asked, `/report`.")


def load_settings(
    folder: Path, environment: Mapping[str, str] | None = None, **options: Any
) -> Settings:
    """The settings for a folder of posts; an option that is None was not given.

    Raises SettingsError with the file or variable, the key, and what was expected.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    known = {f.name: f for f in fields(Settings)}
    for name, value in _read_file(folder / FILE).items():
        name = str(name).replace("-", "_")
        if name not in known:
            raise SettingsError(
                f"{folder / FILE}: there is no setting {name!r}; known are {', '.join(known)}"
            )
        values[name] = _convert(name, value, f"{folder / FILE}: {name}", folder)
    for name in known:
        variable = f"FIXDEX_{name.upper()}"
        if variable in environment:
            values[name] = _convert(name, environment[variable], variable, Path.cwd())
    for name, value in options.items():
        if value is not None:
            values[name] = _convert(name, value, f"--{name.replace('_', '-')}", Path.cwd())
    return Settings(**values)


def _read_file(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise SettingsError(f"{path} cannot be read as YAML: {reason}") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise SettingsError(f"{path}: expected lines of the form `name: value`")
    return data


_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0", ""}


def _convert(name: str, value: Any, where: str, folder: Path) -> Any:
    """The value of a setting; a file is named from `folder`. Raises SettingsError."""
    default = getattr(Settings(), name)
    if isinstance(default, bool):
        text = str(value).strip().lower()
        if text not in _TRUE | _FALSE:
            raise SettingsError(f"{where}: expected true or false, not {value!r}")
        return text in _TRUE
    if isinstance(default, int):
        low, high = _RANGES[name]
        text = str(value).strip()
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise SettingsError(
                f"{where}: expected a whole number from {low} to {high}, not {value!r}"
            )
        return int(text)
    if isinstance(default, tuple):
        items = value if isinstance(value, (list, tuple)) else str(value).split(",")
        # As browsers send them: without a slash at the end, in lower case.
        return tuple(item for item in (str(i).strip().rstrip("/").lower() for i in items) if item)
    if name in ("rate_limit", "site_rate_limit", "log"):
        # YAML 1.1 reads a bare `off` as false.
        value = "off" if value is False else str(value).lower()
    if not isinstance(value, str | int | float):
        raise SettingsError(f"{where}: expected a text, not {value!r}")
    text = str(value).strip()
    if name == "asked" and text:
        return str(folder.absolute() / Path(text).expanduser())
    if name in _SHAPES:
        shape, expected = _SHAPES[name]
        if not shape.fullmatch(text):
            raise SettingsError(f"{where}: expected {expected}, not {value!r}")
    return text


_RANGES = {"port": (0, 65535), "jobs": (0, 1024), "cache_mb": (0, 65536)}
_LIMIT = (re.compile(r"off|[1-9][0-9]{0,8}"), "a whole number above 0 or off")
_SHAPES = {
    "rate_limit": _LIMIT,
    "site_rate_limit": _LIMIT,
    "permalink": (
        re.compile(
            r"(?:(?:https?://[^\s{}]+|/)(?:[^\s{}]|\{(?:path|folder|stem|slug|year|month|day)\})*)?"
        ),
        "an address such as https://example.com/{slug}/ with {path}, {folder}, {stem}, {slug}, "
        "{year}, {month} or {day}",
    ),
    "log": (re.compile(r"off|text|json"), "off, text or json"),
    "language": (re.compile(r"|en|zh|zh-Hant"), "en, zh or zh-Hant"),
    "path_prefix": (re.compile(r"/?(?:[\w.~-]+(?:/[\w.~-]+)*)?/?", re.ASCII), "a path such as /kb"),
}
