"""Settings: a file beside the posts, the user's own, then the environment, then options."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from conftest import write_posts
from indexer import Settings, SettingsError, load_settings
from load import serving
from posts_for_tests import POSTS


def own(tmp_path: Path, text: str) -> dict[str, str]:
    """Writes the user's own settings, where the tests have them; comes with no variables."""
    file = tmp_path / "config" / "fixdex" / "settings.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(text, "utf-8")
    return {}


def test_without_any_source_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings(tmp_path, {}) == Settings()


def test_the_later_source_wins(tmp_path: Path) -> None:
    (tmp_path / "fixdex.yaml").write_text("title: Of the posts\nlanguage: zh\n", "utf-8")
    environment = own(tmp_path, "title: Mine\nport: 1\nhost: a\n")
    environment |= {"FIXDEX_PORT": "2", "FIXDEX_HOST": "b"}
    settings = load_settings(tmp_path, environment, host="c", jobs=None)
    assert (settings.title, settings.language) == ("Mine", "zh")
    assert (settings.port, settings.host) == (2, "c")


def test_the_users_own_file_has_a_section_for_a_folder(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (tmp_path / "link").symlink_to(notes)
    environment = own(
        tmp_path,
        f"port: 1\nfolders:\n  {tmp_path / 'link'}:\n    port: 2\n    asked: asked.db\n"
        f"  {tmp_path / 'other'}:\n    port: 3\n",
    )
    assert load_settings(notes, environment).port == 2
    assert load_settings(notes, environment).asked == str(tmp_path / "config/fixdex/asked.db")
    assert load_settings(tmp_path, environment).port == 1


def test_what_comes_with_the_posts_sets_only_what_cannot_hurt(tmp_path: Path) -> None:
    secret = "s3cret-of-the-attacker"
    (tmp_path / "fixdex.yaml").write_text(
        f"title: Theirs\nlanguage: en\nasked: ~/.profile\nreport-token: {secret}\n"
        "allowed_origins: [https://evil.example]\nport: eighty\nhost: 0.0.0.0\njobs: 900\n",
        "utf-8",
    )
    told: list[str] = []
    settings = load_settings(tmp_path, {}, told.append)
    assert settings == Settings(title="Theirs", language="en")
    (note,) = told
    assert "asked, report_token, allowed_origins, port, host, jobs ignored" in note
    assert secret not in note and "settings.yaml" in note and "FIXDEX_ASKED" in note


def test_a_server_of_a_clone_does_not_as_the_clone_says(tmp_path: Path) -> None:
    theirs = (
        "title: Their notes\nasked: ../asked.sqlite\nreport_token: theirs\n"
        "allowed_origins: [https://evil.example]\n"
    )
    folder = write_posts(tmp_path / "posts", {**POSTS, "fixdex.yaml": theirs})
    with serving(folder) as port:
        site = f"http://127.0.0.1:{port}"
        asked = Request(f"{site}/api/ask?q=nginx+502", headers={"Origin": "https://evil.example"})
        with urlopen(asked) as answer:
            assert "Access-Control-Allow-Origin" not in answer.headers
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"{site}/report?token=theirs")
        with urlopen(site) as page:
            assert b"<title>Their notes" in page.read()
    assert [path.name for path in tmp_path.iterdir()] == ["posts"]


def test_every_setting_that_reaches_beyond_the_posts_is_the_users_own() -> None:
    harmless = {field.name for field in fields(Settings) if field.metadata["harmless"]}
    assert harmless == {"title", "permalink", "language", "drafts"}


def test_a_settings_file_that_leads_out_of_the_folder_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.yaml").write_text("title: Elsewhere\n", "utf-8")
    posts = tmp_path / "posts"
    posts.mkdir()
    (posts / "fixdex.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    told: list[str] = []
    assert load_settings(posts, {}, told.append) == Settings()
    assert "leads out of the folder" in told[0]


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x]\nb: &b [*a, *a]\ntitle: *b\n",
        "title: " + "[" * 20_000,
        "title: x\n" + "# long\n" * 20_000,
    ],
)
def test_a_settings_file_made_to_hurt_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "fixdex.yaml").write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=r"fixdex\.yaml") as caught:
        load_settings(tmp_path, {})
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "text",
    [
        "title: !!timestamp foo",
        'title: !!int ""',
        'title: !!float ""',
        "title: !!bool foo",
        "title: 0x" + "f" * 5_000,
        "drafts: 0x" + "f" * 5_000,
        "port: !!python/object/apply:os.getpid []",
        "? [a, b]\n: c",
    ],
)
def test_values_that_yaml_cannot_make_are_told_in_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "fixdex.yaml").write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=r"fixdex\.yaml") as caught:
        load_settings(tmp_path, {})
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
def test_a_settings_file_that_leads_to_itself_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "fixdex.yaml").symlink_to(tmp_path / "fixdex.yaml")
    assert load_settings(tmp_path, {}) == Settings()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders")
def test_a_pipe_in_the_place_of_a_settings_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fixdex.yaml")
    with pytest.raises(SettingsError, match="is not a file"):
        load_settings(tmp_path, {})


def test_values_are_read_as_what_they_stand_for(tmp_path: Path) -> None:
    settings = load_settings(
        tmp_path,
        own(
            tmp_path,
            "drafts: yes\nrate_limit: off\n"
            "allowed-origins: [https://a.example, https://b.example]\n",
        ),
    )
    assert settings.drafts is True
    assert settings.rate_limit == "off"
    assert settings.allowed_origins == ("https://a.example", "https://b.example")
    settings = load_settings(tmp_path, {"FIXDEX_ALLOWED_ORIGINS": "https://c.example, "})
    assert settings.allowed_origins == ("https://c.example",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prot: 1", "'prot'"),
        ("port: many", "port: expected a whole number"),
        ("drafts: perhaps", "drafts: expected true or false"),
        ("rate_limit: fast", "rate_limit: expected a whole number above 0 or off"),
        ("rate_limit: ²", "rate_limit: expected a whole number above 0 or off"),
        ("port: 99999", "port: expected a whole number from 0 to 65535"),
        ("port: 8.7", "port: expected a whole number"),
        ("jobs: -5", "jobs: expected a whole number"),
        ("title: [a, b]", "title: expected a text"),
        ("title: null", "title: expected a text"),
        ("permalink: 'https://a.example/{nope}'", "permalink: expected an address"),
        ("permalink: 'javascript:{path}'", "permalink: expected an address"),
        ("path_prefix: '/k b'", "path_prefix: expected a path"),
        ("- a\n- b", "expected lines of the form"),
        ("title: [", "cannot be read as YAML"),
        ("folders: 1", "folders: expected lines of the form"),
    ],
)
def test_a_mistake_names_the_file_and_the_key(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path, own(tmp_path, text))
    assert "settings.yaml" in str(caught.value) and told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mistake_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="FIXDEX_PORT"):
        load_settings(tmp_path, {"FIXDEX_PORT": "http"})
