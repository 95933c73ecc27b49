"""The pages: what a reader finds on them, element by element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup, Tag
from flask.testing import FlaskClient

from conftest import MakeKnowledgeBase
from indexer import REASONS, Settings
from posts_for_tests import POSTS, RUST
from webapp import create_app
from webapp.pages import without

MakeClient = Callable[..., FlaskClient]
HOSTILE = """---
title: "<script>alert('title')</script> & co"
url: "javascript:alert(1)"
tags: ["<b>bold</b>"]
---
# Fix
<script>alert(1)</script>

<img src=x onerror=alert(1)>

Call `frobnicate_everything()` with <em>care</em>:

```html
<script>alert(2)</script>
```
"""


@pytest.fixture
def make_client(make_kb: MakeKnowledgeBase) -> MakeClient:
    """A client of the site of a few posts, with the settings given."""

    def make(**settings: Any) -> FlaskClient:
        chosen = Settings(**{"rate_limit": "off", **settings})
        posts = {**POSTS, "odd/敌意 100%#1.md": HOSTILE}
        return create_app(make_kb(posts, chosen)).test_client()

    return make


@pytest.fixture
def client(make_client: MakeClient) -> FlaskClient:
    """A client of the site of a few posts."""
    return make_client()


def read(client: FlaskClient, url: str, language: str = "en", **query: str) -> BeautifulSoup:
    """A page, parsed."""
    response = client.get(url, query_string=query or None, headers={"Accept-Language": language})
    assert response.status_code == 200
    return BeautifulSoup(response.data, "html.parser")


def one(page: BeautifulSoup | Tag, selector: str) -> Tag:
    """The only element of a page that a selector names."""
    found = page.select(selector)
    assert len(found) == 1, selector
    return found[0]


def test_the_first_page_has_a_form_and_examples_to_try(client: FlaskClient) -> None:
    page = read(client, "/")
    form = one(page, "form[role=search]")
    assert form.get("method", "get") == "get"
    assert one(form, "textarea")["name"] == "q"
    assert one(form, "label")["for"] == one(form, "textarea")["id"]
    assert len(page.select(".examples a")) == 3


def test_an_answer_is_the_fix_word_for_word_with_its_place(client: FlaskClient) -> None:
    page = read(client, "/", q="externally-managed-environment")
    answer = one(page, "article.answer")
    code = one(answer, ".fix pre code")
    assert code.get_text() == "python3 -m venv .venv\n.venv/bin/pip install requests"
    link = str(one(answer, "h2 a")["href"])
    path, _, place = link.partition("#")
    assert path == "/posts/python/pip.md"
    assert one(read(client, path), f"#{place}")


def test_an_answer_shows_what_changes_against_the_failing_code(client: FlaskClient) -> None:
    page = read(client, "/", q="E0502 cannot borrow as mutable because also borrowed as immutable")
    diff = one(page, "article.answer pre.diff")
    assert "-let first = &v[0];" in [line.get_text() for line in diff.select(".removed")]
    assert "+let first = v[0];" in [line.get_text() for line in diff.select(".added")]


def test_the_post_that_answers_is_not_listed_again(client: FlaskClient) -> None:
    page = read(client, "/", q="externally-managed-environment")
    assert not page.select('section.posts a[href^="/posts/python/pip.md"]')


def test_without_a_match_the_page_says_so_and_names_the_unknown_words(client: FlaskClient) -> None:
    page = read(client, "/", q="zzqqxx wwvvkk")
    assert not page.select("article.answer")
    verdict = one(page, ".verdict[role=status]")
    assert [word.get_text() for word in verdict.select("q")] == ["zzqqxx", "wwvvkk"]


def test_a_tag_narrows_and_can_be_taken_away_again(client: FlaskClient) -> None:
    page = read(client, "/", tag="pip")
    assert len(page.select("section.posts li")) == 1
    assert "tag=" not in str(one(page, ".narrowed a")["href"])


def test_a_question_is_shown_as_text(client: FlaskClient) -> None:
    question = "</textarea><script>alert(1)</script>"
    page = read(client, "/", q=question)
    assert one(page, "textarea").get_text().lstrip("\n") == question
    assert all(script.get("src") for script in page.select("script"))


@pytest.mark.parametrize("url", ["/", "/?q=frobnicate_everything", "/chat",
                                 "/posts/odd/%E6%95%8C%E6%84%8F%20100%25%231.md"])  # fmt: skip
def test_no_page_runs_or_fetches_anything_but_its_own_files(client: FlaskClient, url: str) -> None:
    response = client.get(url)
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    page = BeautifulSoup(response.data, "html.parser")
    for element in page.find_all(True):
        assert not [name for name in element.attrs if name == "style" or name.startswith("on")]
        assert not str(element.get("href", "")).startswith("javascript:"), element
        if element.name == "script":
            assert str(element["src"]).startswith("/static/") and not element.get_text()
        if element.name in ("img", "iframe", "link"):
            assert str(element.get("src") or element.get("href") or "/").startswith("/")


def test_a_post_is_found_by_its_path_however_odd(client: FlaskClient) -> None:
    page = read(client, "/posts/odd/%E6%95%8C%E6%84%8F%20100%25%231.md")
    assert one(page, "article.post > header h1").get_text() == "alert('title') & co"
    assert "<script>alert(2)</script>" in one(page, "article.post pre").get_text()


def test_a_post_states_the_language_it_is_written_in(client: FlaskClient) -> None:
    assert one(read(client, "/posts/web/nginx-502.md"), "article.post")["lang"] == "zh"


@pytest.mark.parametrize("path", ["nope.md", "../posts_for_tests.py", "%2e%2e/x", "a%00b",
                                  "%ff.md", "web/", "/etc/passwd"])  # fmt: skip
def test_a_post_that_is_not_in_the_index_is_a_404_in_a_sentence(
    client: FlaskClient, path: str
) -> None:
    response = client.get(f"/posts/{path}", follow_redirects=True)
    assert response.status_code == 404
    assert response.mimetype == "text/html"
    assert BeautifulSoup(response.data, "html.parser").select("[role=alert]")


@pytest.mark.parametrize(
    ("wanted", "language"),
    [("en-GB", "en"), ("zh-CN,zh;q=0.9", "zh"), ("zh-TW", "zh-Hant"), ("zh-Hant-HK", "zh-Hant"),
     ("fr-FR,zh;q=0.5", "zh"), ("tlh", "en"), (";;;q=x", "en")],
)  # fmt: skip
def test_pages_speak_the_language_the_browser_asks_for(
    client: FlaskClient, wanted: str, language: str
) -> None:
    page = client.get("/", headers={"Accept-Language": wanted}).data
    assert one(BeautifulSoup(page, "html.parser"), "html")["lang"] == language


def test_pages_live_under_the_path_prefix(make_client: MakeClient) -> None:
    client = make_client(path_prefix="/kb")
    beside = client.get("/api/ask?q=pip")
    assert (beside.status_code, beside.text) == (404, "The site is at /kb/\n")
    assert beside.headers["X-Request-ID"]
    page = read(client, "/kb/", q="externally-managed-environment")
    assert one(page, "form[role=search]")["action"] == "/kb/"
    link = str(one(page, "article.answer h2 a")["href"])
    assert link.startswith("/kb/posts/") and client.get(link).status_code == 200
    for element in page.select("script, link[rel=stylesheet]"):
        address = str(element.get("src") or element.get("href"))
        with client.get(address) as response:
            assert response.status_code == 200, address


def test_static_files_are_named_by_their_content(client: FlaskClient) -> None:
    page = read(client, "/")
    sheet = str(one(page, "link[rel=stylesheet]")["href"])
    assert "?v=" in sheet
    with client.get(sheet) as response:
        assert response.headers["Cache-Control"]


def test_an_unknown_word_offers_the_nearest_known_one(client: FlaskClient) -> None:
    page = read(client, "/", q="unrelated historeis")
    link = one(page, ".suggestion a")
    assert link.get_text() == "unrelated histories"
    assert str(link["href"]).endswith("q=unrelated+histories")
    assert not read(client, "/", q=link.get_text()).select(".suggestion")


def test_what_was_understood_can_be_left_out_and_taken_in_again(client: FlaskClient) -> None:
    question = "php7.4-fpm.sock failed EACCES"
    page = read(client, "/", q=question)
    labels = {label.code.text: label for label in page.select(".understood button") if label.code}
    assert labels["EACCES"]["form"] == page.select_one("form.ask")["id"]  # type: ignore[index]  # there is one
    assert labels["EACCES"]["value"] == "EACCES"
    less = read(client, "/", q=question, without="EACCES")
    (removed,) = less.select(".understood .removed")
    assert removed["value"] == "" and "EACCES" in removed.text
    assert less.select_one("textarea").text.strip() == question  # type: ignore[union-attr]  # there is one
    assert not less.select('.understood [data-kind="code"]')


def test_a_post_whose_name_has_a_line_end_can_be_read(make_kb: MakeKnowledgeBase) -> None:
    site = create_app(make_kb({"new\nline.md": "# gyroscope\n"})).test_client()
    url = site.get("/api/search", query_string={"q": "gyroscope"}).json["hits"][0]["post"]["url"]
    assert site.get(url).status_code == 200


def test_words_are_left_out_whole_and_never_all() -> None:
    assert without("ValueError in Error", ["Error"]).split() == ["ValueError", "in"]
    assert without("EACCES", ["EACCES"]) == "EACCES"


def test_the_page_can_take_in_what_was_found_alone(client: FlaskClient) -> None:
    part = read(client, "/found", q="externally-managed-environment")
    assert not part.select("html, form[role=search]")
    assert one(part, "article.answer")
    assert "pip" in str(one(part, "[data-told]")["data-told"])
    assert read(client, "/found").select(".teach .examples a")


def test_what_narrows_alone_may_come_in_the_body_too(client: FlaskClient) -> None:
    page = client.post("/found", data={"tag": "nginx"})
    assert page.status_code == 200 and b"nginx 502" in page.data


def test_whoever_found_nothing_can_draft_the_post(client: FlaskClient) -> None:
    page = read(client, "/", q="zzqqxx wwvvkk")
    button = one(page, "button[formaction]")
    assert button["form"] == one(page, "form[role=search]")["id"]
    question = "ZzqqError: no such file /home/alice/x\n```\ntoken=abc123"
    response = client.post(str(button["formaction"]), data={"q": question})
    assert response.headers["Content-Disposition"] == "attachment; filename=draft.md"
    assert response.content_type == "text/markdown; charset=utf-8"
    header, _, body = response.text.removeprefix("---\n").partition("\n---\n")
    assert 'title: "ZzqqError: no such file /home/…/x"' in header
    assert "````\nZzqqError: no such file /home/…/x\n```\ntoken=…\n````" in body
    assert "alice" not in response.text and "abc123" not in response.text
    assert client.post("/draft", data={"q": " "}).status_code == 400


@pytest.mark.parametrize(
    ("code", "tagline"), [("zh", "粘贴"), ("zh-Hant", "貼上"), ("en", "Paste")]
)
def test_the_language_can_be_chosen_and_stays(client: FlaskClient, code: str, tagline: str) -> None:
    page = read(client, "/", "fr")
    form = one(page, "form.languages")
    back = str(one(form, "input[name=back]")["value"])
    answer = client.post(str(form["action"]), data={"language": code, "back": back})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    page = read(client, "/", "fr")
    assert one(page, "html")["lang"] == code
    assert tagline in one(page, "h1").get_text()
    assert one(page, "form.languages [aria-current]")["value"] == code


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example/", "/\\evil.example", ""]
)
def test_choosing_a_language_leads_nowhere_else(client: FlaskClient, back: str) -> None:
    answer = client.post("/language", data={"language": "zh", "back": back})
    assert answer.headers["Location"] == "/"


def test_the_owner_sets_the_language(make_client: MakeClient) -> None:
    assert one(read(make_client(language="zh-Hant"), "/"), "html")["lang"] == "zh-Hant"


def test_an_answer_can_be_said_to_help_or_not(client: FlaskClient) -> None:
    page = read(client, "/", q="externally-managed-environment")
    form = one(page, "article.answer form.helped")
    assert [str(b["value"]) for b in form.select("details button")] == [*REASONS]
    data = {str(field["name"]): str(field["value"]) for field in form.select("input")}
    answer = client.post(str(form["action"]), data={**data, "reason": "outdated"})
    assert answer.status_code == 303 and "externally" in answer.headers["Location"]
    assert client.post("/feedback", data={**data, "reason": "rude"}).status_code == 400
    numbers = client.get("/metrics").text
    assert 'fixdex_votes_total{vote="outdated"} 1.0' in numbers


def test_browsers_can_add_the_site_to_their_own_search(client: FlaskClient) -> None:
    link = one(read(client, "/"), "link[rel=search]")
    response = client.get(str(link["href"]))
    assert response.content_type == "application/opensearchdescription+xml; charset=utf-8"
    root = ElementTree.fromstring(response.data)
    space = {"o": "http://a9.com/-/spec/opensearch/1.1/"}
    address = root.find("o:Url[@type='text/html']", space)
    assert address is not None and address.get("template") == "http://localhost/?q={searchTerms}"


def test_a_folder_narrows(client: FlaskClient) -> None:
    page = read(client, "/", q="error")
    links = [str(a["href"]) for a in page.select(".facets a") if "folder=" in str(a["href"])]
    assert links
    narrowed = read(client, links[0])
    assert narrowed.select("section.posts li")


def test_another_name_and_another_site_are_refused(make_client: MakeClient) -> None:
    client = make_client()
    assert client.get("/", headers={"Host": "rebound.example"}).status_code == 421
    asked = {"json": {"question": "x"}}
    foreign = client.post("/api/ask", headers={"Origin": "https://evil.example"}, **asked)
    assert foreign.status_code == 403
    assert foreign.get_json()["error"]["code"] == "foreign_origin"
    assert (
        client.post("/api/ask", headers={"Origin": "http://localhost"}, **asked).status_code == 200
    )
    own = make_client(allowed_hosts=("kb.example.com",), allowed_origins=("https://blog.example",))
    assert own.get("/", headers={"Host": "kb.example.com:8000"}).status_code == 200
    assert own.get("/").status_code == 421
    answer = own.post(
        "/api/ask", headers={"Host": "kb.example.com", "Origin": "https://blog.example"}, **asked
    )
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://blog.example"


def test_a_post_shows_its_pictures_from_the_folder_and_from_nowhere_else(
    make_kb: MakeKnowledgeBase,
) -> None:
    text = (
        "# 解决\n\n![beside](shot.png) ![root](/img/root.png) ![stem](inside.png)\n\n"
        "![out](../../etc/secret.png) ![hidden](.git/x.png) ![far](https://far.example/x.png)\n"
    )
    knowledge_base = make_kb({"notes/a.md": text}, Settings(rate_limit="off"))
    for name in ("notes/shot.png", "static/img/root.png", "notes/a/inside.png", ".git/x.png"):
        place = knowledge_base.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"\x89PNG")
    (knowledge_base.folder.parent / "secret.png").write_bytes(b"\x89PNG")
    client = create_app(knowledge_base).test_client()
    shown = {str(i["alt"]): i.get("src") for i in read(client, "/posts/notes/a.md").select("img")}
    assert shown == {
        "beside": "/files/notes/shot.png",
        "root": "/files/static/img/root.png",
        "stem": "/files/notes/a/inside.png",
        "out": None,
        "hidden": None,
        "far": None,
    }
    with client.get("/files/notes/shot.png") as picture:
        assert (picture.content_type, picture.data) == ("image/png", b"\x89PNG")
        assert "sandbox" in picture.headers["Content-Security-Policy"]
    for path in ("/files/.git/x.png", "/files/../secret.png", "/files/notes/a.md"):
        assert client.get(path).status_code == 404


def test_links_of_a_post_lead_to_posts_to_its_site_or_elsewhere_and_never_to_nothing(
    make_kb: MakeKnowledgeBase,
) -> None:
    text = (
        "[file](b.md#L3) [pretty](../notes/b/) [root](/notes/b) [lost](gone/) [up](/about/) "
        "[far](https://far.example/x?y=1#z) [mail](mailto:a@b.example) [here](#L1) [odd](//[x)\n"
    )
    posts = {"notes/a.md": text, "notes/b.md": "# b\n\nb\n"}

    def links(settings: Settings) -> dict[str, Any]:
        page = read(create_app(make_kb(posts, settings)).test_client(), "/posts/notes/a.md")
        return {link.get_text(): link.get("href") for link in page.select(".body a")}

    here = {"file": "/posts/notes/b.md#L3", "pretty": "/posts/notes/b.md"}
    same = {"root": "/posts/notes/b.md", "here": "#L1", "mail": "mailto:a@b.example"}
    found = links(Settings(rate_limit="off"))
    assert found == found | here | same
    assert (found["lost"], found["up"]) == (None, None)
    assert found["far"] == "https://far.example/x?y=1#z"
    found = links(Settings(rate_limit="off", permalink="https://me.example/{folder}/{stem}/"))
    assert found["lost"] == "https://me.example/notes/a/gone/"
    assert found["up"] == "https://me.example/about/"


def test_a_post_has_contents_and_its_error_and_fix_are_marked(client: FlaskClient) -> None:
    (path,) = [path for path, text in POSTS.items() if text == RUST]
    page = read(client, f"/posts/{path}")
    assert page.select(".body .code.is-fix") and page.select(".body .code.is-failing")
    page = read(client, "/posts/git/faq.md")
    links = page.select("details.contents a")
    assert len(links) > 2
    for link in links:
        assert page.find(id=unquote(str(link["href"]).removeprefix("#")))


@pytest.mark.parametrize(("language", "told"), [("zh", "没有内容"), ("en", "nothing at this")])
def test_an_error_speaks_the_readers_language(
    client: FlaskClient, language: str, told: str
) -> None:
    answer = client.get("/nowhere", headers={"Accept-Language": language})
    assert answer.status_code == 404
    assert told in one(BeautifulSoup(answer.data, "html.parser"), "[role=alert]").get_text()


def test_who_asks_too_often_is_told_when_to_ask_again(make_client: MakeClient) -> None:
    client = make_client(rate_limit="1")
    client.get("/", query_string={"q": "pip"})
    answer = client.get("/", query_string={"q": "pip"}, headers={"Accept-Language": "zh-TW"})
    assert answer.status_code == 429
    assert f"請在 {answer.headers['Retry-After']} 秒後再問" in answer.text
