from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oad.contract.permission import evaluate, matches
from oad.workers.config.rules import make_rules
from oad.workers.config.shell_split import external_directories, split


def parts(command: str) -> list[tuple[str, str]]:
    return [(part.text, part.always) for part in split(command)]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("echo hi && git status", [("echo hi", "echo *"), ("git status", "git status *")]),
        ("git status --short", [("git status --short", "git status *")]),
        ("pwd | sort -u", [("pwd", "pwd *"), ("sort -u", "sort *")]),
        ("ls; ls", [("ls", "ls *")]),
        ("cd /tmp && rm x", [("rm x", "rm *")]),
        ("cd sub", []),
        ("cat a > b", [("cat a > b", "cat *")]),
        ("A=1 git push", [("A=1 git push", "A=1 git push *"), ("git push", "git push *")]),
        ("sudo -n rm -rf x", [("sudo -n rm -rf x", "sudo -n rm *"), ("rm -rf x", "rm *")]),
        ("export A=1", [("export A=1", "export A=1")]),
        ("", []),
        ("  \n", []),
    ],
)
def test_parts(command: str, expected: list[tuple[str, str]]) -> None:
    assert parts(command) == expected


@pytest.mark.parametrize(
    "command",
    [
        "rm x",
        "true && rm x",
        "(rm x)",
        "echo $(rm x)",
        'echo "`rm x`"',
        "A=1 rm x",
        "sudo rm x",
        "env A=1 timeout 5 nohup rm x",
        "/bin/rm x",
        '"rm" x',
        "r\\m x",
        "$'\\x72m' x",
        "bash -c 'rm x'",
        "sh -ec 'true; rm x'",
        "bash -c \"bash -c 'rm x'\"",
        "eval 'rm x'",
        "xargs rm x",
        "if true; then rm x; fi",
        "f() { rm x; }; f",
        "cat <<E\n$(rm x)\nE",
        "command /usr/bin/rm x",
        "cd a && rm x",
    ],
)
def test_a_rule_against_a_name_holds_behind_its_disguises(command: str) -> None:
    rules = make_rules({"bash": {"*": "allow", "rm *": "deny"}}, Path("/h"))
    assert "deny" in [evaluate("bash", part.text, rules).action for part in split(command)]


@pytest.mark.parametrize(
    "command", ["LD_PRELOAD=x git status", "git status | sh", "git status; (((", "PATH=. git status"]
)
def test_leave_for_a_name_does_not_hold_for_its_company(command: str) -> None:
    rules = make_rules({"bash": {"git *": "allow"}}, Path("/h"))
    assert "ask" in [evaluate("bash", part.text, rules).action for part in split(command)]


def test_always_does_not_give_away_shells_and_starters() -> None:
    for command in ("bash -c 'ls'", "sudo ls", "env A=1 ls", "eval ls", "timeout 5 ls"):
        for part in split(command):
            assert not matches(part.always, f"{command.split()[0]} rm -rf /")


@pytest.mark.parametrize("command", ["* x", "** x", "bash -c '*'", "eval *", '"" x'])
def test_stars_in_a_command_do_not_become_leave_for_all(command: str) -> None:
    for part in split(command):
        assert matches(part.always, part.text)
        assert not matches(part.always, "rm -rf x")


pieces = st.sampled_from(
    [
        "a",
        "rm ",
        "sudo ",
        "bash -c ",
        "cd ",
        "~/",
        "../",
        "/etc ",
        " ",
        "'",
        '"',
        "$(",
        ")",
        "`",
        "|",
        "&&",
        ";",
        "\n",
        "{a,b}",
        ">",
        "\\",
        "$X",
        "\0",
        "-",
    ]
)


@given(st.text() | st.lists(pieces, max_size=25).map("".join))
def test_never_raises(command: str) -> None:
    for part in split(command):
        assert part.text
        assert part.always not in ("", "*", " *")
    for folder in external_directories(command, "/tmp", "/tmp"):
        assert Path(folder).is_absolute()


@given(st.lists(st.sampled_from(["ls -l", "git status", "echo hi", "npm run dev", "make"]), min_size=1, max_size=5))
def test_always_covers_its_own_part(commands: list[str]) -> None:
    for part in split(" && ".join(commands)):
        assert matches(part.always, part.text)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("work/sub", "home", "outside"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path / "work"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("cat x sub/y", []),
        ("ls /etc", []),  # only commands that read or change what they name
        ("cat /etc/hostname", ["/etc"]),
        ("rm -rf /etc", ["/etc"]),
        ("cat ../outside/x", ["T/outside"]),
        ("cat ~/x $HOME/y", ["T/home"]),
        ("cd ../outside && rm x", ["T/outside"]),
        ("cd sub && cat ../x", []),
        ("cd sub && cat ../../x", ["T"]),
        ("(cd ../outside) && rm x", ["T/outside"]),
        ("(cd ../outside && rm x); rm y", ["T/outside"]),
        ("cd", ["T/home"]),
        ("echo x > ../outside/y", ["T/outside"]),
        ("cat < /etc/hostname", ["/etc"]),
        ("echo x > /dev/null 2>&1", []),
        ("cp -t/ignored --target-directory=/opt x", ["/opt"]),
        ("rm {/etc,../outside}/x", ["/etc", "T/outside"]),
        ("rm '{/etc,x}'", []),
        ("rm -- -x /etc/-y", ["/etc"]),
        ("chmod 755 x", []),
        ("chmod +x ../outside/x", ["T/outside"]),
        ("dd if=/etc/hostname of=x", ["/etc"]),
        ("sudo rm /etc/x", ["/etc"]),
        ("bash -c 'cat /etc/x'", ["/etc"]),
        ("cat $UNKNOWN/x", []),
        ("cat sub/../../outside/x ../outside/y", ["T/outside"]),
        ("cat '/etc/a b'", ["/etc"]),
        ("cat 'x\0y'", []),
    ],
)
def test_external_directories(work: Path, command: str, expected: list[str]) -> None:
    found = external_directories(command, str(work), str(work))
    assert [folder.replace(str(work.parent), "T") for folder in found] == expected


def test_links_are_followed(work: Path) -> None:
    (work / "link").symlink_to(work.parent / "outside")
    assert external_directories("cat link/x", str(work), str(work)) == [str(work.parent / "outside")]


def test_the_worktree_is_inside_but_not_the_whole_machine(work: Path) -> None:
    sub = str(work / "sub")
    assert external_directories("cat ../x", sub, str(work)) == []
    assert external_directories("cat ../x", sub, "/") == [str(work)]
