"""The command line, as a person and as a script use it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import write_posts
from indexer import choose_place
from indexer.terminal import Terminal
from posts_for_tests import POSTS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_posts(tmp_path / "posts", POSTS)


def fixdex(
    *words: str | Path, stdin: str | bytes = b"", cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    data = stdin if isinstance(stdin, bytes) else stdin.encode("utf-8")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("FIXDEX_")}
    return subprocess.run(
        [sys.executable, "-m", "indexer.cli", *map(str, words)],
        input=data,
        capture_output=True,
        cwd=cwd,
        env={**kept, "PYTHONUTF8": "1", **environment},
        timeout=120,
        check=False,
    )


def test_rebuild_says_what_became_of_the_posts(folder: Path) -> None:
    write_posts(folder, {"b.md": b"\0\1\2\3" * 50})
    done = fixdex("rebuild", folder)
    assert done.returncode == 0
    assert b"5 posts" in done.stdout and b"5 added" in done.stdout and b"1 skipped" in done.stdout
    assert b"b.md" in done.stdout and b"binary" in done.stdout
    assert b"5 unchanged" in fixdex("rebuild", folder).stdout


def test_the_report_as_json_adds_up(folder: Path) -> None:
    report = json.loads(fixdex("rebuild", folder, "--json").stdout)
    assert set(report) == {
        "found", "indexed", "skipped", "added", "changed", "removed", "unchanged", "repaired",
        "files", "seconds",
    }  # fmt: skip
    assert report["found"] == report["indexed"] + report["skipped"] == 5
    assert report["files"][0].keys() == {"path", "state", "reason"}


def test_nothing_is_written_into_the_folder_of_the_posts(folder: Path, tmp_path: Path) -> None:
    before = sorted(folder.rglob("*"))
    home = {"HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": ""}
    fixdex("rebuild", folder, **home)
    fixdex("ask", "refusing to merge", "--kb", folder, **home)
    assert sorted(folder.rglob("*")) == before
    (place,) = (tmp_path / "home" / ".cache" / "fixdex" / "index").iterdir()
    assert (place / "current").is_file()


def test_an_index_of_an_earlier_version_is_ignored_and_named_once(folder: Path) -> None:
    write_posts(folder, {".fixdex/current": "000001 x", ".fixdex/a.md": "# zzold"})
    done = fixdex("ask", "refusing to merge unrelated histories", "--kb", folder)
    assert done.returncode == 0
    assert done.stderr.count(b"/.fixdex is an index of an earlier version") == 1
    assert b".fixdex" not in fixdex("ask", "refusing to merge", "--kb", folder).stderr
    assert fixdex("search", "zzold", "--kb", folder).returncode == 1


def test_without_a_command_it_says_what_it_is_and_how_to_begin() -> None:
    done = fixdex()
    assert done.returncode == 0 and done.stderr == b""
    shown = done.stdout.decode()
    assert "Paste an error, get the fix" in shown
    assert len(re.findall(r"^  \S.*fixdex (?:ask|serve)\b|^  fixdex ", shown, re.MULTILINE)) == 3
    for name in ("ask", "search", "serve", "rebuild", "status", "forget"):
        assert re.search(rf"^  {name} +\w", shown, re.MULTILINE)
    assert len(shown.splitlines()) <= 24


def test_a_question_that_begins_with_dashes_is_a_question(folder: Path) -> None:
    fixdex("rebuild", folder)
    for words in (
        ("--allow-unrelated-histories", "refusing", "to", "merge"),
        ("--allow-unrelated-histories refusing to merge", "--json"),
        ("-bash: refusing to merge unrelated histories",),
        ("-hidden", "-json", "refusing to merge unrelated histories"),
    ):
        done = fixdex("ask", *words, "--kb", folder)
        assert done.returncode == 0, done.stderr
        assert b"git/faq.md" in done.stdout
    asked = json.loads(fixdex("ask", "--json", "--kb", folder, "--", "--kb", "-n").stdout)
    assert asked["question"] == "--kb -n"
    assert fixdex("search", "nginx", "-n1", f"--kb={folder}").stdout.count(b"1. ") == 1
    hits = fixdex("search", "-n", "1", "--no-such-option", "-nginx", "502", "--kb", folder)
    assert hits.returncode == 0 and b"1. nginx 502 Bad Gateway" in hits.stdout


def test_ask_in_a_folder_of_notes_uses_it_and_makes_the_index(folder: Path) -> None:
    done = fixdex("ask", "refusing to merge unrelated histories", cwd=folder)
    assert done.returncode == 0
    assert b"--allow-unrelated-histories" in done.stdout
    assert f"using the posts in {folder} (the current folder)".encode() in done.stderr
    assert b"indexed 5 posts" in done.stderr
    again = fixdex("search", "nginx", cwd=folder)
    assert again.returncode == 0 and b"indexed" not in again.stderr


def test_an_index_can_be_listed_and_forgotten(folder: Path, tmp_path: Path) -> None:
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    assert json.loads(fixdex("status", "--all", "--json", **cache).stdout) == []
    fixdex("rebuild", folder, **cache)
    (kept,) = json.loads(fixdex("status", "--all", "--json", **cache).stdout)
    assert (kept["folder"], kept["posts"], kept["there"]) == (str(folder), 5, True)
    assert f"{folder}\n  5 posts, " in fixdex("status", "--all", **cache).stdout.decode()
    assert fixdex("forget", folder, **cache).returncode == 0
    assert not Path(kept["place"]).exists()
    assert fixdex("forget", folder, **cache).returncode == 1
    assert b"no folder is indexed yet" in fixdex("status", "--all", **cache).stdout
    assert len(list(folder.rglob("*.md"))) == 5


def test_ask_prints_the_fix_plain_when_piped(folder: Path) -> None:
    fixdex("rebuild", folder)
    done = fixdex("ask", "refusing", "to", "merge", "unrelated", "histories", "--kb", folder)
    assert done.returncode == 0
    assert b"git pull origin main --allow-unrelated-histories\n" in done.stdout
    assert b"\x1b" not in done.stdout
    assert done.stderr == b""


def test_ask_reads_a_log_from_a_pipe(folder: Path) -> None:
    fixdex("rebuild", folder)
    log = "noise\n" * 20_000 + "fatal: refusing to merge unrelated histories\n"
    done = fixdex("ask", "--json", "--kb", folder, stdin=log)
    assert done.returncode == 0
    assert json.loads(done.stdout)["answer"]["post"]["path"] == "git/faq.md"


def test_ask_says_when_nothing_matches(folder: Path) -> None:
    fixdex("rebuild", folder)
    done = fixdex("ask", "how do I bake sourdough bread", "--kb", folder)
    assert done.returncode == 1
    assert b"Nothing matches" in done.stdout and b"sourdough" in done.stdout


def test_search_lists_hits_and_says_why(folder: Path) -> None:
    fixdex("rebuild", folder)
    done = fixdex("search", "nginx", "502", "--explain", "-n", "2", "--kb", folder)
    assert done.returncode == 0
    assert b"1. nginx 502 Bad Gateway" in done.stdout and b"score" in done.stdout
    hits = json.loads(fixdex("search", "nginx", "--json", "--kb", folder).stdout)
    assert hits["hits"][0]["post"]["path"] == "web/nginx-502.md"
    assert fixdex("search", "zeppelin", "--kb", folder).returncode == 1


def test_where_there_is_no_index_and_none_can_be_made_the_exit_code_is_three(folder: Path) -> None:
    done = fixdex("status", "--kb", folder)
    assert done.returncode == 3
    assert b"fixdex rebuild" in done.stderr and done.stdout == b""
    for command in ("ask", "search"):
        done = fixdex(command, "x", "--kb", folder, "--index", folder / "git")
        assert done.returncode == 3
        assert done.stderr.count(b"\n") == 1 and b"neither empty nor an index" in done.stderr


def test_status_tells_what_is_stale(folder: Path) -> None:
    fixdex("rebuild", folder)
    assert b"up to date" in fixdex("status", "--kb", folder).stdout
    write_posts(folder, {"new.md": "new", "git/faq.md": "changed"})
    (folder / "python" / "pip.md").unlink()
    told = json.loads(fixdex("status", "--kb", folder, "--json").stdout)
    assert (told["added"], told["changed"], told["removed"]) == (
        ["new.md"], ["git/faq.md"], ["python/pip.md"],
    )  # fmt: skip
    assert told["stale"] is True
    done = fixdex("status", "--kb", folder)
    assert done.returncode == 0
    assert b"  changed git/faq.md\n" in done.stdout
    last = (
        f"stale: 1 added, 1 changed, 1 removed; bring it up to date with: fixdex rebuild {folder}"
    )
    assert done.stdout.decode().splitlines()[-1] == last


def test_status_tells_what_is_indexed_how_old_it_is_and_how_large(folder: Path) -> None:
    write_posts(folder, {"b.md": b"\0\1\2\3" * 50, "bom.md": b"\xef\xbb\xbf# zzbom\n"})
    fixdex("rebuild", folder)
    told = json.loads(fixdex("status", "--kb", folder, "--json").stdout)
    assert set(told) == {
        "folder", "place", "posts", "problems", "languages", "built_at", "age_seconds", "build",
        "size_bytes", "added", "changed", "removed", "skipped", "repaired", "stale",
    }  # fmt: skip
    assert told["posts"] == len(POSTS) + 1 == sum(told["languages"].values())
    files = (Path(told["place"]) / "generations").rglob("*")
    assert told["size_bytes"] == sum(file.stat().st_size for file in files if file.is_file())
    assert 0 <= told["age_seconds"] < 600
    assert told["skipped"] == [{"path": "b.md", "reason": "binary: it holds control characters"}]
    assert told["repaired"] == [{"path": "bom.md", "reason": "UTF-8 byte order mark removed"}]
    shown = fixdex("status", "--kb", folder).stdout.decode()
    assert re.search(rf"^posts     {len(POSTS) + 1} in {folder} \(\w+ \d", shown, re.MULTILINE)
    assert re.search(r"^index     \S+ \([\d.]+ kB\)$", shown, re.MULTILINE)
    built = re.escape(told["built_at"])
    assert re.search(rf"^build     000001, (just now|\d \w+ ago) \({built}\)$", shown, re.MULTILINE)
    assert "repaired  1; why: fixdex status --json" in shown
    assert "  skipped b.md: binary: it holds control characters" in shown


def test_a_draft_is_news_once_it_is_published(folder: Path) -> None:
    write_posts(folder, {"draft.md": "---\ndraft: true\n---\n# zzdraft\n"})
    fixdex("rebuild", folder)
    told = json.loads(fixdex("status", "--kb", folder, "--json").stdout)
    assert told["stale"] is False and told["skipped"][0]["path"] == "draft.md"
    write_posts(folder, {"draft.md": "# zzdraft\n", "other.md": "---\ndraft: true\n---\nx\n"})
    told = json.loads(fixdex("status", "--kb", folder, "--json").stdout)
    assert told["added"] == ["draft.md"]
    assert [one["path"] for one in told["skipped"]] == ["other.md"]


def test_of_many_files_the_first_are_named_and_how_to_see_the_others(folder: Path) -> None:
    fixdex("rebuild", folder)
    write_posts(folder, {f"new{number:02}.md": "new" for number in range(25)})
    shown = fixdex("status", "--kb", folder).stdout.decode()
    assert "  added new19.md\n" in shown and "new20.md" not in shown
    assert "  and 5 more added; all of them: fixdex status --json\n" in shown


@pytest.mark.skipif(os.name != "posix", reason="terminals by pty")
def test_a_terminal_shows_how_fast_posts_are_read_and_a_pipe_does_not(folder: Path) -> None:
    import pty

    command = [sys.executable, "-m", "indexer.cli", "rebuild", folder]
    ours, theirs = pty.openpty()
    try:
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=theirs, env=environment, timeout=120
        )
        shown = os.read(ours, 1 << 16).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert f"{len(POSTS)} added".encode() in done.stdout
    assert "reading posts" in shown and "posts/s" in shown and f"/{len(POSTS)}" in shown
    assert fixdex("rebuild", folder, "--full").stderr == b""


def test_where_there_is_no_terminal_a_long_work_is_told_in_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Terminal(stderr=True).progress("reading posts", "posts", every=0) as advance:
        advance(1000, 4000)
        advance(4000, 4000)
    first, last = capsys.readouterr().err.splitlines()
    assert re.fullmatch(
        r"reading posts: 1,000 of 4,000 \(25%\), [\d,]+ posts/s, \d:\d\d:\d\d left", first
    )
    assert re.fullmatch(r"reading posts: 4,000 of 4,000 \(100%\), [\d,]+ posts/s", last)
    with Terminal(stderr=True).progress("reading posts", "posts") as advance:
        for done in range(1000):
            advance(done, 1000)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("rebuild", "/no/such/folder"), b"/no/such/folder is not a folder"),
        (("rebuild", "--index", "opensearch://localhost/posts"), b"only folders"),
        (("rebuild", "--nonsense"), b"No such option"),
        (("serve", "--port", "99999"), b"99999"),
        (("ask", "why", "--index"), b"'--index' requires an argument"),
        (("search", "why", "-n"), b"'-n' requires an argument"),
    ],
)
def test_wrong_use_is_one_sentence_and_code_two(words: tuple[str, ...], told: bytes) -> None:
    done = fixdex(*words)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.startswith(b"fixdex: ") and done.stderr.count(b"\n") == 1


def shell(script: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """A line of a shell, `$F` being the command."""
    return subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        env={
            **os.environ,
            "F": f"{sys.executable} -m indexer.cli",
            "KB": str(folder),
        },
        timeout=120,
        check=False,
    )


@pytest.mark.skipif(os.name != "posix", reason="streams are closed by a shell")
@pytest.mark.parametrize(
    ("script", "code", "told"),
    [
        ('$F ask --kb "$KB" <&-', 2, b"neither a question nor standard input"),
        ('$F ask --kb "$KB" </dev/null', 1, b"nothing was asked"),
        ('$F search 502 --json --kb "$KB" >&-', 0, b""),
        (
            '$F ask "refusing to merge unrelated histories" --kb "$KB" >/dev/full',
            2,
            b"No space left",
        ),
        ('set -o pipefail; $F search 502 --json --kb "$KB" | true', 141, b""),
        ('$F rebuild "" --index "$KB/../none"', 2, b"is empty; name a folder"),
    ],
)
def test_streams_that_are_not_there_are_no_traceback(
    folder: Path, script: str, code: int, told: bytes
) -> None:
    fixdex("rebuild", folder)
    done = shell(script, folder)
    assert done.returncode == code
    assert told in done.stderr and done.stderr.count(b"\n") == bool(told)


def test_what_a_terminal_cannot_show_is_escaped(folder: Path) -> None:
    write_posts(folder, {"esc.md": "# red \x1b[31m frobnicate\n\nabout frobnicate 中文\n"})
    fixdex("rebuild", folder)
    shown = fixdex("search", "frobnicate", "--kb", folder)
    assert rb"red \x1b[31m frobnicate" in shown.stdout and b"\x1b" not in shown.stdout
    ascii_only = fixdex("search", "中文", "--kb", folder, PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert ascii_only.returncode == 0 and rb"\u4e2d\u6587" in ascii_only.stdout


@pytest.mark.skipif(os.name != "posix", reason="locks by flock")
def test_serve_answers_with_the_last_index_while_another_rebuild_runs(folder: Path) -> None:
    import fcntl

    fixdex("rebuild", folder)
    with (choose_place(folder, None) / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        server = subprocess.Popen(
            [sys.executable, "-m", "indexer.cli", "serve", folder, "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert server.stdout is not None and server.stderr is not None
        assert b"answers at" in server.stdout.readline()
        server.terminate()
        told = server.communicate(timeout=30)[1]
    assert b"another rebuild runs; serving the index of" in told


def test_a_wrong_setting_names_file_and_key(folder: Path) -> None:
    write_posts(folder, {"fixdex.yaml": "prot: 80\n"})
    done = fixdex("rebuild", folder)
    assert done.returncode == 2
    assert b"fixdex.yaml" in done.stderr and b"'prot'" in done.stderr
    write_posts(folder, {"fixdex.yaml": "drafts: eighty\n"})
    assert b"drafts: expected true or false" in fixdex("rebuild", folder).stderr


def test_the_folder_is_found_by_its_settings_file_upwards(folder: Path) -> None:
    write_posts(folder, {"fixdex.yaml": "title: Notes\n"})
    done = fixdex("rebuild", cwd=folder / "web")
    assert done.returncode == 0 and b"5 added" in done.stdout
    assert f"using the posts in {folder} (it has a fixdex.yaml)".encode() in done.stderr


def test_the_folder_is_found_by_variable_then_by_name(folder: Path, tmp_path: Path) -> None:
    assert b"5 added" in fixdex("rebuild", cwd=tmp_path, FIXDEX_KB=str(folder)).stdout
    folder.rename(tmp_path / "kb")
    done = fixdex("rebuild", cwd=tmp_path)
    assert b"5 added" in done.stdout and b"/kb\n" in done.stderr


def test_without_any_folder_the_shipped_posts_are_used_and_said_so(tmp_path: Path) -> None:
    done = fixdex("rebuild", "--index", tmp_path / "place", cwd=tmp_path)
    assert done.returncode == 0
    assert b"ship with Fixdex" in done.stderr


def test_an_index_elsewhere_is_made_private(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "far" / "away"
    assert fixdex("rebuild", folder, "--index", place).returncode == 0
    assert place.stat().st_mode & 0o777 == 0o700
    assert fixdex("ask", "refusing to merge", "--kb", folder, FIXDEX_INDEX=str(place)).stdout
    # The index knows the folder that it was made from.
    done = fixdex("ask", "refusing to merge unrelated histories", "--index", place, cwd=tmp_path)
    assert done.returncode == 0 and str(folder).encode() in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_rebuild_that_is_interrupted_waits_for_no_post(tmp_path: Path) -> None:
    slow = "# T {#" + "a" * 1_000_000 + "\n"
    folder = write_posts(tmp_path / "posts", {f"{n}.md": slow for n in range(210)})
    command = [sys.executable, "-m", "indexer.cli", "rebuild", str(folder), "--jobs", "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True) as process:
        # By then all processes read.
        time.sleep(9)
        os.killpg(process.pid, signal.SIGINT)
        # Each of these posts takes ten seconds.
        told = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert b"Traceback" not in told


def test_of_a_long_fix_a_terminal_shows_all_at_once(folder: Path) -> None:
    code = "a = 1\n" * 200_000 + "last = 2"
    write_posts(folder, {"long.md": f"# zzlong fails\n\n## Fix\n\n```python\n{code}\n```\n"})
    done = fixdex("ask", "zzlong fails", "--kb", folder, FORCE_COLOR="1")
    assert done.returncode == 0 and b"last = 2" in done.stdout


def test_a_name_that_is_no_utf_8_does_not_stop_anything(folder: Path) -> None:
    try:
        (folder / os.fsdecode(b"caf\xe9.md")).write_text("# gyroscope\n", "utf-8")
    except OSError:
        pytest.skip("this file system takes no such names")
    report = json.loads(fixdex("rebuild", folder, "--json").stdout)
    assert report["indexed"] == 6
    assert rb"caf\xe9.md" in fixdex("search", "gyroscope", "--kb", folder).stdout


def test_a_question_that_is_no_utf_8_is_asked_all_the_same(folder: Path) -> None:
    fixdex("rebuild", folder)
    done = fixdex("ask", "--kb", folder, stdin=b"nginx \xff\xfe 502 php-fpm permission denied")
    assert done.returncode in (0, 1)
    assert b"Traceback" not in done.stderr
