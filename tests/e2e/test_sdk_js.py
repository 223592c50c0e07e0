"""JavaScript clients: both generations of the SDK, with every operation that is served, and one that is built on it.

One node process for each makes all its calls; what it reports about each becomes a test here.
"""

import json
import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import trio

from .clients import Ended, node_modules, run_client
from .model import Model
from .server import Server

SOURCES = Path(__file__).parent / "sdk"
NEEDED = {
    "v1.mjs": ("@opencode-ai/sdk",),
    "v2.mjs": ("@opencode-ai/sdk",),
    "projects.mjs": ("@opencode-ai/sdk",),
    "ai.mjs": ("ai", "ai-sdk-provider-opencode-sdk"),
}
CHECKS = {name: re.findall(r'^check\("([^"]+)"', (SOURCES / name).read_text(), re.MULTILINE) for name in NEEDED}
Reports = Callable[[str], dict[str, str]]


@pytest.fixture(scope="module")
def report(shared: Server, model: Model) -> Reports:
    """Runs a file when it is first asked for: what went wrong with each of its checks, or nothing."""
    skill = shared.project / ".opencode" / "skill" / "baking" / "SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text("---\nname: baking\ndescription: How to bake\n---\nPreheat.\n")

    @cache
    def report(name: str) -> dict[str, str]:
        node, modules = shutil.which("node"), node_modules(*NEEDED[name])
        if node is None:
            pytest.skip("there is no node")
        variables = {
            "SERVER": shared.url,
            "DIRECTORY": str(shared.project),
            "MODEL": model.url,
            "MODULES": str(modules),
        }

        async def run() -> Ended:
            command = [node, str(SOURCES / name)]
            return await run_client(
                command, home=shared.project, cwd=shared.project, variables=variables, timeout_s=110
            )

        ended = trio.run(run)
        assert ended.status == 0, ended.text
        found: dict[str, str] = json.loads(ended.output)
        return found

    return report


@pytest.mark.parametrize(
    ("source", "check"), [pytest.param(s, c, id=f"{s}: {c}") for s, checks in CHECKS.items() for c in checks]
)
def test_check(report: Reports, source: str, check: str) -> None:
    assert report(source)[check] == ""
