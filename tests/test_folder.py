"""Which files are posts, and what their bytes say."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from conftest import write_posts
from indexer.posts.folder import LARGEST, NotText, decode, find_posts, holds_posts

CHINESE = "安装的时候报错，解决的方法是把文件的编码改成这个。"


def reasons(folder: Path, *, drafts: bool = False) -> dict[str, str | None]:
    return {found.path: found.reason for found in find_posts(folder, drafts=drafts)}


def test_posts_are_markdown_files_of_any_case_anywhere_in_path_order(tmp_path: Path) -> None:
    names = ["b.md", "a/x.MARKDOWN", "a/b/c/deep.mdx", "中文 名.md", "a#b?c%.md"]
    write_posts(tmp_path, {**dict.fromkeys(names, "x"), "a.txt": "x", "md": "x"})
    assert list(reasons(tmp_path)) == sorted(names)
    assert set(reasons(tmp_path).values()) == {None}


def test_folders_of_tools_are_not_entered_but_other_dot_folders_are(tmp_path: Path) -> None:
    closed = [".git", ".obsidian", ".trash", ".fixdex", "node_modules", "a/.git"]
    write_posts(tmp_path, {f"{name}/x.md": "x" for name in [*closed, ".notes", "a/.b"]})
    assert list(reasons(tmp_path)) == [".notes/x.md", "a/.b/x.md"]


def test_drafts_are_named_unless_the_setting_includes_them(tmp_path: Path) -> None:
    write_posts(tmp_path, {"_drafts/x.md": "x", "my_drafts/y.md": "y"})
    assert "draft" in (reasons(tmp_path)["_drafts/x.md"] or "")
    assert reasons(tmp_path)["my_drafts/y.md"] is None
    assert reasons(tmp_path, drafts=True)["_drafts/x.md"] is None


def test_links_that_lead_out_are_named_and_not_followed(tmp_path: Path) -> None:
    outside = write_posts(tmp_path / "outside", {"secret.md": "x"})
    folder = write_posts(tmp_path / "kb", {"a.md": "x"})
    (folder / "out.md").symlink_to(outside / "secret.md")
    (folder / "out").symlink_to(outside)
    (folder / "in.md").symlink_to(folder / "a.md")
    (folder / "round").symlink_to(folder)
    (folder / "nowhere.md").symlink_to(folder / "missing.md")
    (folder / "itself.md").symlink_to(folder / "itself.md")
    found = reasons(folder)
    assert "out of the folder" in (found["out.md"] or "")
    assert "out of the folder" in (found["out"] or "")
    assert found["in.md"] is None and found["a.md"] is None
    assert found["nowhere.md"] and found["itself.md"]
    assert not any(path.startswith(("round/", "out/")) for path in found)


def test_links_that_lead_on_without_end_or_through_no_name_cost_no_other_file(
    tmp_path: Path,
) -> None:
    write_posts(tmp_path, {"a.md": "x"})
    (tmp_path / "0.md").symlink_to("a.md")
    for number in range(1, 1_200):
        (tmp_path / f"{number}.md").symlink_to(f"{number - 1}.md")
    (tmp_path / "long").symlink_to("n" * 300)
    (tmp_path / "long.md").symlink_to("n" * 300)
    (tmp_path / "round").symlink_to("round")
    found = reasons(tmp_path)
    assert found["a.md"] is None and found["0.md"] is None
    assert "cannot be read" in (found["1199.md"] or "")
    assert "cannot be read" in (found["long.md"] or "")
    assert holds_posts(tmp_path)


def test_what_cannot_be_read_is_named_with_its_reason(tmp_path: Path) -> None:
    write_posts(tmp_path, {"large.md": b"a" * (LARGEST + 1), "fits.md": b"a" * LARGEST})
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "folder.md").mkdir()
    found = reasons(tmp_path)
    assert found == {"fits.md": None, "large.md": "larger than 5 MB", "pipe.md": found["pipe.md"]}
    assert found["pipe.md"] == "not a regular file"


def test_a_name_of_any_bytes_can_be_shown_as_json(tmp_path: Path) -> None:
    try:
        (Path(os.fsdecode(bytes(tmp_path) + b"/bad\xff.md"))).write_text("x")
    except OSError:
        pytest.skip("this file system refuses such names")
    [found] = find_posts(tmp_path)
    assert found.path == "bad\\xff.md"
    json.dumps(found.path).encode("utf-8")
    assert found.file.read_text() == "x"


def test_a_tree_deeper_than_the_stack_is_walked(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 400)
    deep.mkdir(parents=True)
    (deep / "x.md").write_text("x")
    assert len(list(find_posts(tmp_path))) == 1


def test_utf_8_needs_no_repair() -> None:
    assert decode(CHINESE.encode()).text == CHINESE
    assert decode(CHINESE.encode()).repairs == ()
    assert decode(b"") == decode(b"")


@pytest.mark.parametrize("text", ["# 标题\n\n" + CHINESE, "# Title\n\nText in English.\n"])
@pytest.mark.parametrize(
    ("encoding", "told"),
    [("utf-8-sig", "byte order mark"), ("utf-16", "UTF-16"), ("utf-32", "UTF-32")],
)
def test_a_byte_order_mark_is_read_and_reported(text: str, encoding: str, told: str) -> None:
    decoded = decode(text.encode(encoding))
    assert decoded.text == text
    assert told in decoded.repairs[0]


def test_gb18030_and_big5_are_told_apart_and_reported() -> None:
    simplified, traditional = (
        CHINESE,
        "安裝的時候出現錯誤，解決的方法是把這個檔案的設定改成我們的。",
    )
    assert decode(simplified.encode("gb18030")).text == simplified
    assert decode(simplified.encode("gb18030")).repairs == ("decoded as GB18030",)
    assert decode(traditional.encode("big5")).text == traditional
    assert decode(traditional.encode("big5")).repairs == ("decoded as BIG5",)


def test_utf_16_without_a_mark_is_recognised() -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        decoded = decode("# Title\n\nsome words here\n".encode(encoding))
        assert decoded.text == "# Title\n\nsome words here\n"
        assert "UTF-16" in decoded.repairs[0]


def test_a_few_bad_bytes_do_not_lose_the_post() -> None:
    decoded = decode((CHINESE * 3).encode() + b"\xff" + CHINESE.encode())
    assert CHINESE in decoded.text and "\ufffd" in decoded.text
    assert "1 bytes" in decoded.repairs[0]


def test_every_line_end_becomes_a_line_feed() -> None:
    assert decode(b"a\r\nb\rc\nd").text == "a\nb\nc\nd"


def test_a_stray_nul_is_removed_and_reported() -> None:
    decoded = decode(b"words " * 100 + b"\0 end")
    assert decoded.text.endswith(" end") and "\0" not in decoded.text
    assert "NUL" in decoded.repairs[0]


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
        bytes(1000),
        bytes(range(1, 9)) * 100,
        b"\xff\xfe" + b"\x00\xd8" * 500,
        b"a" * (LARGEST + 1),
    ],
)
def test_what_is_no_text_is_refused_with_a_reason(data: bytes) -> None:
    with pytest.raises(NotText, match=r"\w+"):
        decode(data)
