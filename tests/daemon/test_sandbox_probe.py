"""Whether the sandbox can be enforced is found out by doing it, and what fails is named."""

import os
import platform
import shutil
from pathlib import Path

import msgspec
import pytest

from oad.contract.policy import SandboxPolicy
from oad.daemon import procs, seccomp
from oad.daemon.doctor import Probe
from oad.daemon.sandbox_probe import Enforceable, probe_profiles


def probe_in_child(policy: SandboxPolicy) -> list[Probe]:
    """On a host that refuses namespaces, as a container's filter does."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        try:
            procs.prctl(procs.PR_SET_NO_NEW_PRIVS, 1)
            procs.install_filter(seccomp.make_filter(platform.machine(), "full"))
            os.write(writer, msgspec.json.encode(probe_profiles(policy)))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        found = msgspec.json.decode(file.read(), type=list[Probe])
    os.wait()
    return found


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("bwrap") is None, reason="needs root and bubblewrap")
def test_here_everything_can_be_enforced() -> None:
    assert Enforceable.find(SandboxPolicy()) == Enforceable()
    assert [probe.name for probe in probe_profiles(SandboxPolicy(ceiling="workspace"))] == [
        "sandbox namespaces read-only",
        "sandbox namespaces workspace",
    ]


def test_without_bubblewrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    failures = Enforceable.find(SandboxPolicy()).failures
    assert set(failures) == {"read-only", "workspace", "full"}
    assert {(probe.step, probe.remedy) for probe in failures.values()} == {("bwrap: not found", "install bubblewrap")}


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap")
def test_without_namespaces() -> None:
    for probe in probe_in_child(SandboxPolicy()):
        assert not probe.ok
        assert "Operation not permitted" in probe.step
        assert "unshare" in probe.step
        assert "apparmor" in probe.remedy


@pytest.mark.skipif(procs.landlock_abi() < 1, reason="needs Landlock")
def test_the_weaker_level_needs_no_namespaces() -> None:
    assert all(probe.ok for probe in probe_in_child(SandboxPolicy(level="landlock")))


def test_no_sandbox_is_always_possible_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Enforceable.find(SandboxPolicy(level="none")) == Enforceable()


def test_another_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert "riscv64" in Enforceable.find(SandboxPolicy()).failures["workspace"].step
