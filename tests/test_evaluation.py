"""`fixdex eval` and what it measures."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from test_cli import fixdex

from conftest import MakeKnowledgeBase, write_posts
from indexer.evaluation import QuestionsError, auroc, evaluate, holds_fix, read_questions
from posts_for_tests import NGINX

QUESTIONS = (
    {
        "question": "php7.4-fpm.sock failed (13: Permission denied)",
        "posts": ["nginx.md"],
        "fix": "listen.owner = nginx\nlisten.group = nginx",
    },
    {"question": "nginx 502", "posts": "nginx.md", "kind": "keyword"},
    {"query": "502", "pages": ["moved.md"]},
    {"question": "how do I bake sourdough bread"},
)


def write_questions(place: Path, *questions: object) -> Path:
    lines = [one if isinstance(one, str) else json.dumps(one) for one in questions]
    place.write_text("\n".join(lines), "utf-8")
    return place


def test_the_right_post_and_the_right_fix_are_counted(
    make_kb: MakeKnowledgeBase, tmp_path: Path
) -> None:
    asked = read_questions(write_questions(tmp_path / "q.jsonl", *QUESTIONS))
    found = evaluate(make_kb({"nginx.md": NGINX}), asked)
    kinds = {one.kind: one for one in found.kinds}
    assert kinds["keyword"].hit1.value == 1 and kinds["keyword"].fix1 is None
    whole = kinds["all"]
    assert whole.count == 3 and whole.hit1.value == pytest.approx(2 / 3)
    assert whole.fix1 is not None and whole.fix1.value == 1
    assert found.abstention is not None
    assert found.abstention.count == 1 and found.abstention.answered.value == 0
    (missed,) = found.missed
    assert missed.question == "502" and missed.place == 0
    assert found.unknown == ("moved.md",)


def test_the_table_has_a_line_per_kind_and_the_json_the_same(tmp_path: Path) -> None:
    folder = write_posts(tmp_path / "posts", {"nginx.md": NGINX})
    fixdex("rebuild", folder)
    questions = write_questions(tmp_path / "q.jsonl", *QUESTIONS)
    shown = fixdex("eval", questions, "--kb", folder)
    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.decode().splitlines()
    assert lines[0].split()[:3] == ["kind", "n", "hit@1"]
    assert [line.split()[0] for line in lines[1:4]] == ["keyword", "words", "all"]
    body = json.loads(fixdex("eval", questions, "--kb", folder, "--json").stdout)
    whole = body["kinds"][-1]
    assert f"{whole['hit1']['value']:.3f}" == lines[3].split()[2]
    assert body["abstention"]["count"] == 1 and body["unknown"] == ["moved.md"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "no JSON"),
        ('{"posts": ["a.md"]}', 'no "question"'),
        ("[]", 'no "question"'),
        ('{"question": "a", "posts": 3}', '"posts" is neither a text nor a list'),
        ("", "holds no question"),
    ],
)
def test_a_list_that_cannot_be_read_is_told_with_its_place(
    line: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(QuestionsError, match=told) as caught:
        read_questions(write_questions(tmp_path / "q.jsonl", line))
    assert "q.jsonl" in str(caught.value)
    done = fixdex("eval", tmp_path / "none.jsonl", "--kb", tmp_path)
    assert done.returncode == 2 and done.stderr.count(b"\n") == 1


def test_a_fix_is_held_where_most_of_it_stands_with_little_beside_it() -> None:
    fix = "pip install --user flask"
    assert holds_fix(fix, [fix]) and holds_fix(f"run {fix} now", ["other", fix])
    assert not holds_fix("pip install", [fix])
    assert not holds_fix(fix + " word" * 20, [fix])
    assert not holds_fix("", [fix]) and not holds_fix(fix, [])
    assert holds_fix("把属主改成 nginx", ["属主改成 nginx"])
    # Two steps that a post tells apart are one fix where both are shown.
    assert holds_fix("first step\nsecond step", ["first step", "second step"])


def test_auroc_counts_pairs_in_order_and_its_interval_holds_the_truth() -> None:
    assert auroc([3, 2], [1, 2]).value == pytest.approx(3.5 / 4)
    assert auroc([1], [1]).value == 0.5
    draw = random.Random(7)
    held = 0
    for _ in range(200):
        # The chance that N(1, 1) is above N(0, 1) is 0.7602.
        found = auroc([draw.gauss(1) for _ in range(60)], [draw.gauss(0) for _ in range(60)])
        held += found.low <= 0.7602 <= found.high
    assert 180 <= held <= 199
