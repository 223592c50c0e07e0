"""Each agent has a profile, and its commands no more than that."""

from typing import Any

import pytest

from oad.contract.catalogue import Agent
from oad.contract.sandbox import Confinement
from oad.workers.exec import Command, Outcome
from oad.workers.sandbox.agent_exec import AgentExec, UnknownProfile, agent_profile, narrow


def agent(name: str = "a", **options: Any) -> Agent:
    return Agent(name=name, mode="all", permission=[], options=options)


class Recorder:
    def __init__(self) -> None:
        self.ran: list[Command] = []

    async def run(self, command: Command, **_options: Any) -> Outcome:
        self.ran.append(command)
        return Outcome(0)

    def open(self, command: Command, **_options: Any) -> Any:
        self.ran.append(command)


def test_agents_that_only_look() -> None:
    assert agent_profile(agent("plan")) == agent_profile(agent("explore")) == "read-only"
    assert agent_profile(agent("build")) == "full"
    assert agent_profile(agent("plan", sandbox="workspace")) == "workspace"


def test_a_profile_that_does_not_exist() -> None:
    with pytest.raises(UnknownProfile, match="'everything'"):
        agent_profile(agent(sandbox="everything"))


def test_no_agent_exceeds_its_session() -> None:
    session = Confinement(level="namespaces", profile="workspace", ceiling="full")
    assert narrow(session, agent(sandbox="full")).profile == "workspace"
    assert narrow(session, agent("plan")).profile == "read-only"


async def test_commands_without_a_profile_get_the_agents() -> None:
    recorder = Recorder()
    exec = AgentExec(recorder, "read-only")

    async def drop(_chunk: bytes) -> None: ...

    await exec.run(Command(["x"], "/", {}), on_stdout=drop)
    await exec.run(Command(["x"], "/", {}, profile="full"), on_stdout=drop)
    exec.open(Command(["x"], "/", {}))
    assert [command.profile for command in recorder.ran] == ["read-only", "full", "read-only"]
