"""Which posts and which index a command uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import write_posts
from indexer import KnowledgeBase, SettingsError, choose_folder, choose_place
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


def test_the_index_lies_where_it_was_told(tmp_path: Path) -> None:
    assert choose_place(tmp_path, "/far/away", {}) == Path("/far/away")
    assert choose_place(tmp_path, None, {"FIXDEX_INDEX": "/by/variable"}) == Path("/by/variable")


def test_else_it_lies_in_the_cache_of_the_user_by_the_real_path_of_the_posts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    one = choose_place(made(tmp_path / "one"), None, {})
    other = choose_place(made(tmp_path / "other"), None, {})
    assert one.is_relative_to(tmp_path / "cache" / "fixdex") and one != other
    (tmp_path / "link").symlink_to(tmp_path / "one")
    assert choose_place(tmp_path / "link", None, {}) == one


@pytest.mark.parametrize("cache", ["relative", ""])
def test_a_cache_that_is_no_absolute_path_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert choose_place(tmp_path, None, {}).is_relative_to(tmp_path)


def test_without_a_home_a_place_is_to_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.delenv("HOME", raising=False)
    # As Python does for a user that the system has no entry of.
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with pytest.raises(SettingsError, match="name a place with --index"):
        choose_place(tmp_path, None, {})
    assert choose_place(tmp_path, "/far/away", {}) == Path("/far/away")


@pytest.mark.parametrize(
    ("path", "used"),
    [
        ("note.md", True),
        ("a/b/note.MDX", True),
        ("a/b/c/note.md", True),
        ("a/b/c/d/note.md", False),
        ("README.md", False),
        ("docs/CHANGELOG-2.0.md", False),
        ("readme.zh-CN.md", False),
        ("security-groups-of-aws.md", True),
        (".git/note.md", False),
        ("node_modules/x/note.md", False),
        ("note.txt", False),
    ],
)
def test_the_current_folder_is_used_if_it_has_posts_near(
    tmp_path: Path, path: str, used: bool
) -> None:
    here = made(tmp_path / "here")
    write_posts(here, {path: "x"})
    chosen = choose_folder(None, {}, here)
    assert (chosen.folder == here) is used
    assert chosen.note is not None and str(chosen.folder) in chosen.note


def test_neither_home_nor_the_root_is_taken_for_a_folder_of_posts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_posts(tmp_path, {"note.md": "x"})
    monkeypatch.setenv("HOME", str(tmp_path))
    assert choose_folder(None, {}, tmp_path).folder == shipped_posts()
    assert choose_folder(None, {}, Path("/")).folder == shipped_posts()


def test_below_a_folder_that_was_indexed_that_one_is_used(tmp_path: Path) -> None:
    notes = write_posts(tmp_path / "notes", {"a.md": "# a", "pictures/old/b.png": "x"})
    KnowledgeBase(notes, choose_place(notes, None, {})).rebuild()
    assert choose_folder(None, {}, notes / "pictures" / "old").folder == notes
    write_posts(notes, {"pictures/c.md": "# c"})
    assert choose_folder(None, {}, notes / "pictures").folder == notes / "pictures"


def test_an_index_that_is_named_tells_its_posts(tmp_path: Path) -> None:
    notes = write_posts(tmp_path / "notes", {"a.md": "# a"})
    KnowledgeBase(notes, tmp_path / "index").rebuild()
    assert choose_folder(None, {}, tmp_path, str(tmp_path / "index")).folder == notes
    other = made(tmp_path / "other")
    assert choose_folder(str(other), {}, tmp_path, str(tmp_path / "index")).folder == other


def test_places_kept_for_later_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="name a folder"):
        choose_place(tmp_path, "opensearch://localhost:9200/posts", {})
