"""The header of a post, whatever wrote it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from indexer.posts.front_matter import Header, extra_of, read_header, strings


def header(text: str) -> Header:
    return read_header(text.split("\n"))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("---\ntitle: Disk full\ntags: [linux]\n---\nbody", 4),
        ("\n\n---\ntitle: Disk full\ntags: [linux]\n---\nbody", 6),
        ("-----  \ntitle: Disk full\ntags: [linux]\n-----\nbody", 4),
        ("---\ntitle: Disk full\ntags: [linux]\n...\nbody", 4),
        ('+++\ntitle = "Disk full"\ntags = ["linux"]\n+++\nbody', 4),
        (';;;\n"title": "Disk full",\n"tags": ["linux"]\n;;;\nbody', 4),
        ('{\n"title": "Disk full",\n"tags": ["linux"]\n}\nbody', 4),
        ("title: Disk full\ntags: [linux]\n---\nbody", 3),
        ("<!--\ntitle: Disk full\ntags: [linux]\n-->\nbody", 4),
    ],
)
def test_every_kind_of_header_is_read(text: str, lines: int) -> None:
    assert header(text) == Header(lines, {"title": "Disk full", "tags": ["linux"]})


def test_lines_up_to_an_empty_one_are_pelicans_header() -> None:
    read = header("Title: Disk full\nTags: linux, df\n\nbody")
    assert (read.lines, read.values) == (2, {"title": "Disk full", "tags": "linux, df"})


@pytest.mark.parametrize(
    "text",
    [
        "# Title\n\nbody",
        "---\n\nA rule, then prose.\n\n---\n",
        "---\nprose without a key\n---\n",
        "Note: this is a sentence.\nAnd another one.\n",
        "https://example.org/x\n\nbody",
        "{% raw %}\n",
        "",
    ],
)
def test_a_post_without_a_header_has_none(text: str) -> None:
    assert header(text) == Header()


def test_tabs_before_list_items_are_read_as_blanks_and_reported() -> None:
    read = header("---\ntitle: a\ntags:\n\t- mysql\n\t- linux\n---\n")
    assert read.values["tags"] == ["mysql", "linux"]
    assert read.repairs == ("tabs in the header read as blanks",)


@pytest.mark.parametrize(
    "line",
    ["title:no blank", "title: two: colons: here", 'title: "open', "title: [open", "title: @x"],
)
def test_broken_yaml_is_read_line_by_line_and_reported(line: str) -> None:
    read = header(f"---\n{line}\ntags:\n- one\n- two\ntypora-root-url:..\\\n---\nbody")
    assert line.split(":", 1)[1].strip() in (read.values["title"], f'"{read.values["title"]}')
    assert read.values["tags"] == ["one", "two"]
    assert "read line by line" in read.repairs[-1]


def test_words_of_a_broken_header_are_kept() -> None:
    read = header("---\ntitle: a\n: [what is this?\n---\n")
    assert "what is this?" in " ".join(read.rest)


def test_dates_numbers_and_words_like_on_stay_text() -> None:
    read = header("---\ndate: 2024-03-39\ntags: [2019, on, 1.10]\n---\n")
    assert read.values == {"date": "2024-03-39", "tags": ["2019", "on", "1.10"]}
    assert read.repairs == ()


def test_a_key_given_twice_is_reported_and_neither_value_lost() -> None:
    read = header("---\ntitle: a\ntype: first words\ntype: second words\n---\n")
    assert read.repairs == ("key 'type' given twice",)
    assert {*strings(read.values), *read.rest} == {"a", "first words", "second words"}


def test_a_header_given_twice_is_read_once() -> None:
    block = "---\ntitle: a\ntop: false\ncover: false\n---\n"
    read = header(block + "\n" + block + "body")
    assert (read.lines, read.repairs) == (11, ("header given twice",))
    assert read.values == {"title": "a", "top": "false", "cover": "false"}


def test_a_second_header_that_says_something_else_loses_nothing() -> None:
    read = header("---\ntitle: one\n---\n---\ntitle: other\nextra: words\n---\n")
    assert read.values == {"title": "one", "extra": "words"}
    assert read.rest == ("other",)


def test_a_header_that_is_never_closed_ends_where_prose_begins() -> None:
    read = header("---\ntitle: a\ntags: x\n\nThe body begins.")
    assert (read.lines, read.values["title"]) == (3, "a")
    assert read.repairs == ("header is never closed",)


def test_full_width_colons_and_blanks_before_colons_are_read() -> None:
    read = header("---\ntitle：磁盘满了\ntags : linux\n---\n")
    assert read.values["title"] == "磁盘满了"
    assert read.values["tags"] == "linux"


def test_an_empty_header_is_taken_off() -> None:
    assert header("---\n---\nbody").lines == 2


def test_aliases_that_multiply_are_cut_short() -> None:
    names = "abcdefghijklmnop"
    text = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{this}: &{this} [{', '.join([f'*{last}'] * 9)}]\n" for last, this in pairwise(names)
    )
    assert len(list(strings(header(f"---\n{text}---\n").values))) <= 2000


@pytest.mark.parametrize(
    "text",
    [
        "---\ntitle: " + "[" * 100_000 + "\n---\n",
        "+++\n" + "a." * 100_000 + "a = 1\n+++\n",
        '{\n"title":' + "[" * 100_000,
        "---\ntitle: a\n---\n" * 100_000,
        "---\n" * 100_000,
        "title: a\n" * 100_000,
    ],
    ids=["deep YAML", "dotted TOML", "deep JSON", "many headers", "rules", "keys"],
)
def test_a_hostile_header_is_read_in_time(text: str) -> None:
    assert header(text).lines <= len(text)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, []),
        (True, []),
        ("a", ["a"]),
        (["a", None, ["b", {"c": 3}]], ["a", "b", "3"]),
    ],
)
def test_strings_are_found_however_nested(value: Any, found: list[str]) -> None:
    assert list(strings(value)) == found


def test_a_comment_in_a_header_is_found_too() -> None:
    read = header("---\n# aaa bbb\ntitle: qqq\n---\ntext")
    assert read.values["title"] == "qqq"
    assert "aaa bbb" in extra_of(read)
