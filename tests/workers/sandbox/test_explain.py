"""When the model is told that it was the sandbox, and when not."""

import os
from pathlib import Path

import msgspec
import pytest

from oad.contract.sandbox import UNCONFINED, Confinement
from oad.workers.sandbox.explain import is_hidden, is_protected, resolver, sandbox_notes

INSIDE = Confinement(
    level="namespaces",
    profile="workspace",
    ceiling="full",
    network="off",
    writable=("/w",),
    hidden=("/home/u/.ssh", "/run"),
    home="/home/u",
)


@pytest.mark.parametrize(
    ("command", "output", "expected"),
    [
        (
            "touch /etc/x",
            "touch: cannot touch '/etc/x': Read-only file system",
            "only these can be written to: /w, /tmp",
        ),
        ("git config a b", "error: could not write config file .git/config: Device or resource busy", ".git/config"),
        ("strace true", "strace: ptrace(PTRACE_TRACEME): Operation not permitted", "no privileges"),
        ("cat ~/.ssh/id_rsa", "cat: No such file or directory", "hides ~/.ssh"),
        ("ls $HOME/.ssh", "", "hides ~/.ssh"),
        ("ls /home/u/.ssh/", "", "hides ~/.ssh"),
        ("docker ps", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "hides /run"),
    ],
)
def test_a_refusal_is_explained(command: str, output: str, expected: str) -> None:
    notes = sandbox_notes(INSIDE, command, output)
    assert expected in "\n".join(notes)
    assert "escalate" in notes[-1]


@pytest.mark.parametrize(
    "output", ["", "FAILED test_x", "No such file or directory: 'x'", "permission denied: ./run.sh"]
)
def test_a_failure_of_the_command_is_its_own(output: str) -> None:
    assert sandbox_notes(INSIDE, "make test", output) == []


def test_nothing_is_said_where_nothing_holds() -> None:
    said = "Read-only file system"
    assert sandbox_notes(UNCONFINED, "x", said) == []
    assert sandbox_notes(msgspec.structs.replace(INSIDE, profile="full"), "x", said) == []


def test_no_way_out_is_offered_where_there_is_none() -> None:
    capped = msgspec.structs.replace(INSIDE, ceiling="workspace")
    assert "escalate" not in str(sandbox_notes(capped, "x", "Read-only file system"))


def test_what_is_hidden_and_protected(tmp_path: Path) -> None:
    secret, work, data = tmp_path / "secret", tmp_path / "work", tmp_path / "data"
    for place in (secret, work, data / "scratch"):
        place.mkdir(parents=True)
    (work / "link").symlink_to(secret)
    found = msgspec.structs.replace(
        INSIDE,
        writable=(str(work),),
        hidden=(str(secret),),
        private=(str(data),),
        scratch=str(data / "scratch"),
        exposed=(str(secret / "public"),),
        protected=(str(work / "opencode.json"),),
    )
    assert is_hidden(found, str(secret / "key"))
    assert is_hidden(found, str(work / "link/key"))
    assert is_hidden(found, str(data / "oad.db"))
    assert not is_hidden(found, str(secret / "public/x"))
    assert not is_hidden(found, str(data / "scratch/x"))
    assert not is_hidden(found, str(work / "x"))
    assert is_protected(found, str(work / "opencode.json"))
    assert not is_protected(found, str(work / "x"))
    full = msgspec.structs.replace(found, profile="full")
    assert not is_hidden(full, str(secret / "key"))
    assert is_hidden(full, str(data / "oad.db"))


def test_places_are_resolved_as_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "real/deep/file").mkdir(parents=True)
    for link, target in (
        ("link", "real/deep"),
        ("real/up", ".."),
        ("absolute", str(tmp_path / "link")),
        ("real/deep/gone", "../nowhere/at/all"),
        ("loop", "loop"),
    ):
        (tmp_path / link).symlink_to(target)
    resolve = resolver()
    for path in (
        *("link", "link/file", "link/gone", "link/gone/x", "absolute/file", "absolute/gone", "real/up/link/file"),
        *("loop", "loop/x", "link/../up", "link/./file", "link//file", "missing/x", "real/deep/", ""),
    ):
        place = f"{tmp_path}/{path}"
        assert resolve(place) == os.path.realpath(place), path
    assert resolve("/") == "/"
