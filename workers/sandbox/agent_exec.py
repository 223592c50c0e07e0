"""Programs on behalf of one agent: never under more than the agent's own profile."""

from contextlib import AbstractAsyncContextManager
from typing import Final

import msgspec

from oad.contract.catalogue import Agent
from oad.contract.policy import Profile
from oad.contract.sandbox import PROFILES, Confinement, lowest_profile

from ..exec import Chunk, Command, Exec, Outcome, Running

OPTION: Final = "sandbox"  # key of an agent's section
_NATIVE: Final[dict[str, Profile]] = {"plan": "read-only", "explore": "read-only"}  # they look, and change nothing


class UnknownProfile(Exception):
    """An agent's section names a profile that does not exist."""


def agent_profile(agent: Agent) -> Profile:
    """As configured, else "full", that is: whatever the session has. Raises UnknownProfile."""
    wanted = agent.options.get(OPTION) or _NATIVE.get(agent.name, "full")
    for profile in PROFILES:
        if profile == wanted:
            return profile
    raise UnknownProfile(f"agent {agent.name}: sandbox is one of {', '.join(PROFILES)}, not {wanted!r}")


def narrow(confinement: Confinement, agent: Agent) -> Confinement:
    """What holds for the commands of this agent. Raises UnknownProfile."""
    profile = lowest_profile((confinement.profile, agent_profile(agent)))
    return msgspec.structs.replace(confinement, profile=profile)


class AgentExec:
    """Implements Exec: a command that asks for no profile gets the agent's."""

    def __init__(self, exec: Exec, profile: Profile) -> None:
        self._exec = exec
        self._profile: Profile = profile

    async def run(
        self,
        command: Command,
        *,
        on_stdout: Chunk,
        on_stderr: Chunk | None = None,
        timeout_s: float | None = None,
        grace_s: float = 0.2,
    ) -> Outcome:
        return await self._exec.run(
            self._own(command), on_stdout=on_stdout, on_stderr=on_stderr, timeout_s=timeout_s, grace_s=grace_s
        )

    def open(self, command: Command, *, grace_s: float = 0.2) -> AbstractAsyncContextManager[Running]:
        return self._exec.open(self._own(command), grace_s=grace_s)

    def _own(self, command: Command) -> Command:
        return command if command.profile else msgspec.structs.replace(command, profile=self._profile)
