from pathlib import Path
from typing import Any

import msgspec
import pytest

from oad.contract.catalogue import Agent
from oad.contract.errors import ApiError
from oad.contract.message import ModelReference
from oad.contract.permission import evaluate
from oad.workers.config.agents import default_agent, make_agents, parse_model, read_prompt
from oad.workers.config.rules import denied_tools
from oad.workers.config.settings import Config


def make(raw: dict[str, Any] | None = None, **arguments: Any) -> dict[str, Agent]:
    config = msgspec.convert(raw or {}, Config)
    return make_agents(config, raw or {}, Path("/h"), arguments.get("readable", ["/out"]), arguments.get("folders", []))


def action(agent: Agent, permission: str, pattern: str = "x") -> str:
    return evaluate(permission, pattern, agent.permission).action


def test_native_agents() -> None:
    agents = make()
    assert list(agents) == ["build", "compaction", "explore", "general", "plan", "summary", "title"]
    assert [name for name, agent in agents.items() if agent.hidden] == ["compaction", "summary", "title"]
    assert [name for name, agent in agents.items() if agent.mode == "subagent"] == ["explore", "general"]
    assert all(agent.native for agent in agents.values())
    assert [name for name, agent in agents.items() if agent.prompt] == ["compaction", "explore", "summary", "title"]


def test_what_native_agents_may() -> None:
    agents = make()
    assert action(agents["build"], "question") == "allow"
    assert action(agents["general"], "question") == "deny"
    assert action(agents["general"], "todowrite") == "deny"
    plan = agents["plan"]
    assert action(plan, "edit", "src/x.py") == "deny"
    assert action(plan, "edit", ".opencode/plans/x.md") == "allow"
    assert (action(plan, "task", "general"), action(plan, "task", "explore")) == ("deny", "allow")
    explore = agents["explore"]
    assert [action(explore, name) for name in ("read", "bash", "edit", "task")] == ["allow", "allow", "deny", "deny"]
    assert action(explore, "external_directory", "/etc/*") == "ask"
    tools = ["bash", "read", "edit", "task"]
    assert denied_tools(tools, agents["title"].permission) == set(tools)


def test_configuration_wins_over_native_rules() -> None:
    agents = make({"permission": {"edit": "ask"}})
    assert action(agents["plan"], "edit") == "ask"
    assert action(agents["build"], "bash") == "allow"


def test_a_configured_agent() -> None:
    agents = make(
        {
            "agent": {
                "short": {
                    "description": "d",
                    "steps": 2,
                    "prompt": "p",
                    "top_p": 0.5,
                    "color": "#ff0000",
                    "model": "a/b/c",
                    "variant": "high",
                    "options": {"x": 1},
                    "reasoningEffort": "low",
                    "permission": {"bash": {"*": "deny", "ls *": "allow"}},
                    "hidden": True,
                }
            }
        }
    )
    short = agents["short"]
    assert (short.mode, short.native, short.steps, short.top_p, short.variant) == ("all", False, 2, 0.5, "high")
    assert (short.description, short.prompt, short.color, short.hidden) == ("d", "p", "#ff0000", True)
    assert short.model == ModelReference(provider_id="a", model_id="b/c")
    assert short.options == {"x": 1, "reasoningEffort": "low"}
    assert (action(short, "bash", "rm"), action(short, "bash", "ls -l")) == ("deny", "allow")


def test_a_native_agent_is_changed() -> None:
    build = make({"agent": {"build": {"temperature": 0, "maxSteps": 7, "permission": "ask"}}})["build"]
    assert (build.native, build.mode, build.temperature, build.steps) == (True, "primary", 0, 7)
    assert action(build, "bash") == "ask"


def test_the_old_map_of_tools() -> None:
    old = make({"agent": {"old": {"tools": {"bash": False, "write": False}, "permission": {"bash": "ask"}}}})["old"]
    assert (action(old, "bash"), action(old, "edit")) == ("ask", "deny")


def test_disabled_agents_are_gone() -> None:
    agents = make({"agent": {"plan": {"disable": True}, "own": {"disable": True}}})
    assert "plan" not in agents
    assert "own" not in agents


def test_the_default_comes_first() -> None:
    raw = {"default_agent": "writer", "agent": {"writer": {"mode": "primary"}}}
    agents = make(raw)
    assert list(agents)[:2] == ["writer", "build"]
    assert default_agent(agents, msgspec.convert(raw, Config)).name == "writer"


def test_without_build_the_next_primary_agent_is_the_default() -> None:
    raw = {"agent": {"build": {"disable": True}}}
    assert default_agent(make(raw), Config()).name == "plan"
    assert default_agent(make(), Config()).name == "build"


@pytest.mark.parametrize("name", ["nobody", "explore", "title"])
def test_an_impossible_default(name: str) -> None:
    raw = {"default_agent": name}
    with pytest.raises(ApiError) as caught:
        default_agent(make(raw), msgspec.convert(raw, Config))
    assert caught.value.body["data"]["issues"][0]["path"] == ["default_agent"]


def test_no_agent_to_start_with() -> None:
    raw = {"agent": {"build": {"disable": True}, "plan": {"hidden": True}}}
    with pytest.raises(ApiError):
        default_agent(make(raw), Config())


def test_own_directories_stay_readable() -> None:
    agents = make({"permission": {"external_directory": "deny"}}, folders=["/skill"])
    assert action(agents["build"], "external_directory", "/out/*") == "allow"
    assert action(agents["title"], "external_directory", "/out/*") == "allow"
    assert action(agents["build"], "external_directory", "/skill/*") == "deny"
    assert action(make(folders=["/skill"])["build"], "external_directory", "/skill/*") == "allow"
    named = make({"permission": {"external_directory": {"/out/*": "deny"}}})
    assert action(named["build"], "external_directory", "/out/*") == "deny"


def test_a_permission_for_one_agent_leaves_the_others_alone() -> None:
    agents = make({"agent": {"build": {"permission": {"bash": "deny"}}}})
    assert (action(agents["build"], "bash"), action(agents["plan"], "bash")) == ("deny", "allow")


def test_models() -> None:
    assert parse_model("p/m") == ModelReference(provider_id="p", model_id="m")
    assert parse_model("odd") == ModelReference(provider_id="odd", model_id="")


def test_prompts_come_with_the_package() -> None:
    assert "$ARGUMENTS" in read_prompt("init")
    with pytest.raises(FileNotFoundError):
        read_prompt("none")
