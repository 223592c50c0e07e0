"""What must go on working inside, and what a sandbox must not leave behind."""

import subprocess

import pytest

from oad.contract.policy import Policy, SandboxPolicy
from oad.contract.sandbox import NO_WISH, SandboxWish

from .cell import Cell, open_cell
from .scene import SECRET, Scene

WORK = {
    "write to the workspace": "echo x > new && mkdir -p a/b && mv new a/b/ && chmod 755 a/b/new && rm -r a",
    "commit": "git add file && git -c user.name=a -c user.email=a@b commit -qm x && git log --oneline",
    "run a tool that is installed in the home": '"$H/tool/bin/hello"',
    "read the rest of the home": 'cat "$H/.bashrc"',
    "use devices": "echo x > /dev/null && head -c1 /dev/urandom > /dev/null && [ -w /dev/shm ]",
    "use shared memory": "echo x > /dev/shm/x && cat /dev/shm/x",
    "use a terminal": "script -qec 'tty' /dev/null",
    "use unix sockets": "/usr/bin/python3 -c 'import socket; a, b = socket.socketpair(); a.send(b\"x\"); b.recv(1)'",
    "use internet sockets": '/usr/bin/python3 -c \'import socket; s = socket.create_server(("127.0.0.1", 0)); '
    "socket.create_connection(s.getsockname())'",
    "use threads": "/usr/bin/python3 -c 'import threading; t = threading.Thread(target=print); t.start(); t.join()'",
    "make private modes": "touch p && chmod 700 p && install -m 600 p q && rm p q",
    "see its own processes": "ps -e | grep -q bash",
    "signal its own processes": "sleep 100 & kill %1 && ! wait %1",
    "write a plan": "echo x > .opencode/plans/b.md",
    "cache": 'echo x > "$XDG_CACHE_HOME.x"',
}


@pytest.mark.parametrize("name", WORK)
def test_everyday_work(name: str, scene: Scene, cell: Cell) -> None:
    scene.lay_out()
    result = cell.run(WORK[name])
    assert result.status == 0, result.output


def test_nothing_is_left_in_the_project(scene: Scene, cell: Cell) -> None:
    scene.lay_out()
    safe = ["git", "-c", "safe.directory=*", "-C", str(scene.workspace)]
    subprocess.run([*safe, "add", "-A"], check=True)
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*safe, *who, "commit", "-qm", "all"], check=True)
    for script in ("true", "ls -la", "git status", "false"):
        cell.run(script)
    left = subprocess.run([*safe, "status", "--porcelain", "--ignored"], capture_output=True, text=True, check=True)
    assert left.stdout == ""
    assert sorted(path.name for path in scene.home.iterdir()) == [
        ".aws", ".bashrc", ".config", ".netrc", ".ssh", "elsewhere", "tool",
    ]  # fmt: skip


def test_tmp_is_private_and_lasts_as_long_as_the_session(scene: Scene, cell: Cell) -> None:
    assert cell.run("echo mine > /tmp/kept").status == 0
    assert cell.run("cat /tmp/kept /var/tmp/kept").output == "mine\nmine\n"
    assert scene.scratch.joinpath("tmp/kept").read_text() == "mine\n"


def test_what_is_replaced_on_the_host_is_hidden_again(scene: Scene, cell: Cell) -> None:
    """Programs save settings by renaming a new file over the old one, which takes what was mounted there away."""
    scene.lay_out()
    assert cell.run('[ -s "$H/.netrc" ]').status != 0
    new = scene.home / ".netrc.new"
    new.write_text(SECRET)
    new.replace(scene.home / ".netrc")
    assert SECRET not in cell.run('cat "$H/.netrc"').output
    scene.home.joinpath(".kube").mkdir()
    scene.home.joinpath(".kube/config").write_text(SECRET)
    assert cell.run('cat "$H/.kube/config"').status != 0
    assert cell.run(f"assert not Path({str(scene.home)!r}, '.kube/config').exists()", worker=True).output == ""
    scene.home.joinpath(".kube/config").unlink()
    scene.home.joinpath(".kube").rmdir()


def test_a_command_left_running_outlives_its_call(scene: Scene, cell: Cell) -> None:
    assert cell.run("sleep 300 > /dev/null 2>&1 & echo $! > /tmp/pid").status == 0
    assert cell.run("kill $(cat /tmp/pid)").status == 0


def test_full_gives_the_host_but_not_oad(scene: Scene) -> None:
    scene.lay_out()
    with open_cell(scene, Policy(), SandboxWish(profile="full")) as cell:
        assert cell.run('echo x > "$OUT/new" && cat "$H/.ssh/id_rsa"').output == SECRET
        assert scene.outside.joinpath("new").exists()
        assert cell.run('cat "$D/planted.key"').status != 0
        assert cell.run("unshare -U true").status != 0
        assert cell.run('umount "$D"').status != 0
        assert cell.run('cat "$H/.ssh/id_rsa"', profile="read-only").status != 0
        assert cell.run('echo x > "$OUT/new"', profile="workspace").status != 0
        caps = cell.run("grep CapEff /proc/self/status").output
        assert int(caps.split()[1], 16) & (1 << 21) == 0  # CAP_SYS_ADMIN


def test_a_call_gets_no_more_than_the_ceiling(scene: Scene) -> None:
    scene.lay_out()
    policy = Policy(sandbox=SandboxPolicy(ceiling="workspace"))
    with open_cell(scene, policy, SandboxWish(profile="full")) as cell:
        assert cell.run('echo x > "$OUT/new"', profile="full").status != 0
        assert cell.run("echo x > new", profile="full").status == 0
        assert cell.run("echo x > new", profile="read-only").status != 0


def test_a_call_that_was_granted_more_still_sees_no_secrets(scene: Scene, cell: Cell) -> None:
    scene.lay_out()
    assert cell.run('echo x > "$OUT/new"', profile="full").status == 0
    assert cell.run('cat "$H/.ssh/id_rsa"', profile="full").status != 0
    assert cell.run('cat "$D/planted.key"', profile="full").status != 0


def test_a_minimal_root(scene: Scene) -> None:
    scene.lay_out()
    policy = Policy(sandbox=SandboxPolicy(root="minimal", expose=(str(scene.home / "tool"),)))
    with open_cell(scene, policy, NO_WISH) as cell:
        assert cell.run("echo x > new && git status && ls /bin/sh && cat /etc/passwd").status == 0
        assert cell.run('"$H/tool/bin/hello"').output == "a tool\n"
        assert cell.run('cat "$OUT/file"').status != 0
        assert cell.run('cat "$H/.bashrc"').status != 0
        assert cell.run("echo x > /new").status != 0


def test_landlock_alone(scene: Scene) -> None:
    scene.lay_out()
    policy = Policy(sandbox=SandboxPolicy(level="landlock"))
    with open_cell(scene, policy, NO_WISH) as cell:
        assert cell.run("echo x > new && git status --short && echo x > $TMPDIR/t").status == 0
        for script, why in (
            ('echo x > "$OUT/new"', "Permission denied"),
            ('cat "$H/.ssh/id_rsa"', "Permission denied"),
            ('cat "$D/planted.key"', "Permission denied"),
            ('cat "$OTHER/file"', "Permission denied"),
            ("unshare -U true", "Operation not permitted"),
            ("touch s; chmod u+s s", "Operation not permitted"),
            ("! grep CapEff:.*[1-9a-f] /proc/self/status && echo none && false", "none"),
        ):
            result = cell.run(script)
            assert result.status != 0
            assert why in result.output


def test_worktrees_of_git(scene: Scene) -> None:
    """Their ``.git`` is a file, and the repository lies outside of the workspace."""
    scene.lay_out()
    main = scene.outside / "main"
    who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "safe.directory=*"]
    subprocess.run(["git", "init", "-q", str(main)], check=True)
    subprocess.run(["git", *who, "-C", str(main), "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    subprocess.run(["git", *who, "-C", str(main), "worktree", "add", "-q", str(scene.workspace / "wt")], check=True)
    subprocess.run(["chown", "-R", f"{scene.user}:{scene.user}", str(scene.base)], check=True)
    narrow = Scene(scene.user, scene.base, scene.victim, scene.abstract, scene.agent, "workspace/wt")
    with open_cell(narrow, Policy(), NO_WISH) as cell:
        commit = "git -c user.name=a -c user.email=a@b commit -qm new && git log --oneline | wc -l"
        assert cell.run(f"echo x > f && git add f && {commit}").output == "2\n"
        assert cell.run(f"echo x > {main}/.git/hooks/post-commit").status != 0
        assert cell.run(f"echo x > {main}/.git/config").status != 0
        assert cell.run(f"echo x > {main}/file").status != 0
        assert cell.run("echo gitdir: /tmp > .git").status != 0
