import json
from pathlib import Path
from typing import Any

import pytest

from oad.contract.catalogue import ToolDescription
from oad.contract.errors import ApiError
from oad.workers.project.handler import ProjectHandler

from .conftest import Git
from .local_exec import LocalExec
from .sample import SampleProviders

TOOLS = [ToolDescription(id="bash", description="runs", parameters={"type": "object"})]


@pytest.fixture
def handler(repo: Path) -> ProjectHandler:
    return ProjectHandler(
        str(repo), exec=LocalExec(), providers=lambda _: SampleProviders(), tools=lambda: TOOLS, readable=("/out",)
    )


async def ask(handler: ProjectHandler, op: str, **params: str) -> Any:
    answer = await handler.handle(op, params, b"")
    assert answer.status == 200
    return json.loads(answer.body)


async def test_every_operation_answers(handler: ProjectHandler) -> None:
    for op in handler.operations() - {"v2.provider.get", "file.read", "v2.fs.read", "vcs.apply", "vcs.diff.raw"}:
        await ask(handler, op, pattern="x", query="x")


async def test_files(handler: ProjectHandler, repo: Path, git: Git) -> None:
    (repo / "src/a.txt").write_text("alpha\n")
    assert await ask(handler, "file.read", path="a.txt", directory=str(repo / "src")) == {
        "type": "text",
        "content": "alpha",
    }
    found = await ask(handler, "v2.fs.find", query="a.txt")
    assert found["data"] == [{"path": "src/a.txt", "type": "file"}]
    assert found["location"]["project"]["id"] == git(repo, "rev-parse", "HEAD")
    assert (await handler.handle("vcs.diff.raw", {}, b"")).body.startswith(b"diff --git ")


async def test_broken_configuration_shows_everywhere_but_in_the_identity(handler: ProjectHandler, repo: Path) -> None:
    (repo / "opencode.json").write_text("{")
    for op in handler.operations() - {"project.resolve", "v2.location.get"}:
        with pytest.raises(ApiError) as caught:
            await handler.handle(op, {}, b"")
        assert (caught.value.status, caught.value.body["name"]) == (400, "ConfigJsonError")
    assert (await ask(handler, "project.resolve"))["vcs"] == "git"


async def test_an_unknown_operation(handler: ProjectHandler) -> None:
    with pytest.raises(ApiError) as caught:
        await handler.handle("no.such", {}, b"")
    assert caught.value.status == 404


async def test_config_is_masked(handler: ProjectHandler, repo: Path, home: Path) -> None:
    (repo / "opencode.json").write_text('{"provider": {"p": {"options": {"apiKey": "hush", "baseURL": "u"}}}}')
    (home / ".config/opencode").mkdir(parents=True)
    (home / ".config/opencode/opencode.json").write_text('{"username": "me", "mcp": {"x": {"headers": {"A": "hush"}}}}')
    config = await ask(handler, "config.get")
    assert config["provider"]["p"]["options"] == {"apiKey": "********", "baseURL": "u"}
    assert (config["username"], config["agent"], config["plugin"]) == ("me", {}, [])
    shown = await ask(handler, "global.config.get")
    assert shown == {"username": "me", "mcp": {"x": {"headers": {"A": "********"}}}}


async def test_path(handler: ProjectHandler, repo: Path, home: Path) -> None:
    assert await ask(handler, "path.get", directory=str(repo / "src")) == {
        "home": str(home),
        "state": f"{home}/.local/state/opencode",
        "config": f"{home}/.config/opencode",
        "worktree": str(repo),
        "directory": str(repo / "src"),
    }


async def test_agents_commands_and_skills(handler: ProjectHandler, repo: Path) -> None:
    (repo / ".opencode/skill/greet").mkdir(parents=True)
    (repo / ".opencode/skill/greet/SKILL.md").write_text("---\nname: greet\ndescription: d\n---\nHi.\n")
    agents = await ask(handler, "app.agents")
    assert agents[0]["name"] == "build"
    assert {"permission": "external_directory", "pattern": "/out/*", "action": "allow"} in agents[0]["permission"]
    assert "prompt" not in agents[0]
    skills = await ask(handler, "app.skills")
    location = str(repo / ".opencode/skill/greet/SKILL.md")
    assert skills == [{"name": "greet", "description": "d", "location": location, "content": "Hi.\n"}]
    assert [each["name"] for each in await ask(handler, "command.list")] == ["init", "review", "greet"]
    assert [each["name"] for each in (await ask(handler, "v2.command.list"))["data"]] == ["init", "review"]


async def test_vcs_and_identity(handler: ProjectHandler, repo: Path, git: Git) -> None:
    assert await ask(handler, "vcs.get") == {"branch": "main", "default_branch": "main"}
    root = git(repo, "rev-parse", "HEAD")
    resolved = await ask(handler, "project.resolve", directory=str(repo / "src"))
    assert resolved == {"id": root, "worktree": str(repo), "sandbox": str(repo), "path": "src", "vcs": "git"}
    location = {"directory": str(repo), "project": {"id": root, "directory": str(repo)}}
    assert await ask(handler, "v2.location.get") == location
    assert (await ask(handler, "v2.agent.list"))["location"] == location


async def test_without_a_repository(handler: ProjectHandler, home: Path) -> None:
    assert await ask(handler, "vcs.get", directory=str(home)) == {}
    assert (await ask(handler, "project.resolve", directory=str(home)))["id"] == "global"


async def test_tools_and_providers(handler: ProjectHandler) -> None:
    assert await ask(handler, "tool.ids") == ["bash"]
    assert await ask(handler, "tool.list", provider="x", model="y") == [
        {"id": "bash", "description": "runs", "parameters": {"type": "object"}}
    ]
    assert (await ask(handler, "provider.list"))["connected"] == ["fake"]
    assert (await ask(handler, "config.providers"))["default"] == {"fake": "fake-1"}
    assert await ask(handler, "provider.auth") == {"fake": [{"type": "api", "label": "API key"}]}


async def test_single_providers_and_integrations(handler: ProjectHandler) -> None:
    assert (await ask(handler, "v2.provider.get", providerID="fake"))["data"]["id"] == "fake"
    with pytest.raises(ApiError) as caught:
        await handler.handle("v2.provider.get", {"providerID": "nope"}, b"")
    assert caught.value.status == 404
    assert caught.value.body == {
        "_tag": "ProviderNotFoundError",
        "providerID": "nope",
        "message": "Provider not found: nope",
    }
    assert (await ask(handler, "v2.integration.get", integrationID="other"))["data"]["name"] == "Other"
    assert (await ask(handler, "v2.integration.get", integrationID="nope"))["data"] is None


async def test_empty_answers_of_the_start(handler: ProjectHandler) -> None:
    assert await ask(handler, "experimental.capabilities.get") == {"backgroundSubagents": False}
    assert await ask(handler, "experimental.console.get") == {"consoleManagedProviders": [], "switchableOrgCount": 0}
    for op in ("experimental.workspace.list", "experimental.workspace.status"):
        assert await ask(handler, op) == []
