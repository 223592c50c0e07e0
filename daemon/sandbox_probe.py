"""Whether this host can enforce the sandbox, found out by running ``true`` in it, profile by profile.

In forks that are thrown away, before the daemon has threads. What fails here is refused by name later: nothing falls
back to less than what was configured.
"""

import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from oad.contract.policy import Profile, SandboxPolicy
from oad.contract.sandbox import PROFILES, Confinement
from oad.contract.worker import Run

from . import procs, seccomp
from .doctor import REMEDY_USERNS, Probe, attempt
from .enclosure import Enclosure, has_started

_TIMEOUT_S: Final = 10.0
_APPARMOR: Final = "on hosts that restrict user namespaces load configs/apparmor/oad-bwrap"


def probe_profiles(policy: SandboxPolicy) -> list[Probe]:
    """One for each profile within the ceiling, named ``sandbox <level> <profile>``."""
    allowed = PROFILES[: PROFILES.index(policy.ceiling) + 1]
    return [_probe(policy, profile) for profile in allowed]


class Enforceable(msgspec.Struct, frozen=True):
    """The failures among the profiles; empty: all can be enforced."""

    failures: dict[Profile, Probe] = {}

    @classmethod
    def find(cls, policy: SandboxPolicy) -> "Enforceable":
        probes = zip(PROFILES, probe_profiles(policy), strict=False)
        return cls({profile: probe for profile, probe in probes if not probe.ok})


def _probe(policy: SandboxPolicy, profile: Profile) -> Probe:
    name = f"sandbox {policy.level} {profile}"
    if policy.level == "none" or (policy.level == "landlock" and profile == "full"):
        return Probe(name, True, "nothing is enforced")
    if platform.machine() not in seccomp.ARCHITECTURES:
        return Probe(name, False, step=f"no system call table for {platform.machine()}", remedy="x86-64 or arm64")
    bwrap = shutil.which("bwrap") or ""
    if policy.level == "namespaces" and not bwrap:
        return Probe(name, False, step="bwrap: not found", remedy="install bubblewrap")
    with tempfile.TemporaryDirectory(prefix="oad-probe-") as directory:
        failure = attempt(lambda: _run_true(policy, profile, bwrap, Path(directory).resolve()))
    if not failure:
        return Probe(name, True)
    return Probe(name, False, step=failure, remedy=_remedy(policy))


def _remedy(policy: SandboxPolicy) -> str:
    if policy.level == "landlock":
        return "Linux 5.13 or later with lsm=landlock"
    return f"{REMEDY_USERNS}; {_APPARMOR}"


def _run_true(policy: SandboxPolicy, profile: Profile, bwrap: str, directory: Path) -> None:
    workspace = directory / "workspace"
    workspace.mkdir()
    confinement = Confinement(
        level=policy.level,
        profile=profile,
        ceiling=profile,
        root=policy.root,
        writable=(str(workspace),),
        scratch=str(directory / "scratch"),
        bwrap=bwrap,
    )
    request = Run(0, ["true"], str(workspace), {"PATH": os.environ.get("PATH", os.defpath)})
    if policy.level == "namespaces":
        procs.enter_pid_namespace()
    # The init of the namespace is the next child; its own failure comes back as text.
    failure = attempt(lambda: _as_init(Enclosure(confinement), request))
    if failure:
        raise OSError(failure)


def _as_init(enclosure: Enclosure, request: Run) -> None:
    if enclosure.confinement.level == "namespaces":
        procs.mount_private_proc()
    enclosure.enter()
    confined = enclosure.confine(request)
    done = subprocess.run(
        confined.argv, env=confined.env, pass_fds=confined.inherited, cwd=request.cwd, capture_output=True, text=True,
        timeout=_TIMEOUT_S, check=False,
    )  # fmt: skip
    for fd in confined.inherited:
        os.close(fd)
    if confined.status >= 0 and not has_started(os.read(confined.status, 4096)):
        raise OSError(done.stderr.strip()[-500:] or "bubblewrap did not start the command")
    if done.returncode:
        raise OSError(f"true ended with {done.returncode}: {done.stderr.strip()[-500:]}")
