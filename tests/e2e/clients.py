"""The reference's own clients, unmodified: where they are, and how a test runs one in a home of its own."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

ROOT = Path(__file__).parents[2]
MODULES = Path(os.environ.get("OAD_CLIENTS", ROOT / ".clients")) / "node_modules"


def node_modules(*names: str) -> Path:
    """Where npm put them. Skips the test when one is missing."""
    for name in names:
        if not (MODULES / name).exists():
            pytest.skip(f"the npm package {name} is not installed: run `make clients`, or set OAD_CLIENTS")
    return MODULES


@dataclass(frozen=True)
class Ended:
    """A client's run: its exit status, and all it wrote."""

    status: int
    output: str
    errors: str

    @property
    def text(self) -> str:
        return self.output + self.errors


def environment(home: Path) -> dict[str, str]:
    """Nothing of this user's settings, and no look at the network for updates."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
    }


async def run_client(
    command: list[str], *, home: Path, cwd: Path, variables: Mapping[str, str] | None = None, timeout_s: float = 60
) -> Ended:
    """Fails when it takes longer."""
    with trio.fail_after(timeout_s):
        ended = await trio.run_process(
            command,
            cwd=cwd,
            env={**environment(home), **(variables or {})},
            stdin=subprocess.DEVNULL,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())
