"""The command line of bubblewrap."""

import msgspec
import pytest

from oad.contract.sandbox import Confinement
from oad.daemon.bwrap import Descriptors, command_line, environment_arguments
from oad.daemon.view import Mount

CONFINEMENT = Confinement(
    level="namespaces", profile="workspace", ceiling="full", scratch="/d/s", private=("/d",), bwrap="/usr/bin/bwrap"
)
MOUNTS = [
    Mount("/d", "hide"),
    Mount("/run", "hide"),
    Mount("/tmp", "tmp", "/d/s/tmp"),
    Mount("/w", "write"),
    Mount("/etc/shadow", "hide-file"),
    Mount("/tmp/tool", "read"),
    Mount("/w/.git", "write"),
    Mount("/w/.git/hooks", "read"),
]
ALL = frozenset({"/d", "/run", "/etc/shadow", "/tmp/tool", "/w/.git/hooks"})


def line(
    profile: str = "workspace", standing: frozenset[str] = frozenset(), root: str = "host", *, terminal: bool = False
) -> str:
    confinement = msgspec.structs.replace(CONFINEMENT, root=root)
    words = command_line(
        confinement,
        profile,  # type: ignore[arg-type]
        MOUNTS,
        ["sh", "-c", "x"],
        cwd="/w",
        descriptors=Descriptors(7, 8, 9),
        standing=standing,
        terminal=terminal,
    )
    return " ".join(words)


def test_everything_in_order() -> None:
    assert line() == (
        "/usr/bin/bwrap --ro-bind / / --dev /dev --perms 0555 --tmpfs /d --perms 0555 --tmpfs /run"
        " --bind /d/s/tmp /tmp --bind /w /w --ro-bind /d/s/empty /etc/shadow --ro-bind /tmp/tool /tmp/tool"
        " --bind /w/.git /w/.git --ro-bind /w/.git/hooks /w/.git/hooks --remount-ro /d --remount-ro /run"
        " --unshare-ipc --unshare-uts --die-with-parent --cap-drop ALL --new-session"
        " --seccomp 7 --json-status-fd 8 --args 9 --chdir /w -- sh -c x"
    )


def test_what_stands_already_is_not_made_again_but_what_is_covered_is() -> None:
    found = line(standing=ALL)
    assert "--tmpfs /run" not in found
    assert "/etc/shadow" not in found
    assert "/w/.git/hooks" not in found, "a bind of the workspace takes it along"
    assert "--ro-bind /tmp/tool /tmp/tool" in found, "the private /tmp has covered it"
    assert "--tmpfs /d" in found, "the worker's socket and scratch are visible where it stands"


def test_no_pid_namespace_is_made() -> None:
    assert "--unshare-pid" not in line()
    assert "--unshare-user" not in line()


def test_full_keeps_the_capabilities_that_undo_nothing() -> None:
    found = line("full")
    assert "--dev-bind / /" in found
    assert "--cap-drop ALL" not in found
    assert "--cap-drop CAP_SYS_ADMIN" in found
    assert "--cap-add" not in found


def test_a_minimal_root_begins_empty_and_ends_read_only() -> None:
    found = line(root="minimal", standing=ALL)
    assert "--ro-bind / /" not in found
    assert "--tmpfs /run" in found
    assert found.index("--remount-ro / ") > found.index("--bind /w /w")


def test_a_program_with_a_terminal_leads_no_session_before_it_takes_that() -> None:
    assert "--new-session" not in line(terminal=True)


def test_the_environment_reaches_the_command_and_not_bubblewrap() -> None:
    assert environment_arguments({"LD_PRELOAD": "x y", "E": ""}) == b"--setenv\0LD_PRELOAD\0x y\0--setenv\0E\0\0"


@pytest.mark.parametrize(("name", "value"), [("A", "x\0--bind\0/\0/"), ("A=B", "x"), ("", "x"), ("A\0B", "x")])
def test_no_variable_becomes_an_option(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="not a variable"):
        environment_arguments({name: value})
