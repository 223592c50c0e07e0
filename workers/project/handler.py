"""Answers to the questions about a directory, by operation id."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from oad.contract.catalogue import PathInfo
from oad.contract.errors import not_found, tagged
from oad.contract.policy import DEFAULT_SHELL, ShellPolicy

from ..config.complaints import Complaints
from ..config.masking import mask_secrets
from ..config.project import ProjectSetup, load
from ..config.remote import Remote
from ..exec import Exec
from ..formatters.choice import formatters_of
from ..formatters.probes import Probes
from ..link import Answer
from . import current
from .branches import read_branches
from .catalogue import Providers, ProvidersOf, Tools
from .configuring import CONFIGURING
from .files import FileOperation, Files
from .identity import Identities, ProjectIdentity
from .old_clients import show_app, show_modes

Params = dict[str, str]
_Operation = Callable[[Params], Awaitable[Any]]

# What every client asks at its start and oad has none of yet: true, if empty, answers.
_FIXED: Final[dict[str, Any]] = {
    "experimental.capabilities.get": {"backgroundSubagents": False},
    "experimental.console.get": {"consoleManagedProviders": [], "switchableOrgCount": 0},
    "experimental.workspace.list": [],
    "experimental.workspace.status": [],
}


class ProjectHandler:
    """A ``Handler`` (see link). ``readable``: directories outside that need no permission, as for ``load``;
    ``temporary``: a directory for temporary files; ``shell``: what configured programs must not be.

    The set-up is looked up for each question; what follows from it is therefore never older than the files."""

    def __init__(
        self,
        directory: str,
        *,
        exec: Exec,
        providers: ProvidersOf,
        tools: Tools,
        readable: tuple[str, ...] = (),
        temporary: str | None = None,
        shell: ShellPolicy = DEFAULT_SHELL,
        remote: Remote | None = None,
    ) -> None:
        self._complaints = Complaints(directory)
        self._remote = remote or Remote()
        self._directory = directory
        self._shell = shell
        self._probes = Probes(exec, directory)
        self._exec = exec
        self._identities = Identities(exec)
        self._providers = providers
        self._tools = tools
        self._readable = readable
        files = Files(exec, temporary)
        self._file_operations = {
            **files.operations,
            **CONFIGURING,
            **{op: self._located_files(operation) for op, operation in files.located.items()},
        }
        self._operations: dict[str, _Operation] = {
            "project.resolve": self._resolve,
            "path.get": self._path,
            "vcs.get": self._vcs,
            "tool.ids": self._tool_ids,
            "tool.list": self._tool_list,
            "formatter.status": self._formatters,
            **{op: self._from_setup(show) for op, show in _OF_SETUP.items()},
            **{op: self._from_skills(show) for op, show in _OF_SKILLS.items()},
            **{op: self._from_providers(show) for op, show in _OF_PROVIDERS.items()},
            "v2.location.get": self._location,
            **{op: self._located(self._from_setup(show)) for op, show in _LOCATED_OF_SETUP.items()},
            **{op: self._located(self._from_skills(show)) for op, show in _LOCATED_OF_SKILLS.items()},
            **{op: self._located(self._from_providers(show)) for op, show in _LOCATED_OF_PROVIDERS.items()},
        }

    async def handle(self, op: str, params: Params, body: bytes) -> Answer:
        """Raises ApiError: 400 for broken configuration, 404 for what is not known."""
        if op in _FIXED:
            self._setup(params)  # broken configuration shows on every route of its directory
            return Answer(msgspec.json.encode(_FIXED[op]))
        if op in self._file_operations:
            directory = self._setup(params).directory
            return _answer(await self._file_operations[op](directory, params, body))
        operation = self._operations.get(op)
        if operation is None:
            raise not_found(f"Not an operation of a project: {op}")
        return _answer(await operation(params))

    def operations(self) -> frozenset[str]:
        return frozenset({*_FIXED, *self._operations, *self._file_operations})

    def _setup(self, params: Params) -> ProjectSetup:
        with self._complaints.about_failures():
            setup = load(params.get("directory") or self._directory, readable=self._readable)
        self._complaints.tell(setup.problems)
        return setup

    async def _identity(self, params: Params) -> ProjectIdentity:
        return await self._identities.of(params.get("directory") or self._directory)

    def _from_setup(self, show: Callable[[ProjectSetup], Any]) -> _Operation:
        async def answer(params: Params) -> Any:
            return show(self._setup(params))

        return answer

    def _from_skills(self, show: Callable[[ProjectSetup], Any]) -> _Operation:
        async def answer(params: Params) -> Any:
            return show(await self._remote.load(self._setup(params).directory, self._readable))

        return answer

    def _from_providers(self, show: Callable[[Providers, Params], Any]) -> _Operation:
        async def answer(params: Params) -> Any:
            return show(self._providers(self._setup(params)), params)

        return answer

    def _located(self, operation: _Operation) -> _Operation:
        async def answer(params: Params) -> Any:
            data = await operation(params)
            return {"location": await self._location(params), "data": data}

        return answer

    def _located_files(self, operation: FileOperation) -> FileOperation:
        async def answer(directory: str, params: Params, body: bytes) -> Any:
            data = await operation(directory, params, body)
            return {"location": await self._location(params), "data": data}

        return answer

    async def _resolve(self, params: Params) -> ProjectIdentity:
        # Works under broken configuration too: the daemon needs the identity to say anything about the directory.
        return await self._identity(params)

    async def _location(self, params: Params) -> Any:
        return current.show_location(params.get("directory") or self._directory, await self._identity(params))

    async def _path(self, params: Params) -> PathInfo:
        setup = self._setup(params)
        return PathInfo(
            home=str(setup.places.home),
            state=str(setup.places.state),
            config=str(setup.places.config),
            worktree=setup.worktree,
            directory=setup.directory,
        )

    async def _vcs(self, params: Params) -> Any:
        return await read_branches(self._exec, self._setup(params).worktree)

    async def _formatters(self, params: Params) -> Any:
        return await formatters_of(self._setup(params), self._shell).status(self._probes)

    async def _tool_ids(self, params: Params) -> list[str]:
        self._setup(params)
        return [tool.id for tool in self._tools()]

    async def _tool_list(self, params: Params) -> Any:
        self._setup(params)
        return self._tools()


def _answer(result: Any) -> Answer:
    return result if isinstance(result, Answer) else Answer(msgspec.json.encode(result))


def _find_provider(providers: Providers, params: Params) -> Any:
    wanted = params.get("providerID", "")
    for provider in providers.config_providers().providers:
        if provider.id == wanted:
            return current.show_provider(provider)
    raise tagged(404, "ProviderNotFoundError", providerID=wanted, message=f"Provider not found: {wanted}")


def _find_integration(providers: Providers, params: Params) -> Any:
    wanted = params.get("integrationID", "")
    shown = current.show_integrations(providers.provider_list())
    return next((integration for integration in shown if integration["id"] == wanted), None)


def _own_commands(setup: ProjectSetup) -> Any:
    return [current.show_command(command) for command in setup.commands.values() if command.source == "command"]


_OF_SETUP: Final[dict[str, Callable[[ProjectSetup], Any]]] = {
    "config.get": lambda setup: mask_secrets(setup.raw),
    "global.config.get": lambda setup: mask_secrets(setup.global_raw),
    "app.agents": lambda setup: list(setup.agents.values()),
    "app.get": show_app,
    "app.modes": show_modes,
}
_OF_SKILLS: Final[dict[str, Callable[[ProjectSetup], Any]]] = {
    "app.skills": lambda setup: list(setup.skills.values()),
    "command.list": lambda setup: list(setup.commands.values()),
}
_OF_PROVIDERS: Final[dict[str, Callable[[Providers, Params], Any]]] = {
    "provider.list": lambda providers, _: providers.provider_list(),
    "config.providers": lambda providers, _: providers.config_providers(),
    "provider.auth": lambda providers, _: providers.auth_methods(),
}
_LOCATED_OF_SETUP: Final[dict[str, Callable[[ProjectSetup], Any]]] = {
    "v2.agent.list": lambda setup: [current.show_agent(agent) for agent in setup.agents.values()],
    "v2.reference.list": current.show_references,
}
_LOCATED_OF_SKILLS: Final[dict[str, Callable[[ProjectSetup], Any]]] = {
    "v2.command.list": _own_commands,
    "v2.skill.list": lambda setup: [current.show_skill(skill) for skill in setup.skills.values()],
}
_LOCATED_OF_PROVIDERS: Final[dict[str, Callable[[Providers, Params], Any]]] = {
    "v2.model.list": lambda providers, _: [
        current.show_model(model, provider)
        for provider in providers.config_providers().providers
        for model in provider.models.values()
    ],
    "v2.provider.list": lambda providers, _: [
        current.show_provider(provider) for provider in providers.config_providers().providers
    ],
    "v2.provider.get": _find_provider,
    "v2.integration.list": lambda providers, _: current.show_integrations(providers.provider_list()),
    "v2.integration.get": _find_integration,
}
