"""Imports point down, and each library has one home."""

from __future__ import annotations

import ast
from pathlib import Path

from conftest import ROOT

# From the ground up; a module imports only from floors below its own.
FLOORS = (
    {
        "indexer.text",
        "indexer.posts",
        "indexer.fixes",
        "indexer.index",
        "indexer.search",
        "indexer.answers",
    },
    {
        "indexer.text.alternatives",
        "indexer.posts.budget",
        "indexer.text.chinese",
        "indexer.answers.colours",
        "indexer.fixes.commands",
        "indexer.posts.folder",
        "indexer.logs",
        "indexer.memory",
        "indexer.posts.plain",
        "indexer.search.recent",
        "indexer.options",
        "indexer.redaction",
        "indexer.user_folders",
    },
    {"indexer.text.dictionary", "indexer.settings", "indexer.index.storage"},
    {
        "indexer.text.analyzer",
        "indexer.posts.block_rules",
        "indexer.text.pasted",
        "indexer.index.postings",
        "indexer.index.watching",
    },
    {
        "indexer.posts.front_matter",
        "indexer.posts.markdown",
        "indexer.index.whoosh_blocks",
        "indexer.posts.roles",
        "indexer.index.segments",
        "indexer.index.tally",
    },
    {
        "indexer.asked",
        "indexer.posts.posts",
        "indexer.index.engine",
        "indexer.index.whoosh_terms",
    },
    {"indexer.posts.problems", "indexer.index.whoosh_engine"},
    {
        "indexer.search.spelling",
        "indexer.text.bilingual",
        "indexer.search.snippets",
        "indexer.index.index",
        "indexer.fixes.told",
    },
    {"indexer.places", "indexer.search.question", "indexer.index.records", "indexer.fixes.worth"},
    {"indexer.index.status"},
    {"indexer.fixes.fixes"},
    {"indexer.answers.conversation", "indexer.search.ranking"},
    {
        "indexer.answers.answers",
        "indexer.index.batches",
        "indexer.search.facets",
        "indexer.search.occurrences",
    },
    {"indexer.search.proximity", "indexer.index.rebuild"},
    {"indexer.search.evidence"},
    {"indexer.search.confidence"},
    {"indexer.search.generation"},
    {"indexer.answers.reading", "indexer.answers.replies"},
    {"indexer.knowledge_base"},
    {"indexer.checks", "indexer.evaluation", "indexer.following"},
    {"indexer.terminal", "indexer"},
    {
        "indexer.cli",
        "webapp.filters",
        "webapp.metrics",
        "webapp.owner",
        "webapp.texts",
        "webapp.visitors",
    },
    {"webapp.traffic"},
    {"webapp.api"},
    {"webapp.pages"},
    {"webapp"},
)

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


def test_every_module_stands_on_a_floor() -> None:
    assert set(modules()) == set().union(*FLOORS)


def test_imports_point_down() -> None:
    floor = {name: level for level, names in enumerate(FLOORS) for name in names}
    wrong = [
        f"{name} imports {other}"
        for name, file in modules().items()
        for other in imports(file)
        if other in floor
        and other != name
        and floor[other] >= floor[name]
        # A package's folder comes with each of its modules.
        and not name.startswith(other + ".")
    ]
    assert not wrong


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
