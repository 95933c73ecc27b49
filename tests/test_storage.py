"""The place of an index: nothing that somebody else put there is followed, removed or run."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from whoosh.codec.whoosh3 import W3Codec, W3Segment
from whoosh.filedb.filestore import FileStorage

from conftest import MakeKnowledgeBase, write_posts
from indexer import IndexFault, KnowledgeBase, NoIndex, Settings
from indexer.index.index import Summary, read_summary
from indexer.index.storage import read_current, seal
from posts_for_tests import POSTS

posix = pytest.mark.skipif(os.name != "posix", reason="links, owners and modes of POSIX")


@pytest.fixture
def posts(tmp_path: Path) -> Path:
    return write_posts(tmp_path / "posts", POSTS)


@pytest.fixture
def precious(tmp_path: Path) -> Iterator[Path]:
    """A folder outside of all indexes, which must stay as it is."""
    folder = write_posts(tmp_path / "home", {"000001/thesis.txt": "years of work", "file": "mine"})
    before = contents(folder)
    yield folder
    assert contents(folder) == before


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def fixdex(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "indexer.cli", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )


# What an index that was made by somebody else may run


class Trap:
    """What runs when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.mark,)


def set_traps(place: Path, mark: Path, work: Path) -> None:
    """Lets every record that Whoosh stores, and its contents, run when they are unpickled."""
    current = read_current(place)
    assert current is not None
    folder = place / "generations" / current.name
    manifest = json.loads((folder / "manifest.json").read_text())

    def put(files: dict[str, list[int]], name: str, data: bytes) -> None:
        (folder / name).unlink()
        (folder / name).write_bytes(data)
        made = seal(folder / name)
        files[name] = [made.size, made.crc]

    for part in manifest["parts"]:
        posts = json.loads((folder / f"{part['name']}.posts").read_text())
        storage = FileStorage(str(work)).create()
        count = sum(len(post["worths"]) for post in posts)
        segment = W3Segment(W3Codec(), "MAIN", count, part["name"])
        documents = W3Codec().per_document_writer(storage, segment)
        for number in range(count):
            documents.start_doc(number)
            documents.add_field("record", None, Trap(mark), 0)
            documents.finish_doc()
        documents.close()
        # Whoosh itself steps into the trap.
        with closing(W3Codec().per_document_reader(storage, segment)) as reader:
            reader.stored_fields(0)
        mark.unlink()
        name = f"MAIN_{part['name']}._stored.col"
        put(part["files"], f"whoosh/{name}", (work / name).read_bytes())
    put(manifest["files"], "whoosh/_MAIN_1.toc", pickle.dumps(Trap(mark)) * 50)
    text = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(text)
    (place / "current").write_text(f"{current.name} {sha256(text).hexdigest()}\n")


@pytest.mark.parametrize("place", [".fixdex", "index"])
def test_an_index_that_comes_with_a_clone_runs_nothing(
    posts: Path, tmp_path: Path, place: str
) -> None:
    mark = tmp_path / "it ran"
    KnowledgeBase(posts, posts / place).rebuild()
    set_traps(posts / place, mark, tmp_path / "work")
    question = "refusing to merge unrelated histories"
    for words in (
        ("ask", question),
        ("ask", question, "--index", posts / place),
        ("search", "nginx", "--index", posts / place),
        ("status", "--index", posts / place),
        ("check", "--index", posts / place),
        ("rebuild", "--index", posts / place),
        ("rebuild", "--index", posts / place, "--full"),
    ):
        done = fixdex(*words, "--kb", posts)
        assert done.returncode in (0, 1), done.stderr
        assert not mark.exists(), words


def test_no_command_unpickles_anything(posts: Path, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "def hook(event, _):\n"
        "    if event == 'pickle.find_class':\n"
        "        sys.stderr.write('a pickle was opened')\n"
        "        sys.exit(9)\n"
        "sys.addaudithook(hook)\n"
        "from indexer.cli import run\n"
        "run()\n"
    )
    for words in (("rebuild",), ("ask", "refusing to merge unrelated histories"), ("status",)):
        command = [sys.executable, "-c", script, *words, "--kb", str(posts)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        write_posts(posts, {"new.md": "# new"})


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest["parts"][0].update(name="../../../000001s0"),
        lambda manifest: manifest["files"].update({"../../../../etc/passwd": [0, 0]}),
        lambda manifest: manifest["parts"][0]["files"].update({"/etc/passwd": [0, 0]}),
    ],
)
def test_a_manifest_names_no_file_outside_its_folder(
    make_kb: MakeKnowledgeBase, change: Callable[[Any], None]
) -> None:
    place = make_kb(POSTS).place
    current = read_current(place)
    assert current is not None
    file = place / "generations" / current.name / "manifest.json"
    manifest = json.loads(file.read_text())
    change(manifest)
    text = json.dumps(manifest).encode()
    file.write_bytes(text)
    (place / "current").write_text(f"{current.name} {sha256(text).hexdigest()}\n")
    with pytest.raises(NoIndex):
        KnowledgeBase(place.parent / "posts", place).search("nginx")


# Links, and what is not ours


@posix
@pytest.mark.parametrize(
    "name", ["generations", "current.next", "current", "lock", ".gitignore", "CACHEDIR.TAG"]
)
def test_nothing_is_written_through_or_swept_that_is_a_link(
    posts: Path, tmp_path: Path, precious: Path, name: str
) -> None:
    place = tmp_path / "place"
    KnowledgeBase(posts, place).rebuild()
    if name == "generations":
        (place / name).rename(tmp_path / "generations")
    else:
        (place / name).unlink(missing_ok=True)
    (place / name).symlink_to(precious if name == "generations" else precious / "file")
    done = fixdex("rebuild", posts, "--index", place)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert str(place) in done.stderr
    fixdex("ask", "nginx 502", "--kb", posts, "--index", place)


@posix
def test_a_place_that_is_a_link_is_not_used(posts: Path, tmp_path: Path, precious: Path) -> None:
    (tmp_path / "place").symlink_to(precious)
    done = fixdex("rebuild", posts, "--index", tmp_path / "place")
    assert done.returncode == 2 and "is a link; name the folder itself" in done.stderr


def test_a_folder_that_is_neither_empty_nor_an_index_is_refused(
    posts: Path, precious: Path
) -> None:
    for place in (precious, precious / "000001"):
        done = fixdex("rebuild", posts, "--index", place)
        assert done.returncode == 2 and "is neither empty nor an index" in done.stderr


def test_only_generations_are_swept_and_no_links_to_others(
    make_kb: MakeKnowledgeBase, precious: Path
) -> None:
    knowledge_base = make_kb(POSTS)
    generations = knowledge_base.place / "generations"
    (generations / "photos").mkdir()
    (generations / "000000").symlink_to(precious, target_is_directory=True)
    (generations / "000777").mkdir()
    knowledge_base.rebuild()
    left = {path.name for path in generations.iterdir()}
    assert left == {"photos", "000000", "000001"}


@posix
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(
    make_kb: MakeKnowledgeBase,
) -> None:
    knowledge_base = make_kb(POSTS)
    current = knowledge_base.place / "current"
    current.unlink()
    os.mkfifo(current)
    with pytest.raises(NoIndex):
        KnowledgeBase(knowledge_base.folder, knowledge_base.place).search("nginx")
    current.unlink()
    KnowledgeBase(knowledge_base.folder, knowledge_base.place).rebuild()
    manifest = next((knowledge_base.place / "generations").iterdir()) / "manifest.json"
    manifest.unlink()
    os.mkfifo(manifest)
    with pytest.raises(NoIndex):
        KnowledgeBase(knowledge_base.folder, knowledge_base.place).search("nginx")


# Who may write


@posix
@pytest.mark.parametrize("umask", ["000", "002", "022", "077"])
def test_it_works_under_any_umask_and_the_index_is_private(
    posts: Path, tmp_path: Path, umask: str
) -> None:
    home = tmp_path / "new home"
    home.mkdir()
    script = (
        f'umask {umask}; F="{sys.executable} -m indexer.cli"; cd "$POSTS"; $F rebuild && '
        "$F ask refusing to merge unrelated histories && $F rebuild && $F status"
    )
    done = subprocess.run(
        ["sh", "-c", script],
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": str(home), "XDG_CACHE_HOME": "", "POSTS": str(posts)},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "5 added" in done.stdout and "5 unchanged" in done.stdout
    assert "--allow-unrelated-histories" in done.stdout
    (place,) = (home / ".cache" / "fixdex" / "index").iterdir()
    for folder in (place, place / "generations", *place.parents[:3]):
        assert folder.stat().st_mode & 0o777 == 0o700


@posix
def test_an_empty_folder_that_is_named_becomes_private(posts: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    place.chmod(0o775)
    KnowledgeBase(posts, place).rebuild()
    assert place.stat().st_mode & 0o777 == 0o700
    assert KnowledgeBase(posts, place).search("nginx").total


@posix
def test_an_index_that_others_may_write_is_made_anew(make_kb: MakeKnowledgeBase) -> None:
    knowledge_base = make_kb(POSTS)
    for path in (knowledge_base.place, knowledge_base.place / "generations"):
        path.chmod(0o777)
        fresh = KnowledgeBase(knowledge_base.folder, knowledge_base.place)
        with pytest.raises(NoIndex, match="another user"):
            fresh.search("nginx")
        assert fresh.rebuild().added == len(POSTS)
        assert fresh.search("nginx").total


@posix
def test_an_index_of_another_user_is_opened_only_where_they_are_trusted(
    make_kb: MakeKnowledgeBase,
) -> None:
    if os.getuid() != 0:
        pytest.skip("only the superuser can give a folder away")
    made = make_kb(POSTS)
    os.chown(made.place, 12345, -1)
    doubting = KnowledgeBase(made.folder, made.place)
    with pytest.raises(NoIndex, match="--trust-index"):
        doubting.search("nginx")
    with pytest.raises(IndexFault, match="--trust-index"):
        doubting.rebuild()
    trusting = KnowledgeBase(made.folder, made.place, Settings(trust_index=True))
    assert trusting.search("nginx").total
    assert trusting.rebuild().unchanged == len(POSTS)
    done = fixdex("ask", "nginx 502", "--kb", made.folder, "--index", made.place)
    assert done.returncode == 3 and "--trust-index" in done.stderr
    assert "Traceback" not in done.stderr
    done = fixdex("ask", "nginx 502", "--index", made.place, "--trust-index")
    assert done.returncode in (0, 1) and done.stdout


# What lies in the folder where a command is given


def fixdex_in(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """The command as it is installed: Python's own rule adds the current folder to `-m`."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "indexer.cli", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )


def test_modules_that_lie_in_the_current_folder_are_not_imported(tmp_path: Path) -> None:
    # So many that several processes read them.
    clone = write_posts(tmp_path / "clone", {f"{n}.md": f"# Error {n}\n" for n in range(210)})
    mark = tmp_path / "it ran"
    for name in ("struct.py", "click.py", "indexer/__init__.py", "sitecustomize.py"):
        write_posts(clone, {name: f"open({str(mark)!r}, 'x')\nraise SystemExit\n"})
    done = fixdex_in(clone, "rebuild", "--jobs", "2")
    assert done.returncode == 0 and "210 added" in done.stdout
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "indexer.cli", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=clone,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
    ) as server:
        assert server.stdout is not None
        assert "answers at" in server.stdout.readline()
        server.terminate()
    assert not mark.exists()


@posix
def test_a_kb_that_leads_out_of_the_folder_is_not_used(tmp_path: Path) -> None:
    write_posts(tmp_path / "private", {"secret.md": "# zzsecret VPN password reset\n"})
    clone = write_posts(tmp_path / "clone", {"a.md": "# a note\n"})
    (clone / "kb").symlink_to(tmp_path / "private")
    done = fixdex_in(clone, "ask", "zzsecret VPN password reset")
    assert done.returncode == 1 and "zzsecret VPN" not in done.stdout
    assert f"using the posts in {clone} " in done.stderr


def test_an_index_in_a_clone_does_not_say_which_posts_are_read(tmp_path: Path) -> None:
    private = write_posts(tmp_path / "private", {"secret.md": "# zzsecret\n\nhunter2\n"})
    clone = write_posts(tmp_path / "clone", {"a.md": "# a note\n"})
    KnowledgeBase(clone, clone / "idx").rebuild()
    current = read_current(clone / "idx")
    assert current is not None
    file = clone / "idx" / "generations" / current.name / "manifest.json"
    manifest = {**json.loads(file.read_text()), "folder": str(private)}
    text = json.dumps(manifest).encode()
    file.write_bytes(text)
    (clone / "idx" / "current").write_text(f"{current.name} {sha256(text).hexdigest()}\n")
    # Made by somebody else: this user has never made an index there.
    moved = tmp_path / "cloned elsewhere"
    clone.rename(moved)
    done = fixdex_in(moved, "rebuild", "--index", "idx")
    assert done.returncode == 0 and str(private) not in done.stdout + done.stderr
    records = b"".join(path.read_bytes() for path in moved.rglob("*.records"))
    assert b"hunter2" not in records


@pytest.mark.parametrize(
    "change",
    [
        {"indexed": float("inf")},
        {"built_at": "yesterday"},
        {"parts": []},
        {"parts": 1},
        {"pairs": {"a": 1}},
        {"drafts": []},
    ],
)
def test_an_index_that_says_what_cannot_be_is_no_traceback(
    make_kb: MakeKnowledgeBase, change: dict[str, Any]
) -> None:
    place = make_kb(POSTS).place
    current = read_current(place)
    assert current is not None
    file = place / "generations" / current.name / "manifest.json"
    text = json.dumps({**json.loads(file.read_text()), **change}).encode()
    file.write_bytes(text)
    (place / "current").write_text(f"{current.name} {sha256(text).hexdigest()}\n")
    knowledge_base = KnowledgeBase(place.parent / "posts", place)
    with suppress(NoIndex):
        knowledge_base.status()
        knowledge_base.ask("nginx 502")
    assert read_summary(place) is None or isinstance(read_summary(place), Summary)
    knowledge_base.rebuild()
    assert knowledge_base.status().posts == len(POSTS)


@posix
def test_a_folder_too_deep_for_recursion_does_not_stop_a_rebuild(
    make_kb: MakeKnowledgeBase,
) -> None:
    knowledge_base = make_kb(POSTS)
    deep = knowledge_base.place / "generations" / "000000"
    deep.mkdir()
    here = os.open(deep, os.O_RDONLY)
    for _ in range(1_500):
        os.mkdir("a", dir_fd=here)
        inner = os.open("a", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    assert knowledge_base.rebuild().unchanged == len(POSTS)
    subprocess.run(["rm", "-rf", str(deep)], check=True)
