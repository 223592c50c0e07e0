"""Putting configurations on top of each other."""

from collections.abc import Mapping
from typing import Any, cast

_CONCATENATED = ("plugin", "instructions")


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Objects merge deeply, anything else of ``over`` wins; a key keeps the place where it first stood, since the
    order of permissions decides. Neither argument is changed."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            value = merge(cast("dict[str, Any]", old), cast("dict[str, Any]", value))
        merged[key] = value
    return merged


def merge_configs(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """As ``merge``, but the lists of plugins and instructions add up, each entry once."""
    merged = merge(base, over)
    for key in _CONCATENATED:
        entries: list[Any] = [*(base.get(key) or []), *(over.get(key) or [])]
        if entries:
            merged[key] = [entry for position, entry in enumerate(entries) if entry not in entries[:position]]
    return merged


def widen_permissions(config: dict[str, Any]) -> dict[str, Any]:
    """A permission given as one action, written as the map that means the same, so that it merges with maps."""
    widened = dict(config)
    if isinstance(widened.get("permission"), str):
        widened["permission"] = {"*": widened["permission"]}
    for section in ("agent", "mode"):
        agents = widened.get(section)
        if isinstance(agents, dict):
            widened[section] = {
                name: widen_permissions(cast("dict[str, Any]", agent)) if isinstance(agent, dict) else agent
                for name, agent in cast("dict[str, Any]", agents).items()
            }
    return widened
