"""Problems of a post, and what its sections and blocks are for."""

from __future__ import annotations

import pytest

from indexer.posts.posts import read_post
from indexer.posts.problems import Problem, find_problems
from indexer.posts.roles import Role, heading_role, label_of
from posts_for_tests import DIARY, FAQ, NGINX, POSTS, RUST


def problems(text: str) -> tuple[Problem, ...]:
    return find_problems(read_post("a.md", text.encode("utf-8")))


def roles(text: str) -> list[tuple[str, str | None]]:
    (problem,) = problems(text)
    return [(part.block.text.split("\n")[0][:30], part.role) for part in problem.parts]


@pytest.mark.parametrize(
    ("heading", "role"),
    [
        ("解决方法", Role.FIX),
        ("解決方法", Role.FIX),
        ("三、解决方案：", Role.FIX),
        ("报错解决", Role.FIX),
        ("修改后的代码", Role.FIX),
        ("How to fix it", Role.FIX),
        ("2. Solution", Role.FIX),
        ("原因分析", Role.CAUSE),
        ("Cause of the problem", Role.CAUSE),
        ("错误信息", Role.ERROR),
        ("错误写法", Role.FAILING),
        ("验证", Role.CHECK),
        ("报错：connection refused", None),
        ("解决方案：换个端口", Role.FIX),
        ("References", Role.REFERENCE),
        ("安装 nginx", None),
        ("Docker networking explained", None),
    ],
)
def test_a_heading_gives_a_role(heading: str, role: Role | None) -> None:
    assert heading_role(heading) is role


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("解决：去掉回车", Role.FIX),
        ("**解决方法：** 重启", Role.FIX),
        ("【原因】磁盘满了", Role.CAUSE),
        ("Fix: pin the version", Role.FIX),
        ("正确写法，用 `register_buffer` 登记：", Role.FIX),
        ("Examples of **incorrect** code for this rule:", Role.FAILING),
        ("Examples of **correct** code for this rule with the `always` option:", Role.FIX),
        ("Erroneous code example:", Role.FAILING),
    ],
)
def test_a_label_line_gives_a_role(text: str, role: Role) -> None:
    label = label_of(text)
    assert label is not None and label.role is role


@pytest.mark.parametrize(
    "text", ["今天天气很好", "The server listens on port 80: it is open.", "{"]
)
def test_a_sentence_is_no_label(text: str) -> None:
    assert label_of(text) is None


def test_blocks_take_the_role_of_their_heading() -> None:
    assert [role for _, role in roles(NGINX)] == [
        Role.PROBLEM,
        Role.ERROR,
        Role.CAUSE,
        Role.FIX,
        Role.FIX,
    ]


def test_failing_and_fixed_code_are_told_apart_by_labels() -> None:
    (problem,) = problems(RUST)
    failing = [p.block.text for p in problem.of(Role.FAILING) if p.block.kind == "code"]
    fixed = [p.block.text for p in problem.of(Role.FIX) if p.block.kind == "code"]
    assert ["&v[0]" in text for text in failing] == [True]
    assert ["&v[0]" in text for text in fixed] == [False]


def test_a_label_for_failing_code_is_about_the_next_block_only() -> None:
    found = roles("错误写法：\n\n```js\nlet a = b\n```\n\n后来发现是作用域的事。\n")
    assert found[1][1] is Role.FAILING
    assert found[2][1] is not Role.FAILING


def test_output_of_an_error_is_an_error_wherever_it_stands() -> None:
    text = "# 解决\n\n先看到：\n\n```\nfatal: not a git repository\n```\n\n于是：\n\n    git init\n"
    assert ("fatal: not a git repository", Role.ERROR) in roles(text)
    assert ("git init", Role.FIX) in roles(text)


def test_numbered_problems_of_one_post_are_problems_of_their_own() -> None:
    found = problems(FAQ)
    assert [problem.title for problem in found if problem.title.startswith("问题")] == [
        "问题一：fatal: refusing to merge unrelated histories",
        "问题二：error: failed to push some refs",
    ]


def test_problems_told_as_questions_are_parted() -> None:
    text = "# FAQ\n\n## How do I reset?\n\nrun reset\n\n## How do I stop?\n\nrun stop\n"
    assert [p.title for p in problems(text)][-2:] == ["How do I reset?", "How do I stop?"]


def test_parts_of_one_story_are_one_problem() -> None:
    assert len(problems(NGINX)) == 1
    assert len(problems(DIARY)) == 1


def test_no_block_is_lost_or_told_twice() -> None:
    for text in POSTS.values():
        post = read_post("a.md", text.encode("utf-8"))
        blocks = [block for section in post.sections for block in section.blocks]
        told = [part.block for problem in find_problems(post) for part in problem.parts]
        assert sorted(told, key=lambda b: b.line) == blocks


def test_an_empty_post_is_one_empty_problem() -> None:
    (problem,) = problems("---\ntitle: nothing\n---\n")
    assert problem.title == "nothing"
    assert problem.parts == ()


def test_a_list_of_error_codes_with_remedies_tells_a_problem_for_each() -> None:
    text = (
        "# 错误码\n\n说明。\n\n* Error Number: 8001\n\n  内存超限。调大 `quota`。\n\n"
        "* Error Number: 8002\n\n  写入冲突。重试事务。\n\n"
        "* Error Number: 8003\n\n  行数不符。运行检查。\n"
    )
    found = problems(text)
    assert [p.title for p in found[1:]] == [f"Error Number: 800{n}" for n in (1, 2, 3)]
    assert [part.block.text for part in found[2].parts] == [
        "* Error Number: 8002",
        "写入冲突。重试事务。",
    ]


def test_a_heading_over_a_list_of_errors_tells_no_problem_that_swallows_them() -> None:
    entries = "".join(
        f"* Error Number: 200{n}\n\n  处理方法：\n\n  重启第 {n} 个服务。\n\n" for n in (1, 2, 3)
    )
    text = f"# 错误码\n\n## MySQL\n\n{entries}## TiKV\n\n{entries.replace('200', '300')}"
    titles = [p.title for p in problems(text)]
    assert {"Error Number: 2001", "Error Number: 3003"} <= set(titles)
    assert "MySQL" not in titles


def test_a_list_that_only_names_codes_stays_whole() -> None:
    text = "# 错误码\n\n- E0001\n- E0002\n- E0003\n- E0004\n"
    assert len(problems(text)) == 1


def test_among_questions_a_heading_without_a_question_mark_tells_a_problem_too() -> None:
    text = "# FAQ\n\n" + "".join(
        f"## {heading}\n\nbecause.\n\n"
        for heading in ("Is it slow?", "Can I stop it?", "Is it safe?", "No data point in panels")
    )
    assert [p.title for p in problems(text)][-1] == "No data point in panels"


def test_a_heading_over_headings_that_tell_problems_is_none_itself() -> None:
    text = (
        "# Help\n\n## Is a set?\n\nx\n\n## Is b set?\n\nx\n\n## Is c set?\n\nx\n\n"
        "## Interruptions\n\n### Is d set?\n\nx\n\n### Is e set?\n\nx\n"
    )
    titles = {p.title for p in problems(text)}
    assert {"Is a set?", "Is d set?", "Is e set?"} <= titles
    assert "Interruptions" not in titles


@pytest.mark.parametrize("bracket", ["[", "「", "【[", "*_"])
def test_a_pile_of_brackets_is_read_at_once(bracket: str) -> None:
    # With every way to share them out, 2,500 took 21 seconds.
    assert label_of(bracket * 100_000) is None


@pytest.mark.parametrize(
    ("text", "role"),
    [
        (
            "# 故障排查\n\n## 下载中断\n\n网络不稳定，请重新下载。\n\n"
            "## 校验失败\n\n过五分钟重试。\n\n## 磁盘写满\n\n清理旧的日志。\n",
            Role.CAUSE,
        ),
        (
            "# 启动报错：Attempting to operate as root\n\n```\nexport APP_USER=root\n```\n\n"
            "# 修复密钥\n\n```\nssh-keygen -t rsa\n```\n",
            Role.ERROR,
        ),
    ],
    ids=["a collection of troubles", "a quoted error"],
)
def test_a_heading_that_names_a_trouble_gives_what_stands_below_no_role(
    text: str, role: Role
) -> None:
    given = {part.role for problem in problems(text) for part in problem.parts}
    assert role not in given
