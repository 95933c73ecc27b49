"""Pasted output: the lines that say what went wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import ROOT
from indexer.text.pasted import codes, read_pasted, values


def read_pastes() -> dict[str, tuple[str, str, str | None]]:
    """name → (what a tool prints, what its first error line holds, what one of three holds)."""
    found = {}
    for part in (ROOT / "tests" / "pastes.txt").read_text("utf-8").split("\n%%% ")[1:]:
        name, wanted, *lines = part.rstrip("\n").split("\n")
        beside = lines.pop(0).removeprefix("%beside ") if lines[0].startswith("%beside ") else None
        found[name] = ("\n".join(lines), wanted.removeprefix("%want "), beside)
    return found


PASTES = read_pastes()

PYTHON = """Traceback (most recent call last):
  File "/home/me/app/train.py", line 31, in <module>
    main()
  File "/home/me/app/train.py", line 12, in main
    load(path)
UnicodeDecodeError: 'utf-8' codec can't decode byte 0xb0 in position 3: invalid start byte
"""

JAVA = """Exception in thread "main" org.acme.ConfigException: cannot read settings
\tat org.acme.Config.load(Config.java:40)
\tat org.acme.Main.main(Main.java:9)
Caused by: java.io.FileNotFoundException: app.properties (No such file or directory)
\tat java.base/java.io.FileInputStream.open0(Native Method)
\t... 2 more
"""

LINK = """g++ -o app main.o util.o
/usr/bin/ld: util.o: in function `run()':
util.cpp:(.text+0x20): undefined reference to `pthread_create'
collect2: error: ld returned 1 exit status
make: *** [Makefile:4: app] Error 1
"""


def test_the_last_line_of_a_python_trace_is_the_error() -> None:
    found = read_pasted(PYTHON)
    assert found.output
    assert found.errors[0].startswith("UnicodeDecodeError")
    assert found.exceptions == ("UnicodeDecodeError",)


def test_the_root_cause_of_a_java_trace_comes_first() -> None:
    found = read_pasted(JAVA)
    assert found.errors[0].startswith("Caused by: java.io.FileNotFoundException")
    assert "org.acme.ConfigException" in found.exceptions


def test_what_a_tool_says_last_whatever_went_wrong_is_not_the_error() -> None:
    found = read_pasted(LINK)
    assert "undefined reference" in found.errors[0]
    assert not any("exit status" in line or "***" in line for line in found.errors)


@pytest.mark.parametrize("name", PASTES)
def test_the_error_line_of_each_world_comes_first(name: str) -> None:
    text, wanted, beside = PASTES[name]
    found = read_pasted(text)
    assert wanted in found.errors[0]
    assert beside is None or any(beside in line for line in found.errors[:3])
    assert found.output
    # What is shown as understood can be taken out of what was pasted.
    assert all(line in text for line in (*found.errors, *found.notes))


def test_a_chain_names_the_error_that_it_began_with() -> None:
    assert read_pasted(PASTES["python direct cause"][0]).cause == (
        "ConnectionRefusedError: [Errno 111] Connection refused"
    )
    cause = read_pasted(PASTES["dotnet inner"][0]).cause
    assert cause is not None and "System.IO.FileNotFoundException" in cause
    assert read_pasted(PYTHON).cause is None


def test_the_rest_of_a_long_message_and_hints_are_notes() -> None:
    notes = read_pasted(PASTES["python multi-line"][0]).notes
    assert any("Missing key(s)" in note for note in notes)
    assert any("RUST_BACKTRACE" in note for note in read_pasted(PASTES["rust panic"][0]).notes)


def test_every_leaf_of_a_group_is_an_error() -> None:
    errors = read_pasted(PASTES["python group"][0]).errors
    assert errors[1] == "KeyError: 'port'"
    assert not errors[0].startswith("ExceptionGroup")


def test_codes_are_kept() -> None:
    found = read_pasted(
        "ERROR 1698 (28000): Access denied\nORA-00942: table or view does not exist"
    )
    assert "ORA-00942" in found.codes
    assert read_pasted("error[E0308]: mismatched types").codes == ("E0308",)


@pytest.mark.parametrize(
    "line",
    [
        "bash: ./run.sh: Permission denied",
        "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)",
        "fatal: refusing to merge unrelated histories",
        "npm ERR! code ERESOLVE",
        "ERROR 1366 (HY000): Incorrect string value",
    ],
)
def test_a_complaint_of_a_program_is_output(line: str) -> None:
    assert read_pasted(line).output


@pytest.mark.parametrize(
    "text",
    [
        "second RNNCell weights",
        "how do I undo the last commit",
        "import os\n\ndef load(path):\n    raise ValueError(path)\n",
        "for item in items:\n    if error:\n        break\n",
    ],
)
def test_words_and_programs_are_not_output(text: str) -> None:
    assert not read_pasted(text).output


def test_colours_of_a_terminal_are_taken_off() -> None:
    assert read_pasted("\x1b[1;31mfatal: not a git repository\x1b[0m").errors == (
        "fatal: not a git repository",
    )


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=2000))
def test_any_text_is_read(text: str) -> None:
    found = read_pasted(text)
    assert len(found.errors) <= 5


@pytest.mark.parametrize(
    "text", ["a.b:" * 16_000, "(" * 65_536, "Error: " * 9_000, "\x1b]" * 30_000, "A" * 65_536]
)
def test_hostile_text_is_read_in_one_pass(text: str) -> None:
    read_pasted(text)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("src/store/cart.js:150:36: Expected to call", "src/store/cart.js:150:36"),
        ("[ERROR] [server.go:671] ERROR 8048", "server.go:671"),
        ("2024/09/13 15:24:07.674 +08:00 failed", "2024/09/13 15:24:07.674 +08:00"),
        ("[88213.102241] nf_conntrack: table full", "[88213.102241]"),
        ("connect to 10.1.4.22:5432 failed", "10.1.4.22:5432"),
        ("open /mnt/backup/backup.lock: Permission denied", "/mnt/backup/backup.lock"),
        ("trace 0x7f5fa493df30 in main", "0x7f5fa493df30"),
    ],
)
def test_what_a_run_put_into_its_message_is_a_value(line: str, value: str) -> None:
    start = line.index(value)
    assert any((s, e) == (start, start + len(value)) for s, e, _ in values(line))


@pytest.mark.parametrize(
    "line", ["0x80070005 access denied", "ORA-00942: table", "HTTP 502", "torch._C is missing"]
)
def test_codes_and_names_are_no_values(line: str) -> None:
    assert values(line) == ()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ERROR 1062 (23000): Duplicate entry", "1062"),
        ("Error Number: 8001", "8001"),
        ("错误码：8108", "8108"),
        ("ORA-00942: table or view does not exist", "ORA-00942"),
        ("exit code 137", "137"),
        ("HTTP 502", "502"),
    ],
)
def test_a_number_is_a_code_where_a_word_says_so(text: str, code: str) -> None:
    assert code in codes(text)
    assert codes("137 files, 502 lines") == ()


def test_of_a_long_log_both_ends_are_read() -> None:
    noise = "Compiling step of many\n" * 2500
    for text in (f"error: the disk is full\n{noise}", f"{noise}error: the disk is full"):
        assert read_pasted(text).errors == ("error: the disk is full",)
