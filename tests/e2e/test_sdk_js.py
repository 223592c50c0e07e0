"""The JavaScript SDK, both generations: every operation that is served, called by the client that people use.

One node process for each generation makes all calls; what it reports about each becomes a test here.
"""

import json
import re
import shutil
from pathlib import Path

import pytest
import trio

from .clients import node_modules, run_client
from .model import Model
from .server import Server

SOURCES = Path(__file__).parent / "sdk"
CHECKS = {
    name: re.findall(r'^check\("([^"]+)"', (SOURCES / name).read_text(), re.MULTILINE) for name in ("v1.mjs", "v2.mjs")
}


@pytest.fixture(scope="module")
def reports(shared: Server, model: Model) -> dict[str, dict[str, str]]:
    """For each file, for each check: what went wrong, or nothing."""
    modules = node_modules("@opencode-ai/sdk")
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node")
    skill = shared.project / ".opencode" / "skill" / "baking" / "SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text("---\nname: baking\ndescription: How to bake\n---\nPreheat.\n")
    variables = {"SERVER": shared.url, "DIRECTORY": str(shared.project), "MODEL": model.url, "MODULES": str(modules)}

    async def report(name: str) -> dict[str, str]:
        ended = await run_client(
            [node, str(SOURCES / name)], home=shared.project, cwd=shared.project, variables=variables, timeout_s=110
        )
        assert ended.status == 0, ended.text
        found: dict[str, str] = json.loads(ended.output)
        return found

    return {name: trio.run(report, name) for name in CHECKS}


@pytest.mark.parametrize(
    ("source", "check"), [pytest.param(s, c, id=f"{s}: {c}") for s, checks in CHECKS.items() for c in checks]
)
def test_check(reports: dict[str, dict[str, str]], source: str, check: str) -> None:
    assert reports[source][check] == ""
