"""A host worth escaping to: a home with secrets, oad's own data, another session's workspace, sockets, a process."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from oad.contract.policy import Policy
from oad.contract.sandbox import Confinement, SandboxWish
from oad.daemon.confinement import Confiner

NOBODY = 65534
SECRET = "tops3cret"


class Scene(msgspec.Struct):
    """All paths are below ``base``, which belongs to ``user``. ``victim`` is a process of that user."""

    user: int
    base: Path
    victim: int
    abstract: str
    agent: str
    place: str = "workspace"

    @property
    def workspace(self) -> Path:
        return self.base / self.place

    @property
    def home(self) -> Path:
        return self.base / "home"

    @property
    def data(self) -> Path:
        return self.base / "data"

    @property
    def other(self) -> Path:
        return self.base / "other"

    @property
    def outside(self) -> Path:
        return self.base / "outside"

    @property
    def scratch(self) -> Path:
        return self.data / "scratch" / "ses_a"

    def names(self) -> dict[str, str]:
        """For the scripts of the tests."""
        return {
            "W": str(self.workspace),
            "H": str(self.home),
            "D": str(self.data),
            "OTHER": str(self.other),
            "OUT": str(self.outside),
            "VICTIM": str(self.victim),
            "ABSTRACT": self.abstract,
            "SECRET": SECRET,
            "AGENT": self.agent,
            "TMP": str(Path(self.agent).parent),
        }

    def confinement(self, policy: Policy, wish: SandboxWish) -> Confinement:
        confiner = Confiner(policy, [self.data], home=str(self.home))
        return confiner.confine([str(self.workspace)], self.scratch, wish, [str(self.other)])

    def configure(self, configuration: str) -> None:
        """opencode's, of the home."""
        _write(self.home / ".config/opencode/opencode.json", configuration)
        self.give()

    def lay_out(self) -> None:
        """Also again, after an act that succeeded has left its marks."""
        for name in ("workspace", "home", "other", "outside"):
            _empty(self.base / name)
        _write(self.workspace / "file", "mine")
        _write(self.workspace / "opencode.json", "{}")
        _write(self.workspace / ".opencode/plugin/p.js", "// a plugin")
        _write(self.workspace / ".opencode/plans/a.md", "")
        subprocess.run(["git", "init", "-q", str(self.workspace)], check=True, capture_output=True)
        _write(self.workspace / ".git/hooks/pre-commit.sample", "# a sample")
        self._link()
        _write(self.home / ".bashrc", "# mine")
        _write(self.home / ".ssh/id_rsa", SECRET)
        _write(self.home / ".netrc", f"password {SECRET}")
        _write(self.home / ".config/gcloud/token", SECRET)
        _write(self.home / "elsewhere/credentials", SECRET)
        (self.home / ".aws").symlink_to("elsewhere")
        _write(self.home / "tool/bin/hello", "#!/bin/sh\necho a tool\n")
        (self.home / "tool/bin/hello").chmod(0o755)
        _write(self.other / "file", SECRET)
        _write(self.other / "writable", "theirs")
        for name in ("file", "other", "another", "linked"):
            _write(self.outside / name, "theirs")
        _write(self.data / "planted.key", SECRET)
        _write(self.data / "planted.text", "theirs")
        _write(Path(self.agent).with_name("file"), SECRET)
        self.give()

    def _link(self) -> None:
        """Links in the workspace that lead out of it."""
        links = self.workspace / "links"
        links.mkdir()
        for name, target in (
            ("ssh", self.home / ".ssh"),
            ("key", self.home / ".ssh/id_rsa"),
            ("data", self.data),
            ("out", self.outside),
            ("file", self.outside / "linked"),
        ):
            (links / name).symlink_to(target)

    def give(self) -> None:
        """All of it to its user."""
        for directory, names, files in os.walk(self.base):
            for name in (".", *names, *files):
                os.lchown(os.path.join(directory, name), self.user, self.user)


@contextmanager
def build_scene(user: int) -> Iterator[Scene]:
    base = Path(tempfile.mkdtemp(prefix="oad-cage-", dir="/srv"))  # what lies in /tmp is not even visible
    base.chmod(0o755)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, base, ignore_errors=True)
        victim = subprocess.Popen(["sleep", "600"], user=user, group=user, extra_groups=[])
        stack.callback(victim.wait)
        stack.callback(victim.kill)
        abstract = base.name
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind("\0" + abstract)
        listener.listen(64)
        agents = Path(tempfile.mkdtemp(prefix="oad-agent-"))
        stack.callback(shutil.rmtree, agents)
        scene = Scene(user=user, base=base, victim=victim.pid, abstract=abstract, agent=str(agents / "agent.sock"))
        agents.chmod(0o755)
        _write(scene.data / "planted.key", SECRET)
        own = stack.enter_context(socket.socket(socket.AF_UNIX))
        own.bind(str(scene.data / "daemon.sock"))
        own.listen(64)
        shared = stack.enter_context(socket.socket(socket.AF_UNIX))
        shared.bind(scene.agent)
        Path(scene.agent).chmod(0o777)
        shared.listen(64)
        scene.lay_out()
        yield scene


def _empty(directory: Path) -> None:
    """The directory itself stays: it is mounted in the cells."""
    for entry in directory.iterdir() if directory.exists() else ():
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
