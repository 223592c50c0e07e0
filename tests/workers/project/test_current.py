from pathlib import Path

from oad.contract.catalogue import Agent, Command
from oad.contract.message import ModelReference
from oad.contract.permission import PermissionRule
from oad.workers.config.project import load
from oad.workers.project import current

from .sample import FAKE, MODEL, SampleProviders


def test_agent() -> None:
    agent = Agent(
        name="a",
        mode="all",
        permission=[PermissionRule(permission="bash", pattern="git *", action="ask")],
        options={"x": 1},
        temperature=0.5,
        model=ModelReference(provider_id="p", model_id="m"),
        prompt="You are a.",
    )
    assert current.show_agent(agent) == {
        "id": "a",
        "model": {"id": "m", "providerID": "p"},
        "request": {"headers": {}, "body": {"x": 1, "temperature": 0.5}},
        "system": "You are a.",
        "mode": "all",
        "hidden": False,
        "permissions": [{"action": "bash", "resource": "git *", "effect": "ask"}],
    }


def test_command() -> None:
    command = Command(name="c", template="t", hints=[], model="p/m", subtask=True)
    assert current.show_command(command) == {
        "name": "c",
        "template": "t",
        "model": {"id": "m", "providerID": "p"},
        "subtask": True,
    }


def test_provider_and_model() -> None:
    provider = current.show_provider(FAKE)
    assert provider["api"] == {"type": "aisdk", "package": "@ai-sdk/openai-compatible", "url": "http://llm/v1"}
    model = current.show_model(MODEL, FAKE)
    assert model["api"]["url"] == "http://llm/v1"
    assert model["capabilities"] == {"tools": True, "input": ["text", "image"], "output": ["text"]}
    assert model["time"] == {"released": 1714521600000}
    assert model["limit"] == {"context": 200000, "output": 8192}
    assert model["variants"] == [{"id": "high", "headers": {}, "body": {"reasoningEffort": "high"}}]


def test_integrations() -> None:
    fake, other = current.show_integrations(SampleProviders().provider_list())
    assert fake["methods"] == [{"type": "key"}, {"type": "env", "names": ["FAKE_KEY"]}]
    assert fake["connections"] == [{"type": "env", "name": "FAKE_KEY"}]
    assert other["connections"] == []


def test_references(repo: Path, home: Path) -> None:
    (repo / "opencode.json").write_text(
        '{"references": {"docs": "~/docs", "lib": {"path": "/lib", "description": "d"}, "far": {"repository": "r"}}}'
    )
    shown = current.show_references(load(str(repo)))
    assert [(each["name"], each["path"], each.get("description")) for each in shown] == [
        ("docs", f"{home}/docs", None),
        ("lib", "/lib", "d"),
    ]
    assert shown[1]["source"] == {"type": "local", "path": "/lib", "description": "d"}
