"""What clients of the reference's first versions ask of a directory."""

import socket
from pathlib import Path
from typing import Any

from oad.contract.catalogue import Agent

from ..config.project import ProjectSetup
from ..config.rules import denied_tools
from ..environment import ENVIRONMENT
from ..tools.table import TOOLS


def show_app(setup: ProjectSetup) -> dict[str, Any]:
    data = ENVIRONMENT.get("XDG_DATA_HOME") or setup.places.home / ".local" / "share"
    return {
        "hostname": socket.gethostname(),
        "git": Path(setup.worktree, ".git").exists(),
        "path": {
            "config": str(setup.places.config),
            "cwd": setup.directory,
            "data": str(Path(data, "opencode")),
            "root": setup.worktree,
            "state": str(setup.places.state),
        },
        "time": {},
    }


def show_modes(setup: ProjectSetup) -> list[dict[str, Any]]:
    """Agents that a prompt may start with; ``tools`` names those that are off."""
    return [_mode(agent) for agent in setup.agents.values() if agent.mode != "subagent" and not agent.hidden]


def _mode(agent: Agent) -> dict[str, Any]:
    off = denied_tools([tool.name for tool in TOOLS], agent.permission)
    shown = {"prompt": agent.prompt, "temperature": agent.temperature, "model": agent.model}
    given = {name: value for name, value in shown.items() if value is not None}
    return {"name": agent.name, "tools": dict.fromkeys(sorted(off), False), **given}
