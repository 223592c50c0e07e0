"""JavaScript clients: both generations of the SDK, with every operation that is served, and one that is built on it.

One node process for each makes all its calls; what it reports about each becomes a test here.
"""

import json
import re
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import trio

from .clients import node_modules, run_client
from .mcp_entrance import ZOO
from .model import Model
from .server import Server

SOURCES = Path(__file__).parent / "sdk"
NEEDED = {
    "v1.mjs": ("@opencode-ai/sdk",),
    "v2.mjs": ("@opencode-ai/sdk",),
    "projects.mjs": ("@opencode-ai/sdk",),
    "mcp.mjs": ("@opencode-ai/sdk",),
    "ai.mjs": ("ai", "ai-sdk-provider-opencode-sdk"),
}
CHECKS = {name: re.findall(r'^check\("([^"]+)"', (SOURCES / name).read_text(), re.MULTILINE) for name in NEEDED}
NOT_YET = (Path(__file__).parents[2] / "docs" / "NOT_YET.md").read_text()
Reports = Callable[[str], dict[str, str]]


@pytest.fixture(scope="module")
def report(shared: Server, model: Model) -> Reports:
    """Runs a file when it is first asked for: what went wrong with each of its checks, or nothing."""
    skill = shared.project / ".opencode" / "skill" / "baking" / "SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text("---\nname: baking\ndescription: How to bake\n---\nPreheat.\n")

    @cache
    def report(name: str) -> dict[str, str]:
        found: dict[str, str] = trio.run(run_node, name, NEEDED[name], shared, model)
        return found

    return report


async def run_node(name: str, needed: tuple[str, ...], server: Server, model: Model) -> Any:
    """What a file reports."""
    node, modules = shutil.which("node"), node_modules(*needed)
    if node is None:
        pytest.skip("there is no node")
    variables = {
        "SERVER": server.url,
        "DIRECTORY": str(server.project),
        "MODEL": model.url,
        "MODULES": str(modules),
        "MCP_SERVER": str(ZOO),
    }
    command = [node, str(SOURCES / name)]
    ended = await run_client(command, home=server.project, cwd=server.project, variables=variables, timeout_s=110)
    assert ended.status == 0, ended.text
    return json.loads(ended.output)


@pytest.mark.parametrize(
    ("source", "check"), [pytest.param(s, c, id=f"{s}: {c}") for s, checks in CHECKS.items() for c in checks]
)
def test_check(report: Reports, source: str, check: str) -> None:
    assert report(source)[check] == ""


# What a method gets where it is not a success, and why.
NO_SUCCESS = {
    "postSessionIdPermissionsPermissionId": (404, "nothing was asked"),
    "pty.connect": (404, "is a WebSocket, which this method does not ask for"),
    "session.share": (403, "is disabled here"),
    "provider.oauth.authorize": (400, "this provider has no such login"),
    "provider.oauth.callback": (400, "no login was begun"),
    **{
        f"{group}.{name}": (400, "this server wants no login")
        for group in ("auth", "mcp.auth")
        for name in ("start", "callback")
    },
}
WAITS = {"tui.control.next"}  # or gets what another check has put into the queue


async def test_every_method_of_v1_is_answered(shared: Server, model: Model) -> None:
    """All that the client has, whether named here or not. None of the reference's own failures is copied."""
    found = await run_node("v1_all.mjs", ("@opencode-ai/sdk",), shared, model)
    assert len(found) >= 83
    wrong: list[str] = []
    for name, answer in found.items():
        if f"\n| {name} |" in NOT_YET:
            continue
        expected = {NO_SUCCESS[name][0]} if name in NO_SUCCESS else {0, 200} if name in WAITS else {200, 204}
        if answer["status"] not in expected:
            wrong.append(f"{name}: {answer}")
    assert not wrong, "\n".join(wrong)
