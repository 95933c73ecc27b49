"""What a turn asks after others: a part, another way, the same with one more thing, or anew."""

from __future__ import annotations

import re

import pytest

from conftest import MakeKnowledgeBase
from indexer.answers.conversation import Request, Turn, read_request
from posts_for_tests import POSTS

ASKED = Turn("nginx 502 php-fpm", "web/nginx-502.md")


def held(text: str, path: str) -> float:
    """A post that holds what was asked and `socket`."""
    assert path == "web/nginx-502.md"
    words = re.findall(r"[\w-]+", text.lower())
    known = {"nginx", "502", "php-fpm", "socket"}
    return sum(word in known for word in words) / len(words) if words else 1.0


def after(question: str, *history: Turn) -> Request:
    return read_request(question, history or (ASKED,), held)


@pytest.mark.parametrize(
    ("turn", "asks"),
    [
        ("为什么？", "cause"),
        ("為什麼", "cause"),
        ("why?", "cause"),
        ("Why does the socket help?", "cause"),
        ("什么原因导致的", "cause"),
        ("原来的代码呢", "failing"),
        ("show me the code that failed", "failing"),
        ("incorrect example?", "failing"),
        ("show the whole code", "code"),
        ("完整配置", "code"),
        ("报错信息是什么", "error"),
        ("what was the error message", "error"),
        ("怎么验证", "check"),
        ("how do I know it worked", "check"),
        ("还是不行", "another"),
        ("還是不行", "another"),
        ("有没有别的办法", "another"),
        ("it still fails", "another"),
        ("that didn't help, any other option?", "another"),
        ("为什么还是不行", "another"),
    ],
)
def test_a_turn_asks_for_a_part_of_what_was_found(turn: str, asks: str) -> None:
    request = after(turn)
    assert request.asks == asks
    assert request.question == ASKED.question
    assert request.post == ASKED.post
    assert "nginx" in request.carried


@pytest.mark.parametrize(
    "turn",
    [
        "why does redis evict keys that have no expiry",
        "MISCONF Redis is configured to save RDB snapshots",
        "git 推送被拒绝 怎么回事",
        "Traceback (most recent call last):\nKeyError: 'a'",
        "Docker Desktop disk image grows without end",
    ],
)
def test_a_new_subject_takes_nothing_along(turn: str) -> None:
    request = after(turn)
    assert request == Request(turn)


def test_a_turn_that_adds_one_thing_takes_the_words_before_along() -> None:
    request = after("what about Docker?")
    assert request.asks == "fix"
    assert request.question == "what about Docker? nginx 502 php-fpm"
    assert request.carried == ("nginx", "502", "php-fpm")


def test_what_is_added_is_looked_for_in_the_post_shown_first() -> None:
    request = after("what about the socket?")
    assert request.narrowed == "what about the socket?"
    assert request.post == ASKED.post
    assert after("what about Docker?").narrowed == ""


def test_why_after_what_was_added_asks_for_the_cause() -> None:
    request = after("why?", ASKED, Turn("what about the socket?", ASKED.post))
    assert (request.asks, request.narrowed) == ("cause", "")


def test_a_turn_about_a_turn_is_about_the_question_before_both() -> None:
    request = after("and the code that failed?", ASKED, Turn("why?", ASKED.post))
    assert (request.asks, request.question) == ("failing", ASKED.question)


def test_posts_shown_since_the_question_are_tried() -> None:
    history = Turn("disk full", "a.md"), ASKED, Turn("还是不行", "web/nginx-504.md")
    request = read_request("还有吗", history, lambda text, path: 0.0)
    assert request.tried == ("web/nginx-502.md", "web/nginx-504.md")
    assert request.again == 2


def test_a_follow_up_to_nothing_found_is_a_question() -> None:
    assert after("why?", Turn("nginx 502", None)) == Request("why?")


def test_why_shows_the_cause_of_the_post_that_was_found(make_kb: MakeKnowledgeBase) -> None:
    knowledge_base = make_kb(POSTS)
    question = "nginx 502 Permission denied php-fpm.sock"
    first = knowledge_base.ask(question)
    assert first.found is not None and first.asks == "fix"
    why = knowledge_base.ask("why?", [Turn(question, first.found.post.path)])
    assert why.found is not None
    assert why.found.post == first.found.post
    assert why.asks == "cause"
    assert [step.text for step in why.found.fix.steps] == [first.found.fix.cause]
    assert "nginx" in why.carried


def test_a_part_that_the_post_does_not_tell_is_not_made_up(make_kb: MakeKnowledgeBase) -> None:
    knowledge_base = make_kb(POSTS)
    history = [Turn("externally-managed-environment", "python/pip.md")]
    answer = knowledge_base.ask("how do I verify that", history)
    assert (answer.state, answer.found) == ("related", None)
    assert answer.alternatives[0].post.path == "python/pip.md"


def test_another_way_is_not_the_post_that_did_not_help(make_kb: MakeKnowledgeBase) -> None:
    knowledge_base = make_kb(POSTS)
    question = "externally-managed-environment"
    first = knowledge_base.ask(question)
    assert first.found is not None
    again = knowledge_base.ask("still fails", [Turn(question, first.found.post.path)])
    if again.found is not None:
        assert again.found.fix.steps != first.found.fix.steps
    assert all(one.post.path != first.found.post.path for one in again.alternatives)


BUILDX = """# exec format error

镜像在服务器上跑不起来：exec format error。

# 原因

镜像是在 arm64 的电脑上做的。

# 解决

看看 buildx 是否启用：

```
docker buildx version
```

然后指定平台：

```
docker buildx build --platform linux/amd64 -t app .
```

另一种办法，写在 Dockerfile 里：

```
FROM --platform=linux/amd64 debian
```
"""


@pytest.mark.parametrize(
    ("turn", "wanted"),
    [
        ("how do I check that buildx is enabled?", "docker buildx version"),
        ("还有别的办法吗", "FROM --platform"),
        ("为什么", "arm64"),
    ],
)
def test_a_part_is_what_the_post_tells_of_it(
    make_kb: MakeKnowledgeBase, turn: str, wanted: str
) -> None:
    knowledge_base = make_kb({**POSTS, "docker/exec-format.md": BUILDX})
    first = knowledge_base.ask("exec format error 镜像")
    assert first.found is not None
    assert "--platform linux/amd64" in first.found.fix.steps[-1].text
    answer = knowledge_base.ask(turn, [Turn(first.question, first.found.post.path)])
    assert answer.found is not None
    assert any(wanted in step.text for step in answer.found.fix.steps)
