"""Settings: a file beside the posts, then the environment, then options."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer import Settings, SettingsError, load_settings


def test_without_any_source_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings(tmp_path, {}) == Settings()


def test_the_later_source_wins(tmp_path: Path) -> None:
    (tmp_path / "fixdex.yaml").write_text("title: From the file\nport: 1\nhost: a\n", "utf-8")
    environment = {"FIXDEX_PORT": "2", "FIXDEX_HOST": "b"}
    settings = load_settings(tmp_path, environment, host="c", jobs=None)
    assert (settings.title, settings.port, settings.host) == ("From the file", 2, "c")


def test_values_are_read_as_what_they_stand_for(tmp_path: Path) -> None:
    (tmp_path / "fixdex.yaml").write_text(
        "drafts: yes\nrate_limit: off\nallowed-origins: [https://a.example, https://b.example]\n",
        "utf-8",
    )
    settings = load_settings(tmp_path, {})
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
    ],
)
def test_a_mistake_names_the_file_and_the_key(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "fixdex.yaml").write_text(text, "utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path, {})
    assert "fixdex.yaml" in str(caught.value) and told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mistake_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="FIXDEX_PORT"):
        load_settings(tmp_path, {"FIXDEX_PORT": "http"})
