"""`fixdex check`: posts that will not answer, and why."""

from __future__ import annotations

import json
from pathlib import Path

from test_cli import fixdex

from conftest import MakeKnowledgeBase, write_posts
from indexer.checks import check
from posts_for_tests import NGINX, POSTS

NO_FIX = """# jq cannot index number

# 现象

```
jq: error (at <stdin>:1): Cannot index number with "name"
```
"""


def kinds(made: MakeKnowledgeBase, posts: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in check(made(posts)).findings:
        found.setdefault(one.path, []).append(one.kind)
    return found


def test_posts_that_answer_are_not_named(make_kb: MakeKnowledgeBase) -> None:
    assert kinds(make_kb, dict(POSTS)) == {}


def test_a_problem_without_a_fix_is_named_with_its_line(make_kb: MakeKnowledgeBase) -> None:
    (found,) = (one for one in check(make_kb({"jq.md": NO_FIX})).findings if one.kind == "no fix")
    assert found.path == "jq.md" and 5 <= found.line <= 6
    assert "Cannot index number" in found.reason


def test_posts_of_one_title_and_one_error_line_are_named(make_kb: MakeKnowledgeBase) -> None:
    # Four posts tell the same: by its error line, only three can be among the first three.
    found = kinds(make_kb, {f"{name}.md": NGINX for name in "abcd"})
    assert all("same title" in own for own in found.values()) and len(found) == 4
    assert sum("error line" in own for own in found.values()) == 1


def test_what_was_repaired_is_named_with_its_line(make_kb: MakeKnowledgeBase) -> None:
    text = NGINX.rstrip().removesuffix("```")
    (found,) = check(make_kb({"nginx.md": text})).findings
    assert found.kind == "repaired"
    assert text.split("\n")[found.line - 1].startswith("```")


def test_a_heading_that_promises_a_fix_and_holds_none_is_named(make_kb: MakeKnowledgeBase) -> None:
    text = (
        "# 磁盘满了\n\n# 现象\n\n日志写满了磁盘，服务起不来。\n\n# 解决方法\n\n# 参考\n\n见文档。\n"
    )
    assert kinds(make_kb, {"disk.md": text})["disk.md"] == ["empty fix"]
    assert (
        kinds(make_kb, {"disk.md": text.replace("解决方法\n", "解决方法\n\n清理 /var/log。\n")})
        == {}
    )


def test_the_command_names_posts_and_says_by_its_code_whether_any_was(tmp_path: Path) -> None:
    folder = write_posts(tmp_path / "posts", {**POSTS, "jq.md": NO_FIX})
    fixdex("rebuild", folder)
    shown = fixdex("check", "--kb", folder)
    assert shown.returncode == 1
    assert b"jq.md" in shown.stdout and b"no fix" in shown.stdout
    body = json.loads(fixdex("check", "--kb", folder, "--json").stdout)
    assert body["posts"] == len(POSTS) + 1
    assert {one["path"] for one in body["findings"]} == {"jq.md"}
    (folder / "jq.md").unlink()
    fixdex("rebuild", folder)
    assert fixdex("check", "--kb", folder).returncode == 0
