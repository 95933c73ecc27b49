"""Imports point down, and each library has one home."""

from __future__ import annotations

import ast
from pathlib import Path

from conftest import ROOT

# From the ground up; a module imports only from floors below its own.
FLOORS = (
    {
        "indexer.alternatives",
        "indexer.budget",
        "indexer.chinese",
        "indexer.colours",
        "indexer.commands",
        "indexer.folder",
        "indexer.logs",
        "indexer.memory",
        "indexer.plain",
        "indexer.recent",
        "indexer.options",
        "indexer.redaction",
        "indexer.user_folders",
    },
    {"indexer.dictionary", "indexer.settings", "indexer.storage"},
    {
        "indexer.analyzer",
        "indexer.block_rules",
        "indexer.pasted",
        "indexer.postings",
        "indexer.watching",
    },
    {
        "indexer.front_matter",
        "indexer.markdown",
        "indexer.engines.whoosh_blocks",
        "indexer.roles",
        "indexer.segments",
        "indexer.tally",
    },
    {
        "indexer.asked",
        "indexer.posts",
        "indexer.engines",
        "indexer.engines.base",
        "indexer.engines.whoosh_terms",
    },
    {"indexer.problems", "indexer.engines.whoosh_engine"},
    {"indexer.spelling", "indexer.bilingual", "indexer.snippets", "indexer.index", "indexer.told"},
    {"indexer.places", "indexer.question", "indexer.records", "indexer.worth"},
    {"indexer.status"},
    {"indexer.fixes"},
    {"indexer.conversation", "indexer.ranking"},
    {"indexer.answers", "indexer.batches", "indexer.facets", "indexer.occurrences"},
    {"indexer.proximity", "indexer.rebuild"},
    {"indexer.evidence"},
    {"indexer.confidence"},
    {"indexer.generation"},
    {"indexer.reading", "indexer.replies"},
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
    "watchfiles": {"indexer.watching"},
    "jieba": {"indexer.dictionary"},
    "rjieba": {"indexer.dictionary"},
    "Stemmer": {"indexer.analyzer"},
    "whoosh": {
        "indexer.engines.whoosh_blocks",
        "indexer.engines.whoosh_engine",
        "indexer.engines.whoosh_terms",
    },
    "markdown_it": {"indexer.block_rules", "indexer.markdown", "indexer.posts"},
    "mdit_py_plugins": {"indexer.markdown"},
    "yaml": {
        "indexer.commands",
        "indexer.conversation",
        "indexer.front_matter",
        "indexer.settings",
        "indexer.roles",
    },
    "rich": {"indexer.terminal"},
    "click": {"indexer.cli", "indexer.options"},
    "nh3": {"webapp.filters"},
    "pygments": {"indexer.colours"},
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
