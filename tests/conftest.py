"""What several tests use: posts written for a test, and the places of the larger data."""

from __future__ import annotations

import os
import signal
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from indexer import KnowledgeBase, Settings
from indexer.index.postings import FIELDS, Postings, Wording, ends_of
from indexer.index.segments import Vocabulary
from indexer.index.whoosh_engine import WhooshEngine, WhooshSegment, write_contents, write_segment
from webapp import create_app, make_server

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


@dataclass(frozen=True)
class Counted:
    """A problem by hand: what each term counts for in each field, and its blocks of words."""

    fields: Mapping[str, Mapping[str, float]]
    blocks: Sequence[tuple[str, Sequence[str]]] = ()


def postings_of(problems: Sequence[Counted]) -> Postings:
    """The postings of problems counted by hand."""
    found = sorted(
        (term, problem, FIELDS.index(field), count)
        for problem, counted in enumerate(problems)
        for field, counts in counted.fields.items()
        for term, count in counts.items()
    )
    terms = sorted({term for term, *_ in found})
    number = {term: i for i, term in enumerate(terms)}
    blocks = [block for counted in problems for block in counted.blocks]
    return Postings(
        terms,
        np.array([number[term] for term, *_ in found], np.int32),
        np.array([problem for _, problem, _, _ in found], np.int32),
        np.array([field for _, _, field, _ in found], np.uint8),
        np.array([count for *_, count in found], np.float32),
        Wording(
            np.array([number[word] for _, words in blocks for word in words], np.int32),
            ends_of([len(words) for _, words in blocks]),
            np.array([FIELDS.index(field) for field, _ in blocks], np.uint8),
            np.full(len(blocks), -1, np.int32),
            ends_of([len(counted.blocks) for counted in problems]),
        ),
    )


def make_engine(folder: Path, *segments: tuple[Postings, Sequence[str]]) -> WhooshEngine:
    """An engine with these segments, postings and records of each; all their problems are kept."""
    made: list[tuple[WhooshSegment, Any]] = []
    for number, (postings, records) in enumerate(segments):
        known = Vocabulary([segment.arrays.terms for segment, _ in made])
        write_segment(folder, f"s{number}", postings, records, known)
        made.append((WhooshSegment(folder, f"s{number}"), np.ones(len(records), bool)))
    write_contents(folder, made)
    return WhooshEngine(made)


def missing(what: str) -> NoReturn:
    """Skips a test whose surroundings are missing; fails it where they must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what}, and CI must have it")
    pytest.skip(what)


def until(found: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether something is so before the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(scope="session")
def user_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of the user that the tests play: indexes, and the dictionary, read once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _own_surroundings(
    monkeypatch: pytest.MonkeyPatch, user_cache: Path, tmp_path: Path
) -> Iterator[None]:
    """No setting of the person who runs the tests reaches them, and no test the next."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(user_cache))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in [name for name in os.environ if name.startswith("FIXDEX_")]:
        if name != "FIXDEX_DEVSET":
            monkeypatch.delenv(name)
    yield
    if hasattr(signal, "SIGPIPE"):
        # A command ends with its reader; in this process a server would, with a visitor who left.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)


@pytest.fixture
def make_kb(tmp_path: Path) -> Iterator[MakeKnowledgeBase]:
    """A knowledge base of the posts given, built; closed after the test."""
    made: list[KnowledgeBase] = []

    def make(posts: Posts, settings: Settings | None = None) -> KnowledgeBase:
        folder = write_posts(tmp_path / "posts", posts)
        knowledge_base = KnowledgeBase(folder, tmp_path / "index", settings)
        knowledge_base.rebuild()
        made.append(knowledge_base)
        return knowledge_base

    yield make
    for knowledge_base in made:
        knowledge_base.close()


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


@pytest.fixture(scope="session")
def devset_posts(devset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The blogs of the development set, unpacked."""
    place = tmp_path_factory.mktemp("blogs")
    with tarfile.open(devset / "blogs" / "posts.tar.xz") as archive:
        archive.extractall(place, filter="data")
    return place


CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


OpenPage = Callable[..., Any]


@pytest.fixture
def open_page() -> Iterator[OpenPage]:
    """Opens pages of one browser; takes what a context may be told: locale, viewport, colours."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed")
    if not CHROMIUM.exists():
        missing(f"there is no {CHROMIUM}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_OPTIONS)

        def open_one(**chosen: Any) -> Any:
            page = browser.new_context(**{"locale": "en-US", **chosen}).new_page()
            page.set_default_timeout(15_000)
            return page

        with closing(browser):
            yield open_one


@pytest.fixture
def page(open_page: OpenPage) -> Any:
    """A page of a browser that speaks English."""
    return open_page()


# Longer than may be asked; what is wrong stands at its end.
LONG_LOG = "开始构建 step 1 of many\n" * 5000 + "error: externally-managed-environment"


def paste(box: Any, text: str) -> None:
    """Puts a text into a box at once: typed by a driver, thousands of lines take minutes."""
    box.evaluate(
        "(box, text) => { box.value = text;"
        " box.dispatchEvent(new InputEvent('input', { bubbles: true })); }",
        text,
    )


AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


def violations(page: Any) -> list[str]:
    """What axe finds that keeps people out of a page, each with its element."""
    if not AXE.exists():
        missing("axe-core is not installed: npm install --no-save axe-core")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{one['id']}: {node['html']}" for one in found["violations"] for node in one["nodes"]]


@contextmanager
def serving(knowledge_base: KnowledgeBase) -> Iterator[str]:
    """The address of the site of a knowledge base, served as `fixdex serve` does."""
    server = make_server(create_app(knowledge_base), "127.0.0.1", 0)
    closing = threading.Event()

    def run() -> None:
        try:
            server.run()
        except OSError:
            # It waits for sockets that are closed meanwhile.
            if not closing.is_set():
                raise

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        closing.set()
        server.close()
        # The loop of waitress looks at its sockets once a second; closed ones end it.
        server._map.clear()
        thread.join()
