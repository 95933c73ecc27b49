"""What the documents say is so."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields

import pytest

from conftest import ROOT
from indexer import Settings, Status
from indexer.cli import main

README = (ROOT / "README.md").read_text("utf-8")
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
OPERATING = (ROOT / "docs" / "operating.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_the_settings_table_is_the_settings() -> None:
    table = README.split("<!-- settings -->")[1].split("<!-- /settings -->")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| (.+) \|$", table, re.MULTILINE))
    assert rows == {field.name: field.metadata["sentence"] for field in fields(Settings)}


def test_every_field_of_the_status_is_told() -> None:
    told = OPERATING.split("`fixdex status --json` has")[1].split("`fixdex rebuild --json`")[0]
    rows = "".join(re.findall(r"^\| (`.+`) \|", told, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", rows)) == {field.name for field in fields(Status)} | {"stale"}


def test_every_command_of_the_readme_exists() -> None:
    named = set(re.findall(r"(?:^|\| )fixdex ([a-z]+)", README, re.MULTILINE))
    assert named and named <= set(main.commands)


def test_every_task_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for task in re.findall(r"^make ([a-z]+)", README, re.MULTILINE):
        assert f"\n{task}:" in makefile


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"])
def test_links_between_the_documents_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", text):
        assert (ROOT / target).exists(), target


def test_every_library_has_its_reason() -> None:
    for requirement in PROJECT["project"]["dependencies"]:
        name = re.split(r"[<>=]", requirement)[0]
        assert name.lower().replace("-", "") in ARCHITECTURE.lower().replace("-", ""), name


def test_every_module_named_in_the_architecture_exists() -> None:
    for name in re.findall(r"`([a-z_/]+\.py)`", ARCHITECTURE):
        assert list((ROOT / "indexer").rglob(name)) or (ROOT / name).exists(), name
