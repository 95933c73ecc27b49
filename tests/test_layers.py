"""Imports point down, and each library has one home."""

from __future__ import annotations

import ast
from pathlib import Path

from conftest import ROOT

# In the order of the data's way; a room imports from those named before it.
ROOMS = ("text", "posts", "fixes", "index", "search", "answers")

HOMES = {
    "platformdirs": {"indexer.user_folders"},
    "watchfiles": {"indexer.index.watching"},
    "jieba": {"indexer.text.dictionary"},
    "rjieba": {"indexer.text.dictionary"},
    "Stemmer": {"indexer.text.analyzer"},
    "whoosh": {
        "indexer.index.whoosh_blocks",
        "indexer.index.whoosh_engine",
        "indexer.index.whoosh_terms",
    },
    "markdown_it": {"indexer.posts.block_rules", "indexer.posts.markdown", "indexer.posts.posts"},
    "mdit_py_plugins": {"indexer.posts.markdown"},
    "yaml": {
        "indexer.fixes.commands",
        "indexer.answers.conversation",
        "indexer.posts.front_matter",
        "indexer.settings",
        "indexer.posts.roles",
    },
    "rich": {"indexer.terminal"},
    "click": {"indexer.cli", "indexer.options"},
    "nh3": {"webapp.filters"},
    "pygments": {"indexer.answers.colours"},
    "waitress": {"webapp"},
    "prometheus_client": {"webapp.metrics"},
}


def modules() -> dict[str, Path]:
    found = {}
    for package in ("indexer", "webapp"):
        for file in (ROOT / package).rglob("*.py"):
            parts = file.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports(file: Path) -> set[str]:
    named = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            named |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return named


def room(name: str) -> int | None:
    """The place of a module's room in the list; None for one that is in no room."""
    above, _, below = name.partition(".")
    here = below.partition(".")[0]
    return ROOMS.index(here) if above == "indexer" and here in ROOMS else None


def graph() -> dict[str, set[str]]:
    """What each module imports, of ours; a package's face counts as one of its modules."""
    ours = modules()
    return {
        name: {other for other in imports(file) if other in ours and other != name}
        for name, file in ours.items()
    }


def test_a_room_imports_from_rooms_named_before_it() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, others in graph().items()
        for other in others
        if (here := room(name)) is not None and (there := room(other)) is not None and there > here
    ]
    assert not wrong


def test_what_a_room_imports_from_the_ground_floor_imports_no_room() -> None:
    found = graph()
    wrong = [
        f"{name} imports {other}"
        for name, others in found.items()
        for other in others
        if room(name) is not None
        and room(other) is None
        and any(room(below) is not None for below in found[other])
    ]
    assert not wrong


def test_no_import_leads_back_to_where_it_began() -> None:
    found = {
        # The face of the room that a module stands in comes with it.
        name: {other for other in others if not name.startswith(other + ".")}
        for name, others in graph().items()
    }
    done: set[str] = set()

    def look(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " imports ".join([*path[path.index(name) :], name])
        if name not in done:
            for other in found[name]:
                look(other, (*path, name))
            done.add(name)

    for name in found:
        look(name, ())


def test_the_web_knows_only_the_public_names_of_the_indexer() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, file in modules().items()
        if name.startswith("webapp")
        for other in imports(file)
        if other.startswith("indexer.") and other in modules()
    ]
    assert not wrong


def test_the_indexer_knows_no_web() -> None:
    wrong = [
        name
        for name, file in modules().items()
        if name.startswith("indexer")
        and any(other.split(".")[0] in ("webapp", "flask") for other in imports(file))
    ]
    assert not wrong


def test_each_library_has_one_home() -> None:
    wrong = [
        f"{name} imports {library}"
        for name, file in modules().items()
        for library, homes in HOMES.items()
        if any(other.split(".")[0] == library for other in imports(file)) and name not in homes
    ]
    assert not wrong
