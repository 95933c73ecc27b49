"""Code gets its colours in time, whatever it is made of."""

from __future__ import annotations

import subprocess
import sys

import pytest

from conftest import MakeKnowledgeBase
from indexer import spans
from indexer.terminal import Terminal
from webapp import create_app


def test_code_in_pieces_is_the_code() -> None:
    assert len(spans("$ ls\n" * 399, "console")) > 1
    assert len(spans("$ ls\n" * 401, "console")) == 1
    for code in ("import os\n\nx = '中文'  # y", "\ufeffimport os", "a = 1\r\n", "\n\n  pass\n"):
        assert "".join(text for _, text in spans(code, "python")) == code
    assert ("k", "import") in spans("import os", "python")


# Lexers of Pygments that never end, or take the square of the time and more.
HOSTILE = {
    "mcschema": "<!--",
    "markdown": "```mcschema\n<!--\n```\n",
    "http": "HTTP/1.1 200 OK\nContent-Type: text/mcschema\n\n<!--",
    "easytrieve": "*" * 9_000,
    "autoit": "#cs" * 3_000,
    "nemerle": "<[" * 4_000,
    "bash": "<<" + "0" * 9_000,
    "c": "function " + " " * 9_000,
    "ini": "(" + " " * 9_000,
    "cfg": "::" * 4_500,
    "console": "<<a " * 2_400,
    "hcl": "<<EOF\na.a" * 1_000,
    "fish": '"\\\\' * 3_000,
    "scala": '"""\\' * 2_000,
    "csharp": "\na b " * 1_900,
    "python": "\n " * 4_900,
}


def test_no_text_holds_up_the_colouring() -> None:
    script = (
        "import sys\n"
        "from indexer import spans\n"
        f"for language, code in {HOSTILE!r}.items():\n"
        "    assert ''.join(text for _, text in spans(code, language)) == code\n"
    )
    subprocess.run([sys.executable], input=script, text=True, timeout=60, check=True)


def test_code_past_the_bounds_is_shown_without_colours() -> None:
    assert len(spans("import os\n" * 900, "python")) > 1
    assert len(spans("$ ls\n" * 399, "console")) > 1
    assert len(spans("$ ls\n" * 401, "console")) == 1
    for code in ("import os\n" * 1_001, "x = " + "a" * 200, "import os" + " " * 200, "=" * 200):
        assert spans(code, "python") == (("", code),)


@pytest.mark.parametrize("language", ["mcschema", "no-such", "", "text"])
def test_a_language_that_is_not_on_the_list_has_no_colours(language: str) -> None:
    assert spans("<!-- x = 1", language) == (("", "<!-- x = 1"),)


def test_a_fix_in_any_language_is_printed_on_a_terminal_and_shown_on_its_page(
    make_kb: MakeKnowledgeBase, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    text = "# zzgizmo fails\n\n## Fix\n\n```mcschema\n<!-- gizmo\n```\n"
    knowledge_base = make_kb({"a.md": text})
    Terminal().answer(knowledge_base.ask("zzgizmo fails"))
    assert "<!-- gizmo" in capsys.readouterr().out
    assert create_app(knowledge_base).test_client().get("/posts/a.md").status_code == 200
