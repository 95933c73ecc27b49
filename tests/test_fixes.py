"""The fix of a problem: the blocks that solve it, verbatim, and what they change."""

from __future__ import annotations

import pytest

from indexer.fixes.fixes import Fix, find_fix
from indexer.fixes.worth import weigh, worth_of_fix
from indexer.posts.posts import read_post
from indexer.posts.problems import find_problems
from posts_for_tests import DIARY, NGINX, PIP, RUST


def fix_of(text: str, question: dict[str, float] | None = None) -> Fix | None:
    (problem,) = find_problems(read_post("a.md", text.encode("utf-8")))
    return find_fix(problem, question)


def shown(text: str) -> str:
    fix = fix_of(text)
    assert fix is not None
    return "\n".join(step.text for step in fix.steps)


def test_code_under_a_fix_heading_is_the_fix() -> None:
    assert shown(NGINX).endswith("listen.owner = nginx\nlisten.group = nginx")
    assert "python3 -m venv .venv" in shown(PIP)


def test_the_error_and_the_cause_stand_beside_the_fix() -> None:
    fix = fix_of(NGINX)
    assert fix is not None
    assert fix.error is not None and fix.error.startswith("connect() to unix:")
    assert fix.cause == "套接字文件属于 www-data，而 nginx 以 nginx 用户运行。"


def test_a_fix_is_verbatim_and_says_where_it_stands() -> None:
    fix = fix_of(RUST)
    assert fix is not None
    lines = RUST.split("\n")
    for step in fix.steps:
        assert step.text in RUST
        assert step.text.split("\n")[0] in "\n".join(lines[step.line - 1 : step.line + 1])


def test_the_diff_says_what_changed_against_the_failing_code() -> None:
    fix = fix_of(RUST)
    assert fix is not None and fix.diff is not None
    assert "-let first = &v[0];" in fix.diff.split("\n")
    assert "+let first = v[0];" in fix.diff.split("\n")
    assert fix.failing is not None and "&v[0]" in fix.failing.text


def test_a_diary_has_no_fix() -> None:
    assert fix_of(DIARY) is None


def test_an_error_alone_is_no_fix() -> None:
    assert fix_of("# 报错\n\n```\nfatal: not a git repository\n```\n") is None


def test_a_sentence_of_running_prose_may_be_the_fix() -> None:
    text = (
        "启动就报错：\n\n```\nKeyError: 'HOME'\n```\n\n一开始以为是权限。\n\n"
        "后来在配置里加上 HOME 环境变量，问题解决了。\n\n参考：官方文档\n"
    )
    assert shown(text) == "后来在配置里加上 HOME 环境变量，问题解决了。"


def test_the_steps_of_a_numbered_list_belong_together() -> None:
    text = (
        "# 解决步骤\n\n1. 停掉服务\n\n   ```\n   systemctl stop app\n   ```\n\n"
        "2. 删掉锁文件\n\n   ```\n   rm app.lock\n   ```\n"
    )
    assert "systemctl stop app" in shown(text) and "rm app.lock" in shown(text)


def test_a_comment_in_the_code_tells_right_from_wrong() -> None:
    text = (
        "两种写法：\n\n```js\n// 错误\nfoo(1)\nbar()\n```\n\n"
        "```js\n// 正确\nfoo(2)\nbar()\n```\n\n就这样。\n"
    )
    assert "foo(2)" in shown(text) and "foo(1)" not in shown(text)


def test_the_question_decides_between_the_ways_a_problem_offers() -> None:
    text = (
        "# 解决\n\nUbuntu 上：\n\n```\napt install libfoo\n```\n\n"
        "Windows 上：\n\n```\nwinget install foo\n```\n"
    )
    fix = fix_of(text, {"winget": 5.0, "window": 5.0})
    assert fix is not None
    assert any("winget" in step.text for step in fix.steps)


def test_of_a_transcript_what_was_typed_is_the_fix() -> None:
    text = (
        "# 解决\n\n```\n[root@kvm ~]# virsh managedsave-remove vm1\nRemoved managedsave image\n"
        "[root@kvm ~]# virsh list\n Id  Name\n```\n"
    )
    fix = fix_of(text)
    assert fix is not None
    assert [step.text for step in fix.steps] == ["virsh managedsave-remove vm1"]
    assert (fix.steps[0].line, fix.steps[0].block) == (4, 3)


def test_commands_that_only_look_are_steps_on_the_way() -> None:
    text = (
        "# 解决\n\n先看一下：\n\n```\ndocker version\n```\n\n再执行：\n\n"
        "```\ndocker buildx build --platform linux/amd64 .\n```\n"
    )
    assert "--platform" in shown(text) and "docker version" not in shown(text)


def test_code_after_what_did_not_help_is_the_fix() -> None:
    text = (
        "# 解决\n\n先试了：\n\n```\npip install neovim\n```\n\n还是不行。\n\n后来执行：\n\n"
        "```\npip uninstall pynvim\n```\n"
    )
    assert "pip uninstall pynvim" in shown(text)


def test_the_section_that_holds_the_words_of_the_question_has_the_fix() -> None:
    text = (
        "# 桌面\n\n安装桌面：\n\n```\napt install gnome\n```\n\n# Tab 补全\n\n改成：\n\n"
        "```\nkey = empty\n```\n\n# 字体\n\n安装字体：\n\n```\napt install fonts\n```\n"
    )
    fix = fix_of(text, {"tab": 4.0, "补全": 5.0})
    assert fix is not None
    assert any("key = empty" in step.text for step in fix.steps)


def test_a_list_ends_where_the_next_way_begins() -> None:
    text = (
        "# 解决\n\n- 方案一：\n- 升级到 2.0\n- 重启服务\n"
        "- 方案二：\n- 下载离线包\n- 替换目录 public\n"
    )
    assert shown(text) == "- 升级到 2.0\n- 重启服务"


def test_numbered_paragraphs_are_steps_too() -> None:
    text = (
        "# 方法\n\n1.关闭服务\n\n```\nsystemctl stop mysqld\n```\n\n2.改密码\n\n"
        "```\nmysqladmin password\n```\n"
    )
    assert "systemctl stop mysqld" in shown(text) and "mysqladmin password" in shown(text)


def test_the_few_sentences_under_a_fix_heading_belong_together() -> None:
    text = "# 解决方法\n\n打开工具里的选项。\n\n去掉“阻止保存”前的勾。\n"
    assert shown(text) == "打开工具里的选项。\n去掉“阻止保存”前的勾。"


def test_where_a_short_post_only_explains_its_explanation_is_the_fix() -> None:
    text = '---\noriginal: "Cannot find name {0}."\n---\nNothing of that name is in scope here.\n'
    fix = fix_of(text)
    assert fix is not None
    assert [step.text for step in fix.steps] == ["Nothing of that name is in scope here."]
    assert fix.error == "Cannot find name {0}."


def test_what_stands_in_a_box_named_so_is_the_fix() -> None:
    assert "`:q!`" in shown("vim 退出不了。\n\n> [!TIP] 解决\n> 按 Esc，输入 `:q!`\n")


@pytest.mark.parametrize(
    "text",
    [
        "```\na\nb\n```\n\n" * 2000,
        "```\n" + "a\n" * 20_000 + "```\n\n```\n" + "a\n" * 20_001 + "```\n",
        "```\n" + "a " * 900 + "\nb\n```\n\n```\n" + "a " * 900 + "\nc\n```\n",
        "改成：\n\n" * 5000,
    ],
    ids=["many codes", "long codes", "long lines", "many leads"],
)
def test_a_hostile_post_is_judged_in_one_pass(text: str) -> None:
    for problem in find_problems(read_post("a.md", text.encode("utf-8"))):
        found = find_fix(problem, {"a": 1.0})
        assert (worth_of_fix(problem) is None) == (found is None)
        assert find_fix(weigh(problem), {"a": 1.0}) == found
