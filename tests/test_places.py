"""Which posts and which index a command uses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from indexer import SettingsError, choose_folder, choose_place
from indexer.places import shipped_posts


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def test_the_folder_named_comes_before_all_others(tmp_path: Path) -> None:
    named, other = made(tmp_path / "named"), made(tmp_path / "other")
    assert choose_folder(str(named), {"FIXDEX_KB": str(other)}, tmp_path).folder == named
    assert choose_folder(None, {"FIXDEX_KB": str(other)}, tmp_path).folder == other


def test_the_nearest_settings_file_upwards_comes_before_kb(tmp_path: Path) -> None:
    deep = made(tmp_path / "notes" / "a" / "b")
    made(deep / "kb")
    (tmp_path / "notes" / "fixdex.yaml").touch()
    assert choose_folder(None, {}, deep).folder == tmp_path / "notes"
    (tmp_path / "notes" / "fixdex.yaml").unlink()
    assert choose_folder(None, {}, deep).folder == deep / "kb"


def test_the_shipped_posts_come_last_and_are_told(tmp_path: Path) -> None:
    chosen = choose_folder(None, {}, tmp_path)
    assert chosen.folder == shipped_posts()
    assert chosen.note is not None and "ship with Fixdex" in chosen.note
    assert (chosen.folder / "tensorflow" / "second-rnncell.md").is_file()


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for text in ("file", "nothing"):
        with pytest.raises(SettingsError, match="is not a folder"):
            choose_folder(str(tmp_path / text), {}, tmp_path)


def test_the_index_lies_where_it_was_told_else_in_the_folder(tmp_path: Path) -> None:
    assert choose_place(tmp_path, "/far/away", {}) == Path("/far/away")
    assert choose_place(tmp_path, None, {"FIXDEX_INDEX": "/by/variable"}) == Path("/by/variable")
    assert choose_place(tmp_path, None, {}) == tmp_path / ".fixdex"


def test_a_folder_that_cannot_be_written_has_its_index_in_a_private_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The superuser may write anywhere, so the answer is given here.
    monkeypatch.setattr(os, "access", lambda *_: False)
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    one = choose_place(made(tmp_path / "one"), None, environment)
    other = choose_place(made(tmp_path / "other"), None, environment)
    assert one.is_relative_to(tmp_path / "cache" / "fixdex") and one != other
    (tmp_path / "link").symlink_to(tmp_path / "one")
    assert choose_place(tmp_path / "link", None, environment) == one


def test_places_kept_for_later_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="name a folder"):
        choose_place(tmp_path, "opensearch://localhost:9200/posts", {})
