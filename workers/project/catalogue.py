"""What the project worker needs of the providers and of the tools, which others own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from oad.contract.catalogue import ConfigProviders, ProviderList, ToolDescription

from ..config.project import ProjectSetup


class Providers(Protocol):
    """The providers under one configuration; what they return holds no secrets."""

    def provider_list(self) -> ProviderList: ...
    def config_providers(self) -> ConfigProviders: ...
    def auth_methods(self) -> Mapping[str, Sequence[Mapping[str, Any]]]: ...


ProvidersOf = Callable[[ProjectSetup], Providers]
"""Called for each question, with a set-up that stays the same object while nothing changes."""

Tools = Callable[[], Sequence[ToolDescription]]
