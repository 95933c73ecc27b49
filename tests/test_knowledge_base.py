"""KnowledgeBase: what every face calls."""

from __future__ import annotations

import pytest

from conftest import MakeKnowledgeBase, write_posts
from indexer import KnowledgeBase, NoIndex, Settings, Turn, answer_json, hits_json
from posts_for_tests import POSTS


@pytest.fixture
def knowledge_base(make_kb: MakeKnowledgeBase) -> KnowledgeBase:
    return make_kb(POSTS)


def test_an_answer_has_the_fix_with_its_citation(knowledge_base: KnowledgeBase) -> None:
    answer = knowledge_base.ask("nginx 502 Permission denied php-fpm.sock")
    assert answer.state == "answer"
    assert answer.found is not None
    assert answer.found.post.path == "web/nginx-502.md"
    assert answer.found.post.title == "nginx 502 Bad Gateway 排查"
    assert answer.found.post.date == "2021-03-04"
    assert answer.found.post.tags == ("nginx", "php-fpm")
    assert answer.found.post.lang == "zh"
    assert answer.confidence > 0.5


def test_the_right_problem_of_a_post_answers(knowledge_base: KnowledgeBase) -> None:
    answer = knowledge_base.ask("error: failed to push some refs to 'origin'")
    assert answer.found is not None
    assert answer.found.title.startswith("问题二")
    assert any("git pull --rebase" in step.text for step in answer.found.fix.steps)


def test_a_post_without_a_fix_is_related_and_never_the_answer(
    knowledge_base: KnowledgeBase,
) -> None:
    answer = knowledge_base.ask("周末和朋友去爬山拍照片")
    assert answer.state == "related"
    assert answer.found is None
    assert answer.alternatives[0].post.path == "diary/mountain.md"


def test_what_no_post_has_is_named(knowledge_base: KnowledgeBase) -> None:
    answer = knowledge_base.ask("zeppelin nginx quux")
    assert set(answer.unmatched) == {"zeppelin", "quux"}


def test_without_one_known_word_there_is_nothing(knowledge_base: KnowledgeBase) -> None:
    answer = knowledge_base.ask("zeppelin quux")
    assert answer.state == "none"
    assert answer.alternatives == ()
    assert answer.confidence == 0.0


def test_the_alternatives_leave_out_the_answer_and_show_each_post_once(
    knowledge_base: KnowledgeBase,
) -> None:
    answer = knowledge_base.ask("git push failed error: failed to push some refs nginx pip")
    assert answer.found is not None
    paths = [one.post.path for one in answer.alternatives]
    assert answer.found.post.path not in paths
    assert len(paths) == len(set(paths))


def test_simplified_and_traditional_questions_meet(knowledge_base: KnowledgeBase) -> None:
    one = knowledge_base.search("没有共同的祖先")
    other = knowledge_base.search("沒有共同的祖先")
    assert [hit.post.path for hit in one.hits] == [hit.post.path for hit in other.hits]
    assert one.hits[0].post.path == "git/faq.md"


def test_snippets_mark_the_words_of_the_question(knowledge_base: KnowledgeBase) -> None:
    hit = knowledge_base.search("unrelated histories").hits[0]
    marked = {hit.snippet.text[start:end].lower() for start, end in hit.snippet.ranges}
    assert {"unrelated", "histories"} <= marked or "unrelated-histories" in str(marked)


def test_filters_narrow_and_facets_count(knowledge_base: KnowledgeBase) -> None:
    everything = knowledge_base.search("error 错误 报错 nginx pip git")
    assert dict(everything.facets["lang"])
    assert [h.post.path for h in knowledge_base.search("nginx pip", tag="PIP").hits] == [
        "python/pip.md"
    ]
    assert [h.post.path for h in knowledge_base.search("nginx pip", folder="web").hits] == [
        "web/nginx-502.md"
    ]
    assert {h.post.lang for h in knowledge_base.search("nginx pip", lang="en").hits} == {"en"}
    assert knowledge_base.search("", tag="rust").total == 1


def test_pages_go_on_where_the_last_one_ended(make_kb: MakeKnowledgeBase) -> None:
    knowledge_base = make_kb({f"{n}.md": f"# docker {n}\n" for n in range(25)})
    pages = [knowledge_base.search("docker", page=page, per_page=10) for page in (1, 2, 3, 4)]
    assert [len(page.hits) for page in pages] == [10, 10, 5, 0]
    assert len({hit.post.path for page in pages for hit in page.hits}) == 25
    assert pages[0].total == 25


def test_explain_says_what_each_term_added(knowledge_base: KnowledgeBase) -> None:
    hit = knowledge_base.search("nginx 502", explain=True).hits[0]
    assert hit.why is not None
    assert sum(added for _, added in hit.why) == pytest.approx(hit.score, rel=1e-3)


def test_a_follow_up_takes_the_question_before_along(knowledge_base: KnowledgeBase) -> None:
    answer = knowledge_base.ask("为什么？", [Turn("nginx 502 php-fpm", "web/nginx-502.md")])
    assert "nginx" in answer.carried
    assert answer.alternatives or answer.found
    first = answer.found.post if answer.found else answer.alternatives[0].post
    assert first.path == "web/nginx-502.md"


def test_a_new_subject_takes_nothing_along(knowledge_base: KnowledgeBase) -> None:
    answer = knowledge_base.ask("refusing to merge", [Turn("nginx 502 php-fpm", None)])
    assert answer.carried == ()


def test_a_post_is_read_with_its_anchors(knowledge_base: KnowledgeBase) -> None:
    post = knowledge_base.post("web/nginx-502.md", lambda code, language: f"<b>{language}</b>")
    assert post is not None
    assert 'id="解决"' in post.html
    assert "<b>ini</b>" in post.html
    assert not post.changed


def test_a_post_that_changed_since_says_so(knowledge_base: KnowledgeBase) -> None:
    write_posts(knowledge_base.folder, {"python/pip.md": "# other\n"})
    post = knowledge_base.post("python/pip.md", lambda code, language: code)
    assert post is not None and post.changed


@pytest.mark.parametrize("path", ["../secret.md", "/etc/passwd", "web/../../x.md", "", "a\0b.md"])
def test_only_posts_of_the_index_can_be_read(knowledge_base: KnowledgeBase, path: str) -> None:
    write_posts(knowledge_base.folder.parent, {"secret.md": "secret"})
    assert knowledge_base.post(path, lambda code, language: code) is None


def test_a_post_that_became_a_link_out_of_the_folder_is_not_read(
    knowledge_base: KnowledgeBase,
) -> None:
    write_posts(knowledge_base.folder.parent, {"secret.md": "secret"})
    file = knowledge_base.folder / "python/pip.md"
    file.unlink()
    file.symlink_to(knowledge_base.folder.parent / "secret.md")
    assert knowledge_base.post("python/pip.md", lambda code, language: code) is None


def test_addresses_are_escaped_and_hold_the_prefix(make_kb: MakeKnowledgeBase) -> None:
    knowledge_base = make_kb(
        {"笔记/a b#1?.md": "# docker\n"},
        Settings(path_prefix="/kb/", permalink="https://me.example/{folder}/{stem}/"),
    )
    post = knowledge_base.search("docker").hits[0].post
    assert post.path == "笔记/a b#1?.md"
    assert post.url == "/kb/posts/%E7%AC%94%E8%AE%B0/a%20b%231%3F.md"
    assert post.link == "https://me.example/%E7%AC%94%E8%AE%B0/a%20b%231%3F/"


@pytest.mark.parametrize(
    ("path", "header", "link"),
    [
        ("_posts/2021-03-04-nginx.md", "", "https://me.example/2021/03/nginx.html"),
        ("nginx.md", "date: 2020-01-02", "https://me.example/2020/01/nginx.html"),
        ("nginx.md", "", None),
        ("nginx.md", "permalink: /web/nginx/", "https://me.example/web/nginx/"),
        ("nginx.md", "url: https://other.example/n", "https://other.example/n"),
    ],
)
def test_a_post_is_linked_where_its_owner_published_it(
    make_kb: MakeKnowledgeBase, path: str, header: str, link: str | None
) -> None:
    pattern = "https://me.example/{year}/{month}/{slug}.html"
    knowledge_base = make_kb({path: f"---\n{header}\n---\nnginx"}, Settings(permalink=pattern))
    assert knowledge_base.search("nginx").hits[0].post.link == link


def test_suggestions_hold_what_was_typed(knowledge_base: KnowledgeBase) -> None:
    found = knowledge_base.suggest("ngi")
    assert [one.path for one in found.titles] == ["web/nginx-502.md"]
    assert "nginx" in found.terms
    assert knowledge_base.suggest("  ").titles == ()


def test_status_names_what_changed_since(knowledge_base: KnowledgeBase) -> None:
    assert not knowledge_base.status().stale
    write_posts(knowledge_base.folder, {"new.md": "new", "git/faq.md": "changed"})
    (knowledge_base.folder / "python/pip.md").unlink()
    status = knowledge_base.status()
    assert (status.added, status.changed, status.removed) == (
        ("new.md",),
        ("git/faq.md",),
        ("python/pip.md",),
    )


def test_without_an_index_the_command_that_makes_one_is_named(
    make_kb: MakeKnowledgeBase,
) -> None:
    knowledge_base = make_kb(POSTS)
    empty = KnowledgeBase(knowledge_base.folder, knowledge_base.place / "elsewhere")
    with pytest.raises(NoIndex, match="fixdex rebuild"):
        empty.ask("anything")


def test_the_json_has_every_field_that_others_rely_on(knowledge_base: KnowledgeBase) -> None:
    answer = answer_json(knowledge_base.ask("refusing to merge unrelated histories"))
    assert answer["answered"] is True and answer["state"] == "answer"
    assert set(answer) >= {
        "question", "answered", "state", "confidence", "understood", "carried", "answer",
        "alternatives", "unmatched", "took_ms", "index",
    }  # fmt: skip
    assert set(answer["answer"]) >= {
        "post", "problem", "fix", "error", "cause", "failing", "diff",
    }  # fmt: skip
    assert set(answer["answer"]["post"]) == {
        "path", "title", "url", "date", "tags", "lang", "link",
    }  # fmt: skip
    assert {step["kind"] for step in answer["answer"]["fix"]} <= {"text", "code"}
    assert all(step["anchor"].startswith("L") for step in answer["answer"]["fix"])
    assert set(answer["index"]) == {"posts", "built_at", "build"}
    hits = hits_json(knowledge_base.search("git"))
    assert set(hits) == {
        "question", "total", "page", "per_page", "hits", "suggestion", "facets", "took_ms", "index",
    }  # fmt: skip
    assert set(hits["hits"][0]) == {"post", "anchor", "heading", "score", "snippet", "has_fix"}


def test_of_a_list_of_troubles_the_one_asked_for_is_told(make_kb: MakeKnowledgeBase) -> None:
    scattered = " ".join(f"region w{i} snapshot w{i} slow w{i}" for i in range(12))
    found = make_kb({
        "faq.md": (
            "# FAQ\n\n"
            f"## 问题一：import stops\n\n{scattered}\n\n解决方法：\n\n```\nimport --resume\n```\n\n"
            "## 问题二：slow region snapshot\n\n解决方法：\n\n```\nsnapshot-limit = 8\n```\n"
        ),
        "other.md": "# Other\n\nnothing of the kind",
    })  # fmt: skip
    answer = found.ask("slow region snapshot")
    assert answer.found is not None
    assert [step.text for step in answer.found.fix.steps] == ["snapshot-limit = 8"]
    generation = found.generation()
    asked, _ = generation.read("slow region snapshot")
    by_words_alone = int(generation.ranking.rank(asked).problems[0])
    assert generation.problem(by_words_alone).title != answer.found.title


def test_one_chinese_character_finds_the_words_that_begin_with_it(
    make_kb: MakeKnowledgeBase,
) -> None:
    hits = make_kb(POSTS).search("远")
    assert [hit.post.path for hit in hits.hits] == ["git/faq.md"]


def test_an_answer_names_the_words_that_it_holds(make_kb: MakeKnowledgeBase) -> None:
    answer = make_kb(POSTS).ask("nginx 502 Permission denied php-fpm.sock zzqq")
    assert answer.found is not None
    assert {"nginx", "502"} <= set(answer.matched) and "zzqq" not in answer.matched
