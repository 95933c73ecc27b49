"""Settings: name, default, one sentence, and who may set it.

They come from fixdex.yaml beside the posts, the user's own file, FIXDEX_… and options, the later
wins. The first of these may be somebody else's: it sets only what cannot hurt.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from indexer.user_folders import config_folder, home

FILE = "fixdex.yaml"


class SettingsError(ValueError):
    """A setting that cannot be used; the message names where it stands and what it may be."""


def _setting(default: Any, sentence: str, *, harmless: bool = False) -> Any:
    """A setting; one that is `harmless` may be set by whoever wrote the posts."""
    metadata = {"sentence": sentence, "harmless": harmless}
    if isinstance(default, tuple):
        return field(default_factory=lambda: default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """What an owner can choose. A later source wins over an earlier one."""

    title: str = _setting("Fixdex", "Name shown on the pages.", harmless=True)
    drafts: bool = _setting(False, "Also index drafts (`draft: true`, `_drafts/`).", harmless=True)
    permalink: str = _setting(
        "",
        "Address of a post on your own site, with `{path}`, `{folder}`, `{stem}`, `{slug}` (the "
        "stem without its date), `{year}`, `{month}`, `{day}`.",
        harmless=True,
    )
    host: str = _setting("127.0.0.1", "Address to listen on.")
    port: int = _setting(8000, "Port to listen on; 0 takes a free one.")
    jobs: int = _setting(0, "Processes that read posts; 0 means one per core.")
    read_seconds: int = _setting(
        10, "Seconds that reading a post may take; past these it is indexed as plain text."
    )
    trust_index: bool = _setting(False, "Also open an index that another user may have written.")
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
    language: str = _setting(
        "", "Language of the pages: en, zh or zh-Hant; else the browser's.", harmless=True
    )
    log: str = _setting(
        "off",
        "A line per request on standard error, as `text` or `json`; `off`: only those that fail.",
    )
    asked: str = _setting(
        "", "File that keeps what was asked, redacted (SQLite); empty: nothing is kept."
    )
    report_token: str = _setting("", "Secret that opens the page of what was asked, `/report`.")


def load_settings(
    folder: Path,
    environment: Mapping[str, str] | None = None,
    tell: Callable[[str], object] = lambda _: None,
    **options: Any,
) -> Settings:
    """The settings for a folder of posts; an option that is None was not given.

    The file beside the posts may come from anybody: what it sets that could hurt is ignored, and
    a sentence for `tell`. Raises SettingsError with the file or variable, the key, and what was
    expected.
    """
    environment = os.environ if environment is None else environment
    beside, own = folder / FILE, own_file()
    values = _of_posts(beside, own, tell)
    if own is not None:
        general = _read_file(own)
        sections = general.pop(_FOLDERS, None)
        values |= _convert_all(_known(general, own), str(own), own.parent)
        values |= _of_section(sections, folder, own)
    for name in _NAMES:
        variable = f"FIXDEX_{name.upper()}"
        if variable in environment:
            values[name] = _convert(name, environment[variable], variable, Path.cwd())
    for name, value in options.items():
        if value is not None:
            values[name] = _convert(name, value, f"--{name.replace('_', '-')}", Path.cwd())
    return Settings(**values)


def own_file() -> Path | None:
    """The file of the settings of this user, for all folders; None where there is no home."""
    folder = config_folder()
    return folder / "settings.yaml" if folder is not None else None


# Settings of single folders, in the user's own file: a folder, and below it its settings.
_FOLDERS = "folders"


def _of_posts(file: Path, own: Path | None, tell: Callable[[str], object]) -> dict[str, Any]:
    """What the file beside the posts sets; it tells which settings are not that file's to set."""
    if file.is_symlink() and not _is_inside(file):
        tell(f"{file} leads out of the folder and is ignored")
        return {}
    found = _known(_read_file(file), file)
    ignored = [name for name in found if not _NAMES[name].metadata["harmless"]]
    if ignored:
        tell(
            f"{file}: {', '.join(ignored)} ignored, as posts may come from anybody; "
            f"set it in {own}, by FIXDEX_{ignored[0].upper()} or as an option"
        )
    return _convert_all(
        {name: value for name, value in found.items() if name not in ignored},
        str(file),
        file.parent,
    )


def _is_inside(file: Path) -> bool:
    try:
        return file.resolve().is_relative_to(file.parent.resolve())
    except (OSError, RuntimeError):
        return False


def _of_section(sections: Any, folder: Path, own: Path) -> dict[str, Any]:
    """What the user's own file sets for one folder of posts."""
    where = f"{own}: {_FOLDERS}"
    values: dict[str, Any] = {}
    for name, section in _lines(sections, where).items():
        if _is_folder(str(name), folder):
            of_folder = f"{where}: {name}"
            found = _known(_lines(section, of_folder), of_folder)
            values |= _convert_all(found, of_folder, own.parent)
    return values


def _is_folder(named: str, folder: Path) -> bool:
    above, _, below = named.partition("/")
    if above == "~":
        named = str((home() or Path("~")) / below)
    return os.path.realpath(named) == os.path.realpath(folder)


def _convert_all(found: Mapping[str, Any], where: str, folder: Path) -> dict[str, Any]:
    return {
        name: _convert(name, value, f"{where}: {name}", folder) for name, value in found.items()
    }


def _known(found: Mapping[Any, Any], where: Path | str) -> dict[str, Any]:
    """Settings by their names as they are written here. Raises SettingsError for another."""
    named = {str(name).replace("-", "_"): value for name, value in found.items()}
    if wrong := next((name for name in named if name not in _NAMES), None):
        raise SettingsError(
            f"{where}: there is no setting {wrong[:60]!r}; known are {', '.join(_NAMES)}"
        )
    return named


class _Loader(yaml.SafeLoader):
    """YAML without aliases: nested aliases in a few lines expand to gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not supported here")
        return super().compose_node(parent, index)


_LONGEST = 64 * 1024


def _read_file(path: Path) -> dict[Any, Any]:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SettingsError(f"{path} is not a file")
        with path.open("rb") as file:
            text = file.read(_LONGEST + 1)
        if len(text) > _LONGEST:
            raise SettingsError(f"{path} is larger than {_LONGEST // 1024} KiB")
        data = yaml.load(text.decode("utf-8"), _Loader)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from None
    except SettingsError:
        raise
    except Exception as error:  # PyYAML raises others, too, for values such as `!!int ""`
        reason = " ".join(str(error).split()) or type(error).__name__
        raise SettingsError(f"{path} cannot be read as YAML: {reason}") from error
    return _lines(data, path)


def _lines(data: Any, where: Path | str) -> dict[Any, Any]:
    """What YAML gives for lines of names and values, also for none."""
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise SettingsError(f"{where}: expected lines of the form `name: value`")
    return data


_NAMES = {one.name: one for one in fields(Settings)}
_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0", ""}


def _convert(name: str, value: Any, where: str, folder: Path) -> Any:
    """The value of a setting; a file is named from `folder`. Raises SettingsError."""
    if isinstance(value, int) and value.bit_length() > 64:
        raise SettingsError(f"{where}: the number is too long")
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


_RANGES = {
    "port": (0, 65535), "jobs": (0, 1024), "cache_mb": (0, 65536), "read_seconds": (1, 3600),
}  # fmt: skip
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
