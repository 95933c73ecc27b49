"""What several tests use: posts written for a test, and the places of the larger data."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from indexer import KnowledgeBase, Settings

ROOT = Path(__file__).resolve().parent.parent
Posts = Mapping[str, str | bytes]
MakeKnowledgeBase = Callable[..., KnowledgeBase]


def write_posts(folder: Path, posts: Posts) -> Path:
    """Writes posts, given as path → text, into a folder."""
    for path, text in posts.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return folder


def missing(what: str) -> None:
    """Skips a test whose surroundings are missing; fails it where they must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}, and CI must have it")
    pytest.skip(what)


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches them."""
    for name in [name for name in os.environ if name.startswith("FIXDEX_")]:
        if name != "FIXDEX_DEVSET":
            monkeypatch.delenv(name)


@pytest.fixture
def make_kb(tmp_path: Path) -> MakeKnowledgeBase:
    """A knowledge base of the posts given, built."""

    def make(posts: Posts, settings: Settings | None = None) -> KnowledgeBase:
        folder = write_posts(tmp_path / "posts", posts)
        knowledge_base = KnowledgeBase(folder, tmp_path / "index", settings)
        knowledge_base.rebuild()
        return knowledge_base

    return make


@pytest.fixture(scope="session")
def shipped_kb(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    """The posts that ship with Fixdex, built."""
    knowledge_base = KnowledgeBase(ROOT / "kb", tmp_path_factory.mktemp("shipped"))
    knowledge_base.rebuild()
    return knowledge_base


@pytest.fixture(scope="session")
def devset() -> Path:
    """The folder of the development set."""
    place = os.environ.get("FIXDEX_DEVSET")
    if not place:
        pytest.skip("FIXDEX_DEVSET does not name the development set")
    return Path(place)
