"""Commands: what was typed, and what only looks."""

from __future__ import annotations

import pytest

from indexer.fixes.commands import only_look, only_prepare, typed


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        (
            "[root@db1 ~]# virsh start vm1\nvm1 started\n\n[root@db1 ~]# virsh list\n Id  Name\n",
            ("virsh start vm1", "virsh list"),
        ),
        ("$ sudo mysql -uroot\nWelcome\nmysql> use mysql;\n", ("sudo mysql -uroot", "use mysql;")),
        ("PS C:\\app> dotnet build\n  ok\n", ("dotnet build",)),
        ("(venv) $ pip install x\nDone\n", ("pip install x",)),
        ("➜  ~ brew update\nAlready up-to-date.\n", ("brew update",)),
        ("me@host:~/app$ make\ncc main.c\n", ("make",)),
    ],
)
def test_what_was_typed_is_told_from_what_was_printed(text: str, commands: tuple[str, ...]) -> None:
    assert tuple(command for _, command in typed(text)) == commands
    assert all(command in text.split("\n")[line] for line, command in typed(text))


@pytest.mark.parametrize(
    "text",
    ["$ make\n$ make install\n", "# a comment\nvolume: 1\n", "a = b > c\nd = 1\n", ""],
    ids=["nothing printed", "comment", "code", "empty"],
)
def test_what_is_no_transcript_has_nothing_typed(text: str) -> None:
    assert typed(text) == ()


@pytest.mark.parametrize(
    "code",
    [
        "cat /proc/sys/fs/file-max",
        "$ cat a.txt\n8192\n",
        "java -version",
        "kubectl get pods -A",
        "oc -n app get pods",
        "docker buildx version",
        "sudo git status",
        "cd /etc\nls -l",
        "SELECT * FROM mysql.user;",
        "Get-ExecutionPolicy -List",
        "tmutil listlocalsnapshots /",
        'python3 -c "import ssl; print(ssl.OPENSSL_VERSION)"',
        "ps aux | grep nginx",
    ],
)
def test_commands_that_only_show(code: str) -> None:
    assert only_look(code)


@pytest.mark.parametrize(
    "code",
    [
        "lsof -ti tcp:8080 | xargs kill",
        "echo 1 > /proc/sys/net/ipv4/ip_forward",
        "echo x | sudo tee /etc/x",
        "go get example.org/x",
        "npm install list",
        "apt-get install nginx",
        "cat a && rm a",
        "UPDATE user SET host='%';",
        "server:\n  port: 8081",
        "",
    ],
)
def test_commands_that_do_something(code: str) -> None:
    assert not only_look(code)


def test_what_only_prepares() -> None:
    assert only_prepare("sudo systemctl restart nginx")
    assert only_prepare("service mongod stop")
    assert only_prepare("cd /etc/nginx\nvim nginx.conf")
    assert not only_prepare("systemctl enable nginx\nsystemctl restart nginx")
    assert not only_prepare("")
