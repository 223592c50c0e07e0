"""What every worker would do once for itself, done in the process that they are forked from: it costs a new worker's
first turn neither time nor memory of its own. Reads nothing of any user, and leaves no thread and no socket."""

from pathlib import Path
from typing import Any, Final

import msgspec

from .config.agents import make_agents
from .config.check import find_issues
from .config.settings import Config
from .providers import warm
from .providers.registry import Registry
from .session.orders import TurnStart
from .tools.table import TOOLS, describe

__all__ = ["warm"]

_MODEL: Final = {"name": "A model", "limit": {"context": 1, "output": 1}, "cost": {"input": 1, "output": 1}}
_SAMPLE: Final[dict[str, Any]] = {
    "provider": {"sample": {"npm": "@ai-sdk/openai-compatible", "options": {}, "models": {"sample": _MODEL}}},
    "agent": {"sample": {"permission": {"bash": {"*": "ask"}}}},
    "command": {"sample": {"template": "sample"}},
    "permission": {"bash": {"*": "ask"}},
}


def rehearse() -> None:
    list(find_issues(Config, _SAMPLE))
    make_agents(msgspec.convert(_SAMPLE, Config), _SAMPLE, Path("/"), [])
    Registry.from_config(_SAMPLE, {}, {}).provider_list()
    describe(list(TOOLS), {})
    msgspec.json.Decoder(TurnStart)


rehearse()  # on import, because that process is told modules to import and nothing else
