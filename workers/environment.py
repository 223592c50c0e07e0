"""The environment as configuration and providers see it: the process's own, and the secrets that the daemon handed
over. Those stay in memory; what the session runs gets neither (see tools.environment)."""

import os
from collections import ChainMap
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from oad.contract.redact import KNOWN

_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy")
_handed_over: dict[str, str] = {}
ENVIRONMENT: Final[Mapping[str, str]] = ChainMap(_handed_over, os.environ)


class Keys(msgspec.Struct):
    """What the daemon tells a worker at its start and with each turn. ``secrets`` are values that must not be seen."""

    credentials: dict[str, Any] = {}
    environment: dict[str, str] = {}
    secrets: list[str] = []
    models: str = ""  # version of the operator's catalogue of models; empty without one


def take_keys(keys: Keys) -> None:
    KNOWN.learn(keys.secrets)
    _handed_over.clear()
    _handed_over.update(keys.environment)
    for name, value in keys.environment.items():
        # HTTP clients look for these by themselves. What is set now does not show in /proc.
        if name.lower() in _PROXIES:
            os.environ[name] = value
