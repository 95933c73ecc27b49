"""A rebuild reads what changed, loses nothing, and never harms the index that answers."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import whoosh.index
import whoosh.query

from conftest import MakeKnowledgeBase, write_posts
from indexer import IndexFault, KnowledgeBase, NoIndex, Settings
from indexer.fixes.worth import weigh
from indexer.index.index import open_current
from indexer.index.records import from_record, to_record
from indexer.index.storage import Current, rebuilding, switch
from indexer.posts.posts import Post, read_post
from indexer.posts.problems import Problem, find_problems
from posts_for_tests import DIARY, FAQ, NGINX, POSTS


def paths(knowledge_base: KnowledgeBase, question: str) -> list[str]:
    return [hit.post.path for hit in knowledge_base.search(question).hits]


def test_a_second_rebuild_reads_only_what_changed(make_kb: MakeKnowledgeBase) -> None:
    knowledge_base = make_kb(POSTS)
    folder = knowledge_base.folder
    (folder / "python/pip.md").write_text("# pip\nnow about zeppelins\n", "utf-8")
    (folder / "diary/mountain.md").unlink()
    write_posts(folder, {"new.md": "# new\nabout gyroscopes\n"})
    report = knowledge_base.rebuild()
    states = {file.path: file.state for file in report.files}
    assert states == {
        "python/pip.md": "changed",
        "diary/mountain.md": "removed",
        "new.md": "added",
        "web/nginx-502.md": "unchanged",
        "git/faq.md": "unchanged",
        "rust/e0502.md": "unchanged",
    }
    assert (report.added, report.changed, report.removed, report.unchanged) == (1, 1, 1, 3)
    assert paths(knowledge_base, "zeppelins") == ["python/pip.md"]
    assert paths(knowledge_base, "gyroscopes") == ["new.md"]
    assert paths(knowledge_base, "爬山") == []
    assert paths(knowledge_base, "502 Permission denied")[0] == "web/nginx-502.md"


def test_bringing_up_to_date_gives_the_same_answers_as_starting_over(
    make_kb: MakeKnowledgeBase, tmp_path: Path
) -> None:
    knowledge_base = make_kb(POSTS)
    write_posts(knowledge_base.folder, {"a.md": FAQ.replace("git", "hg"), "git/faq.md": NGINX})
    knowledge_base.rebuild()
    fresh = KnowledgeBase(knowledge_base.folder, tmp_path / "fresh")
    fresh.rebuild()
    for question in ("refusing to merge", "502 nginx", "解决", "cannot borrow"):
        one, other = knowledge_base.search(question), fresh.search(question)
        assert {(h.post.path, round(h.score, 4)) for h in one.hits} == {
            (h.post.path, round(h.score, 4)) for h in other.hits
        }


def test_every_file_is_indexed_or_named_with_its_reason(make_kb: MakeKnowledgeBase) -> None:
    knowledge_base = make_kb(
        {
            "good.md": "# good\ntext",
            "broken.md": "---\ntitle: [\n---\n# still read\ngooseberry\n",
            "picture.md": bytes(range(256)) * 20,
            "draft.md": "---\ndraft: true\n---\nsecret plan\n",
            "_drafts/later.md": "later",
            "big.md": b"x" * 5_000_001,
            "notes.txt": "not a post",
            "node_modules/pkg/README.md": "a package",
            ".git/description.md": "git's own",
            ".notes/hidden.markdown": "# found too\n",
        }
    )
    report = knowledge_base.rebuild(full=True)
    reasons = {file.path: file.reason for file in report.files if file.state == "skipped"}
    assert report.found == 7
    assert report.found == report.indexed + report.skipped
    assert set(reasons) == {"picture.md", "draft.md", "_drafts/later.md", "big.md"}
    assert "binary" in (reasons["picture.md"] or "")
    assert "draft" in (reasons["draft.md"] or "")
    assert "5 MB" in (reasons["big.md"] or "")
    assert report.repaired == 1
    assert paths(knowledge_base, "gooseberry") == ["broken.md"]


def test_a_setting_includes_drafts(make_kb: MakeKnowledgeBase) -> None:
    posts = {"draft.md": "---\ndraft: true\n---\nsecret plan\n", "_drafts/b.md": "later plan\n"}
    knowledge_base = make_kb(posts, Settings(drafts=True))
    assert paths(knowledge_base, "plan") and len(paths(knowledge_base, "plan")) == 2


def test_a_rebuild_that_fails_leaves_the_index_that_answers(
    make_kb: MakeKnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowledge_base = make_kb(POSTS)
    write_posts(knowledge_base.folder, {"new.md": "# new\nabout gyroscopes\n"})

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("indexer.index.whoosh_engine.write_contents", full_disk)
    with pytest.raises(IndexFault, match="No space left on device"):
        knowledge_base.rebuild()
    assert paths(knowledge_base, "502 Permission denied")[0] == "web/nginx-502.md"
    assert len(list((knowledge_base.place / "generations").iterdir())) == 1


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
def test_a_folder_that_is_gone_is_not_a_folder_without_posts(make_kb: MakeKnowledgeBase) -> None:
    knowledge_base = make_kb(POSTS)
    knowledge_base.folder.rename(knowledge_base.folder.with_name("elsewhere"))
    with pytest.raises(IndexFault, match="cannot be read"):
        knowledge_base.rebuild()
    assert knowledge_base.ask("externally-managed-environment").found


def test_a_rebuild_that_is_killed_leaves_the_index_that_answers_and_no_process(
    make_kb: MakeKnowledgeBase,
) -> None:
    knowledge_base = make_kb({**POSTS, **{f"{n}.md": NGINX * 20 for n in range(600)}})
    command = [sys.executable, "-m", "indexer.cli", "rebuild", "--full", "--jobs", "2"]
    command += [str(knowledge_base.folder), "--index", str(knowledge_base.place)]
    for seconds in (1.0, 2.0):
        process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
        time.sleep(seconds)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        for _ in range(100):
            if not _alive(process.pid):
                break
            time.sleep(0.1)
        assert not _alive(process.pid)
        assert paths(knowledge_base, "refusing to merge unrelated histories")[0] == "git/faq.md"
    assert knowledge_base.rebuild(full=True).indexed == 605


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_index_made_by_another_version_is_made_again(make_kb: MakeKnowledgeBase) -> None:
    knowledge_base = make_kb(POSTS)
    index = open_current(knowledge_base.place)
    assert index is not None
    manifest = index.folder / "manifest.json"
    data = json.loads(manifest.read_text("utf-8"))
    text = json.dumps({**data, "fingerprint": "older"})
    manifest.write_text(text, "utf-8")
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    switch(knowledge_base.place, Current(index.current.name, digest))
    other = KnowledgeBase(knowledge_base.folder, knowledge_base.place)
    with pytest.raises(NoIndex, match="fixdex rebuild"):
        other.search("nginx")
    assert other.rebuild().added == len(POSTS)


@pytest.mark.parametrize("damage", [b"", b"\x80\x04garbage", b"[]", None])
def test_a_damaged_index_is_no_index_and_is_made_again(
    make_kb: MakeKnowledgeBase, damage: bytes | None
) -> None:
    knowledge_base = make_kb(POSTS)
    (generation,) = (knowledge_base.place / "generations").iterdir()
    for file in [path for path in generation.rglob("*") if path.is_file()]:
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    broken = KnowledgeBase(knowledge_base.folder, knowledge_base.place)
    with pytest.raises(NoIndex, match="no index that can be used"):
        broken.ask("502")
    assert broken.rebuild().added == len(POSTS)
    assert broken.ask("502 Permission denied").alternatives or broken.search("502").total


def test_a_file_where_the_index_should_be_is_told_and_an_empty_folder_taken(
    make_kb: MakeKnowledgeBase, tmp_path: Path
) -> None:
    place = tmp_path / "file"
    place.write_text("no folder", "utf-8")
    with pytest.raises(IndexFault, match="is a file; name a folder"):
        KnowledgeBase(make_kb(POSTS).folder, place).rebuild()
    (tmp_path / "place").mkdir()
    assert KnowledgeBase(tmp_path / "posts", tmp_path / "place").rebuild().indexed == len(POSTS)


def test_two_rebuilds_at_once_are_refused_in_one_sentence(make_kb: MakeKnowledgeBase) -> None:
    knowledge_base = make_kb(POSTS)
    with rebuilding(knowledge_base.place), pytest.raises(IndexFault, match="is running"):
        knowledge_base.rebuild()


def test_an_open_knowledge_base_notices_the_rebuild_of_another_process(
    make_kb: MakeKnowledgeBase,
) -> None:
    knowledge_base = make_kb(POSTS)
    assert paths(knowledge_base, "gyroscopes") == []
    write_posts(knowledge_base.folder, {"new.md": "# new\nabout gyroscopes\n"})
    KnowledgeBase(knowledge_base.folder, knowledge_base.place).rebuild()
    assert paths(knowledge_base, "gyroscopes") == ["new.md"]


def test_the_place_is_private_and_ignored_by_git(make_kb: MakeKnowledgeBase) -> None:
    place = make_kb(POSTS).place
    assert place.stat().st_mode & 0o777 == 0o700
    assert (place / ".gitignore").read_text() == "*\n"


def test_an_empty_folder_gives_an_index_that_finds_nothing(make_kb: MakeKnowledgeBase) -> None:
    knowledge_base = make_kb({"readme.txt": "no posts here"})
    assert knowledge_base.search("anything").total == 0
    assert knowledge_base.ask("anything").state == "none"


def test_many_posts_are_read_by_several_processes(make_kb: MakeKnowledgeBase) -> None:
    posts = {f"{n:03}.md": f"# post {n}\n\nword{n} {DIARY}\n" for n in range(230)}
    knowledge_base = make_kb(posts)
    report = knowledge_base.rebuild(full=True, jobs=2)
    assert report.indexed == 230
    assert paths(knowledge_base, "word117")[0] == "117.md"


def test_a_problem_comes_back_from_its_record_as_it_was() -> None:
    for text in POSTS.values():
        for problem in find_problems(read_post("a.md", text.encode("utf-8"))):
            assert from_record(to_record(problem)) == problem
            assert from_record(to_record(weigh(problem))) == weigh(problem)


def test_a_post_that_fails_alone_fails_alone(
    make_kb: MakeKnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowledge_base = make_kb(POSTS)

    def fail(post: Post) -> tuple[Problem, ...]:
        if post.path == "git/faq.md":
            raise RecursionError
        return find_problems(post)

    monkeypatch.setattr("indexer.index.batches.find_problems", fail)
    report = knowledge_base.rebuild(full=True)
    assert (report.indexed, report.skipped) == (len(POSTS) - 1, 1)
    (lost,) = [file for file in report.files if file.state == "skipped"]
    assert lost.path == "git/faq.md" and "RecursionError; please report it" in (lost.reason or "")


def parts(knowledge_base: KnowledgeBase) -> list[tuple[int, int]]:
    """(posts, posts that are gone) of each segment of the index."""
    index = open_current(knowledge_base.place)
    assert index is not None
    return [(len(part.posts), len(part.gone)) for part in index.parts]


def test_the_next_generation_shares_the_files_of_what_did_not_change(
    make_kb: MakeKnowledgeBase,
) -> None:
    knowledge_base = make_kb({f"{n}.md": f"# {n}\n\nquokka\n" for n in range(100)})
    before = open_current(knowledge_base.place)
    write_posts(knowledge_base.folder, {"7.md": "# 7\n\nwombat\n"})
    knowledge_base.rebuild()
    after = open_current(knowledge_base.place)
    assert before is not None and after is not None
    assert before.folder != after.folder
    for name in before.parts[0].files:
        assert (before.folder / name).samefile(after.folder / name)
    assert parts(knowledge_base) == [(100, 1), (1, 0)]


def test_there_are_never_many_segments(make_kb: MakeKnowledgeBase) -> None:
    knowledge_base = make_kb({f"{n}.md": f"# {n}\n\nquokka\n" for n in range(300)})
    for turn in range(12):
        changed = {f"{turn * 20 + n}.md": f"# {n}\n\nwombat\n" for n in range(20)}
        write_posts(knowledge_base.folder, changed)
        knowledge_base.rebuild()
        found = parts(knowledge_base)
        assert len(found) <= 4
        assert sum(posts - gone for posts, gone in found) == 300
        assert knowledge_base.search("wombat").total == (turn + 1) * 20
        assert knowledge_base.search("quokka").total == 300 - (turn + 1) * 20


def test_an_index_of_many_segments_answers_as_one_made_at_once(
    make_kb: MakeKnowledgeBase, tmp_path: Path
) -> None:
    knowledge_base = make_kb({f"many/{n}.md": DIARY + f"\nword{n % 7}\n" for n in range(100)})
    for path, text in POSTS.items():
        write_posts(knowledge_base.folder, {path: text, "many/3.md": f"# {path}\n\nmore\n"})
        knowledge_base.rebuild()
    assert len(parts(knowledge_base)) > 1
    fresh = KnowledgeBase(knowledge_base.folder, tmp_path / "fresh")
    fresh.rebuild()
    for question in ("refusing to merge", "502 nginx", "爬山", "word3", "cannot borrow", "more"):
        one, other = (
            knowledge_base.search(question, per_page=100),
            fresh.search(question, per_page=100),
        )
        assert one.total == other.total > 0
        assert sorted((h.post.path, round(h.score, 3)) for h in one.hits) == sorted(
            (h.post.path, round(h.score, 3)) for h in other.hits
        )
        assert knowledge_base.ask(question).state == fresh.ask(question).state


def test_plain_whoosh_sees_what_is_gone_as_deleted(make_kb: MakeKnowledgeBase) -> None:
    knowledge_base = make_kb({f"{n}.md": f"# {n}\n\nquokka\n" for n in range(100)})
    write_posts(knowledge_base.folder, {"7.md": "# 7\n\nwombat\n"})
    (knowledge_base.folder / "8.md").unlink()
    knowledge_base.rebuild()
    index = open_current(knowledge_base.place)
    assert index is not None
    with whoosh.index.open_dir(str(index.folder / "whoosh")).searcher() as searcher:
        assert searcher.doc_count() == len(index.engine) == 99
        found = searcher.search(whoosh.query.Term("text", "quokka"), limit=None)
        assert len(found) == 98


def test_a_file_that_only_looks_different_is_read_and_found_to_be_the_same(
    make_kb: MakeKnowledgeBase,
) -> None:
    knowledge_base = make_kb(POSTS)
    for path in POSTS:
        os.utime(knowledge_base.folder / path, ns=(1, 1))
    assert knowledge_base.rebuild().unchanged == len(POSTS)


def test_a_change_that_keeps_size_and_time_is_noticed(make_kb: MakeKnowledgeBase) -> None:
    knowledge_base = make_kb({"a.md": "# a\n\nquokka\n"})
    file = knowledge_base.folder / "a.md"
    # Old enough to be known by its looks.
    os.utime(file, ns=(10**18, 10**18))
    time.sleep(0.01)
    file.write_text("# a\n\nwombat\n", "utf-8")
    os.utime(file, ns=(10**18, 10**18))
    assert knowledge_base.rebuild().changed == 1
    assert paths(knowledge_base, "wombat") == ["a.md"]
