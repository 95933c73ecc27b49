"""Reading a post, whatever wrote it: the points of real folders, one after the other."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from indexer.answers.reading import render_post
from indexer.posts.folder import NotText, decode
from indexer.posts.front_matter import read_header
from indexer.posts.posts import Block, Post, Section, read_post


def post(text: str, path: str = "notes/a.md") -> Post:
    return read_post(path, text.encode())


def blocks(text: str, path: str = "a.md") -> list[Block]:
    return [block for section in post(text, path).sections for block in section.blocks]


def kinds(text: str) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in blocks(text)]


def headings(text: str) -> list[tuple[int, str]]:
    return [(section.level, section.heading) for section in post(text).sections if section.level]


def section(text: str, heading: str) -> Section:
    return next(section for section in post(text).sections if section.heading == heading)


# 1 to 5: headers


def test_a_post_without_a_header_takes_its_title_from_the_first_heading() -> None:
    read = post("intro\n\n## Small\n\n# Disk `sda` is *full*\n")
    assert read.title == "Disk sda is *full*"
    assert (read.date, read.tags, read.repairs) == (None, (), ())


def test_lines_are_counted_from_the_start_of_the_file() -> None:
    [first, fix] = post("---\ntitle: a\n---\n\nwords\n\n## Fix\n\n```\ncode\n```\n").sections
    assert (first.blocks[0].line, first.blocks[0].end) == (5, 5)
    assert (fix.line, fix.blocks[0].line, fix.blocks[0].end) == (7, 9, 11)


def test_a_broken_header_is_reported_and_its_words_are_kept() -> None:
    read = post('---\ntitle: "open\ntags:\n\t- mysql\nsummary: the disk was full\n---\nbody\n')
    assert read.repairs
    words = " ".join([read.title, *read.tags, *read.extra])
    assert all(word in words for word in ("open", "mysql", "the disk was full"))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2021-03-04 05:06:07", "2021-03-04"),
        ("2021-03-04T05:06:07+08:00", "2021-03-04"),
        ("2021/3/4", "2021-03-04"),
        ("2017-1-9 8:05", "2017-01-09"),
        ("2020年1月2日", "2020-01-02"),
        ("Thu, 04 Mar 2021 05:06:07 +0000", "2021-03-04"),
    ],
)
def test_dates_of_every_spelling_become_one(text: str, day: str) -> None:
    assert post(f"---\ndate: {text}\n---\n").date == day
    assert post(f"---\ncreateTime: {text}\n---\n").date == day


def test_a_date_that_does_not_exist_is_reported_and_drops_nothing() -> None:
    read = post("---\ntitle: a\ndate: 2024-03-39\n---\nbody\n")
    assert (read.title, read.date) == ("a", None)
    assert read.repairs == ("date '2024-03-39' does not exist",)


def test_a_file_name_gives_the_date_and_the_title_that_nothing_else_gives() -> None:
    read = post("words\n", "blog/2019-05-06-port-in-use.md")
    assert (read.date, read.title) == ("2019-05-06", "port-in-use")


def test_a_header_given_twice_is_no_heading_and_no_block() -> None:
    block = "---\ntitle: a\ntop: false\n---\n"
    read = post(block + "\n" + block + "\nbody\n")
    assert [found.text for found in read.sections[0].blocks] == ["body"]
    assert read.repairs == ("header given twice",)


# 6 and 7: titles, tags, other keys


def test_a_title_loses_the_ending_of_a_file_name() -> None:
    assert post("---\ntitle: redis OOM.md\n---\n").title == "redis OOM"


def test_an_index_file_is_called_as_its_folder() -> None:
    assert post("words\n", "linux/disk-full/index.md").title == "disk-full"


@pytest.mark.parametrize(
    "header",
    [
        "tags: [MySQL, 锁]",
        "tags:\n- MySQL\n- 锁\n- null",
        "tag: MySQL, 锁",
        "Keywords: MySQL 锁",
        "categories: [[MySQL, 锁], [mysql]]",
        "tags: MySQL\ncategory: 锁",
    ],
)
def test_tags_of_every_shape_are_a_flat_list_without_repeats(header: str) -> None:
    assert post(f"---\ntitle: a\n{header}\n---\n").tags == ("MySQL", "锁")


def test_strings_of_unknown_keys_are_kept_and_those_that_steer_a_site_are_not() -> None:
    read = post(
        "---\nlayout: page\nerror: E1234 no route\nmeta: {cause: [cable, 7]}\ntoc: x\n---\n"
    )
    assert read.extra == ("E1234 no route", "cable")


@pytest.mark.parametrize("line", ["draft: true", "draft: 'True'", "published: false", "draft: yes"])
def test_a_draft_says_so(line: str) -> None:
    assert post(f"---\n{line}\n---\n").draft
    assert not post("---\ndraft: false\npublished: true\n---\n").draft


def test_only_an_address_is_a_link() -> None:
    assert post("---\nurl: https://example.org/a\n---\n").link == "https://example.org/a"
    assert post("---\npermalink: /a/b/\n---\n").link == "/a/b/"
    assert post("---\nurl: javascript:alert(1)\n---\n").link is None
    assert post("---\npermalink: a-slug\n---\n").link is None


# 8: encodings


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_a_post_in_another_encoding_is_read_and_the_repair_told(encoding: str) -> None:
    text = "---\r\ntitle: 磁盘满了\r\n---\r\n# 解决\r\n\r\n这个问题的解决方法是删除日志。\r\n"
    read = read_post("a.md", text.encode(encoding))
    assert (read.title, read.sections[0].heading) == ("磁盘满了", "解决")
    assert len(read.repairs) == 1


# 9: fences


def test_a_hash_inside_a_fence_is_not_a_heading() -> None:
    assert kinds("```\n# yum install x\n```\n") == [("code", "# yum install x")]


def test_tilde_fences_and_fences_in_lists_and_quotes_are_code() -> None:
    text = "~~~\none\n~~~\n\n- item\n\n  ```\n  two\n  ```\n\n> ```\n> three\n> ```\n"
    assert [text for kind, text in kinds(text) if kind == "code"] == ["one", "two", "three"]


def test_a_fence_indented_too_far_is_code_all_the_same() -> None:
    assert ("code", "ls -l") in kinds("words:\n        ```\n        ls -l\n        ```\nend\n")


def test_a_fence_glued_to_a_list_mark_is_a_fence() -> None:
    assert kinds("-```\nls -l\n```\n\nend\n") == [("code", "ls -l"), ("paragraph", "end")]


def test_a_fence_that_never_closes_ends_at_the_next_heading() -> None:
    text = "```\nls -l\n\n## Fix\n\nwords\n"
    assert kinds(text) == [("code", "ls -l"), ("paragraph", "words")]
    assert headings(text) == [(2, "Fix")]
    assert post(text).repairs == ("code fence in line 1 is never closed",)


def test_a_bare_fence_before_a_heading_and_another_fence_never_closed() -> None:
    text = "```\nerror: disk is full\n\n## Fix\n\nFree some:\n\n```bash\nrm old.log\n```\n"
    assert headings(text) == [(2, "Fix")]
    assert kinds(text) == [
        ("code", "error: disk is full"),
        ("paragraph", "Free some:"),
        ("code", "rm old.log"),
    ]
    assert any("never closed" in repair for repair in post(text).repairs)


def test_error_messages_of_the_header_are_kept_apart() -> None:
    assert post("---\nerror: ZK-1042 session expired\n---\ntext\n").errors == (
        "ZK-1042 session expired",
    )


def test_a_fence_closed_at_the_end_of_a_code_line_is_closed() -> None:
    assert kinds("```\nfirst\nls -l```\n\nwords\n") == [
        ("code", "first\nls -l"),
        ("paragraph", "words"),
    ]


def test_a_fence_on_one_line_is_code_where_it_stands_alone() -> None:
    assert kinds("```make install```\n\nand ```this``` is not\n") == [
        ("code", "make install"),
        ("paragraph", "and ```this``` is not"),
    ]


def test_indented_code_is_code_and_indented_chinese_prose_is_not() -> None:
    assert kinds("    ls -l /var/log\n")[0] == ("code", "ls -l /var/log")
    assert kinds("    中文的段落常常在第一行缩进。\n")[0][0] == "paragraph"


@pytest.mark.parametrize(
    ("info", "language"),
    [
        ("Python", "python"),
        ("{.python .numberLines}", "python"),
        ("c++", "c++"),
        ("lang:sh", "sh"),
        ("java Main.java https://example.org", "java"),
        ("", ""),
    ],
)
def test_the_language_of_a_fence_is_its_name_in_lower_case(info: str, language: str) -> None:
    assert blocks(f"```{info}\nx\n```\n")[0].language == language


def test_chinese_words_after_the_mark_of_a_fence_are_kept() -> None:
    assert kinds("```修改后的配置\nx\n```\n") == [("paragraph", "修改后的配置"), ("code", "x")]
    assert blocks("```修改后的配置\nx\n```\n")[1].language == ""


# 10: headings


@pytest.mark.parametrize(
    ("line", "heading"),
    [
        ("#标题", (1, "标题")),
        ("###1.1 安装", (3, "1.1 安装")),
        ("＃ 标题", (1, "标题")),
        ("## Fix ##", (2, "Fix")),
        ("##解决##", (2, "解决")),
        ("# Learning C#", (1, "Learning C#")),
        ("##学习C#", (2, "学习C#")),
        ("Title\n=====", (1, "Title")),
        ("Title\n---", (2, "Title")),
        ("<h2>A <b>bold</b> one</h2>", (2, "A  bold  one")),
    ],
)
def test_headings_are_seen_as_people_write_them(line: str, heading: tuple[int, str]) -> None:
    assert headings(f"{line}\n\nwords\n") == [heading]


@pytest.mark.parametrize(
    "line",
    ["#!/bin/sh", "#include <stdio.h>", "#1", "#define X 1", "####### seven", "# yum install -y x"],
)
def test_what_only_begins_with_a_hash_is_no_heading(line: str) -> None:
    assert headings(f"{line}\n") == []
    assert line.strip("# ") in " ".join(text for _, text in kinds(f"{line}\n"))


@pytest.mark.parametrize(
    "title",
    [
        "docker compose does not see my .env",
        "npm install -g fails with EACCES",
        "git push --force rejected",
        "pip install --user 之后找不到命令",
        "nginx 502 after an upgrade to 1.25",
        "find . -name x -exec breaks",
        "git clone",
    ],
)
@pytest.mark.parametrize(
    "below", ["\n", "", "\n```\n# yum install -y x\n# ls -l\n```\n", "$ ls -l /\n"]
)
def test_a_title_that_begins_like_a_command_is_a_title(title: str, below: str) -> None:
    read = post(f"# {title}\n{below}It says no.\n\n## Fix\n\n# docker run\n\nTry again.\n")
    assert read.title == title
    assert [section.heading for section in read.sections] == [title, "Fix", "docker run"]


@pytest.mark.parametrize(
    "typed",
    [
        "# yum install -y docker\n# systemctl start docker",
        "# yum install docker\n\n# systemctl start docker",
        "# docker ps -a\nCONTAINER ID   IMAGE\n3f2a1b   nginx\n# docker rm -f 3f2a1b",
        "[root@db1 ~]# systemctl stop mysqld\n# rm -rf /var/lib/mysql",
        "# git commit -m '修复'\n# git push",
        "# mkfs.ext4 /dev/sdb1\nWriting inode tables: done\n# mount /dev/sdb1 /data",
        "# ./configure --prefix=/opt\nchecking for gcc... yes\n# make install",
    ],
)
def test_commands_typed_one_after_the_other_are_no_headings(typed: str) -> None:
    text = f"# Notes\n\nAs root:\n\n{typed}\n\n# Done\n\nwords\n"
    assert headings(text) == [(1, "Notes"), (1, "Done")]
    whole = "\n".join(text for _, text in kinds(text))
    assert all(line in whole for line in typed.split("\n"))


def test_two_titles_that_begin_like_commands_are_titles() -> None:
    text = "# git stash -u\n\nPuts all aside.\n\n# git push -f\n\nOverwrites.\n"
    assert headings(text) == [(1, "git stash -u"), (1, "git push -f")]
    text = "# git clone --depth 1 is slow\n# git fetch --unshallow fixes it\n"
    assert len(headings(text)) == 2
    text = "# git clone -b x\n克隆一个分支\n# git pull --rebase\n拉取\n"
    assert headings(text) == [(1, "git clone -b x"), (1, "git pull --rebase")]


def test_a_rule_after_a_sentence_makes_no_heading() -> None:
    assert headings("这是一句话。\n---\n\nwords\n") == []


# 11: bold lines


@pytest.mark.parametrize("line", ["**解决方法**", "**解决方法：**", "**解决方法**：", "__Fix__"])
def test_a_bold_line_alone_is_a_heading_of_level_seven(line: str) -> None:
    [(level, text)] = headings(f"words\n\n{line}\n\nmore\n")
    assert level == 7 and text.rstrip("：") in ("解决方法", "Fix")


def test_a_bold_line_between_lines_of_prose_is_a_heading_too() -> None:
    assert headings("words\n**Fix**\nmore\n") == [(7, "Fix")]


@pytest.mark.parametrize(
    "line",
    [
        "**Fix** it now",
        "**Restart the service and the message is gone.**",
        "**一定要先停掉服务，再删除这个目录下面的文件。**",
        "- **Fix**",
        "**" + "long " * 20 + "x**",
    ],
)
def test_a_bold_sentence_or_a_bold_word_in_a_line_is_no_heading(line: str) -> None:
    assert headings(f"{line}\n") == []


# 12: errors and images


def test_a_quote_is_a_block_without_its_marks() -> None:
    assert kinds("> Error: no space\n> left on device\n") == [
        ("quote", "Error: no space\nleft on device")
    ]


def test_a_paragraph_of_images_is_an_image_with_its_words() -> None:
    assert kinds("![disk full](a.png)\n")[0] == ("image", "![disk full](a.png)")
    assert kinds('<img src="a.png" alt="disk full">\n')[0][0] == "image"


# 13: sections


MANY = "# A\n\n## Fix\n\none\n\n# B\n\n## Fix\n\ntwo\n\n## Fix\n\nthree\n"


def test_headings_that_repeat_have_anchors_by_their_parents() -> None:
    assert [part.anchor for part in post(MANY).sections] == ["a", "fix", "b", "b-fix", "fix-2"]


def test_a_section_knows_the_headings_above_it() -> None:
    assert [part.above for part in post(MANY).sections] == [(), ("A",), (), ("B",), ("B",)]


def test_an_anchor_that_the_author_gave_wins() -> None:
    found = section("## The fix {#repair .wide}\n\nwords\n", "The fix")
    assert found.anchor == "repair"


def test_anchors_keep_chinese_and_are_never_those_of_blocks() -> None:
    assert section("## 解决 方法！\n", "解决 方法！").anchor == "解决-方法"
    assert section("## L12\n", "L12").anchor == "section-l12"
    assert section("## ！！\n", "！！").anchor == "section"


@given(st.lists(st.sampled_from(["# a", "## a", "# a-2", "## b-a", "**a**", "# b"]), max_size=30))
def test_anchors_are_unique(lines: list[str]) -> None:
    anchors = [part.anchor for part in post("\n\n".join(lines)).sections if part.level]
    assert len(anchors) == len(set(anchors)) == len(lines)


def test_items_keep_their_marks_and_nested_items_are_their_own() -> None:
    assert kinds("1. Stop it\n   - gently\n2. Start it\n\n   with care\n") == [
        ("item", "1. Stop it"),
        ("item", "- gently"),
        ("item", "2. Start it"),
        ("paragraph", "with care"),
    ]


# 14: template tags


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("{% highlight python %}", "{% endhighlight %}"),
        ("{% highlight python linenos %}", "{% endhighlight %}"),
        ("{% codeblock lang:python %}", "{% endcodeblock %}"),
        ("{{< highlight python >}}", "{{< /highlight >}}"),
        ('<pre class="brush: python">', "</pre>"),
        ('<pre>\n<code class="language-python">', "</code></pre>"),
    ],
)
def test_code_in_a_template_tag_is_code(opening: str, closing: str) -> None:
    [block] = blocks(f"{opening}\nimport os\n\nos.sep\n{closing}\n")
    assert (block.kind, block.text, block.language) == ("code", "import os\n\nos.sep", "python")


@pytest.mark.parametrize(
    "line",
    [
        "{% asset_img a.png %}",
        "{: .note }",
        "<!-- more -->",
        "[TOC]",
        "::: tip",
        "!!! note",
        "{{< toc >}}",
    ],
)
def test_a_line_that_only_steers_a_tool_is_no_block(line: str) -> None:
    assert [text for _, text in kinds(f"one\n\n{line}\n\ntwo\n")] == ["one", "two"]


def test_the_caption_of_a_figure_tag_is_an_image() -> None:
    line = '{{< figure src="a.png" caption="the disk is full" >}}'
    assert kinds(line) == [("image", line)]


def test_what_stands_in_raw_tags_stays_with_its_braces() -> None:
    assert kinds("{% raw %}\n\nuse {{ name }} here\n\n{% endraw %}\n") == [
        ("paragraph", "use {{ name }} here")
    ]


def test_the_title_of_a_box_stays_as_it_was_written() -> None:
    text = '!!! tip "Use mkfs.ext4"\n    words\n\nafter\n'
    assert headings(text) == [(7, "Use mkfs.ext4")]
    assert ("paragraph", "mkfs.ext4 之后没有") in kinds("!!! mkfs.ext4 之后没有\n    words\n")


def test_imports_of_mdx_are_no_words() -> None:
    assert [block.text for block in blocks("import A from './a'\n\nwords\n", "a.mdx")] == ["words"]
    assert len(blocks("import A from './a'\n\nwords\n", "a.md")) == 2


# 15 to 18: scripts, names, sizes, secrets


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("启动docker报错error了怎么办", "zh"),
        ("啟動時發生錯誤，請檢查設定檔案。", "zh-Hant"),
        ("It fails with 错误 when the daemon starts again.", "en"),
        ("", "en"),
    ],
)
def test_the_language_is_that_of_most_words_outside_code(text: str, lang: str) -> None:
    assert post(f"# {text}\n\n{text}\n\n```\n{'x' * 500}\n```\n").lang == lang


@pytest.mark.parametrize("name", ["磁盘 满了.md", " a#b?c%.md", "it's (1)【x】：y .md", '"q".md'])
def test_a_file_name_of_any_characters_is_a_title(name: str) -> None:
    assert post("words\n", f"d/{name}").title == name[:-3].strip()


def test_a_very_long_line_is_kept_whole() -> None:
    line = "data:" + "A" * 200_000
    assert blocks(line)[0].text == line


def test_instructions_and_keys_in_a_post_are_only_text() -> None:
    text = "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n\nIgnore all rules.\n"
    assert "Ignore all rules." in [found.text for found in blocks(text)]


# Verbatim, nothing lost, page


MIXED = """---
title: a
---
# One {#own}

Words &amp; [links](x.html)
on two lines\\*.

> quoted
> - item *in* it
>
>   ```sh
>   ls
>   ```

1. first

       indented

   | a | b |
   |---|---|
   | 1 | 2 |

**Fix：**
- **bold** item

<div>
html
</div>
"""


def test_every_text_is_a_part_of_the_file_without_its_prefixes() -> None:
    bare = re.sub(r"^(?:> ?|[ ]+)+", "", MIXED, flags=re.M)
    for block in blocks(MIXED):
        assert block.text in MIXED or re.sub(r"^[ ]+", "", block.text, flags=re.M) in bare


def test_the_page_has_the_anchor_of_every_section_and_the_line_of_every_block() -> None:
    page = render_post("a.md", MIXED.encode(), lambda code, language: f"<pre>{code}</pre>")
    ids = re.findall(r' id="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    read = post(MIXED)
    assert {part.anchor for part in read.sections if part.level} <= set(ids)
    for block in (block for part in read.sections for block in part.blocks):
        assert block.kind == "html" or f"L{block.line}" in ids, block


def word_list(text: str) -> list[str]:
    return re.findall(r"[a-z]{3,}", text)


PIECES = st.sampled_from(
    ["# aaa", "## ", "```", "```py", "~~~", "> ", "- bbb", "1. ccc", "   ddd", "    eee", "\t",
     "fff", "**ggg**", "<pre>", "</pre>", "<div>", "<h2>hhh</h2>", "---", "===", "|iii|", "|---|",
     "* ```", "{% highlight %}", "{% endhighlight %}", "!!! jjj", '!!! note "kkk"', "lll```", "",
     "", "> ```", "-```", "[mmm]: nnn", "<nnn", "#ooo", "＃ppp", "title: qqq", "{% raw %}",
     "```rrr```"]
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@example(["---", "# aaa", "title: qqq", "---"])
@given(st.lists(PIECES, max_size=20))
def test_no_word_is_lost_however_the_marks_stand(pieces: list[str]) -> None:
    text = "\n".join(pieces)
    read = post(text)
    kept = [read.title, *read.tags, *read.extra, *(part.heading for part in read.sections)]
    kept += [block.text for part in read.sections for block in part.blocks]
    noise = {"pre", "div", "highlight", "endhighlight", "raw", "note", "jjj", "title", "nnn"}
    assert set(word_list(text)) - noise <= set(word_list(" ".join(kept)))
    for block in (block for part in read.sections for block in part.blocks):
        for line in block.text.split("\n"):
            assert line.strip(" >\t") in text


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=400), st.text(max_size=400).map(str.encode)))
def test_any_bytes_are_a_post_or_no_text(data: bytes) -> None:
    try:
        read = read_post("a.md", data)
    except NotText:
        return
    assert read.title is not None
    body = decode(data).text.split("\n")
    assert read_header(body).lines <= len(body)
    render_post("a.md", data, lambda code, language: code)


MANY_TIMES = 20_000


@pytest.mark.parametrize(
    "text",
    [
        "`" * 4_900_000,
        "a" * 4_900_000,
        ">" * 100_000,
        "[" * 100_000,
        "![" * 100_000,
        *(
            piece * MANY_TIMES
            for piece in (
                "<!--\n", "<pre>\n\n", "<pre>", "<pre><code>", "{% highlight x %}\n\n", "```\n",
                "```x\n", "# a\n\n", "## a\n# b\n", "**a**\n", "!!! a\n\n    b\n", "<div>\n```\n",
                "> ```\n", "- ```\n", "# a{#a", "{#a", "1. ", "- a\n", "|a|b|\n|-|-|\n", "<h1>\n\n",
                "a\n        ```x\n", "```\na```\n", "[[a", "&amp;", "{{", "```\n## a\n\n",
                "{{< figure alt=", "a <!--",
            )
        ),
        "# a" + " " * 100_000 + "x",
        "\n".join("  " * depth + "- a" for depth in range(1000)),
        "\n".join("> " * depth + "a" for depth in range(1000)),
    ],
    ids=lambda text: repr(text[:12]),
)  # fmt: skip
def test_a_hostile_post_comes_to_an_end(text: str) -> None:
    assert all(word in text for part in post(text).sections for word in part.heading.split())
    render_post("a.md", text.encode(), lambda code, language: "")


def test_text_below_the_deepest_nesting_is_kept() -> None:
    text = "\n".join("  " * depth + f"- word{depth}" for depth in range(120))
    kept = " ".join(block.text for block in blocks(text))
    assert all(f"word{depth}" in kept for depth in range(120))


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("升级之后 git 用不了。\n\n# 参考\n\n* 链接\n", "missing xcrun"),
        ("# 1. 概述\n\n一些话\n", "missing xcrun"),
        ("## Installation\n\n# Installation\n\nwords\n", "missing xcrun"),
        ("# git 报错的解决\n\n一些话\n", "git 报错的解决"),
        ("# Problem with git\n\nwords\n", "Problem with git"),
    ],
)
def test_a_heading_that_any_post_may_have_is_no_title(text: str, title: str) -> None:
    assert read_post("mac/missing xcrun.md", text.encode()).title == title
