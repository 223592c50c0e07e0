from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from oad.contract.policy import AuditPolicy, LimitPolicy, NetworkPolicy, Policy, SandboxPolicy
from oad.daemon.enforceable import NotEnforceable
from oad.daemon.journal import Place
from oad.daemon.reload import PolicyUnreadable, Reload
from oad.daemon.settings import DaemonSettings


class Audit:
    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def record(self, action: str, **fields: Any) -> None:
        self.lines.append((action, fields))


class Sandboxes:
    def __init__(self) -> None:
        self.policy = Policy()

    def adopt(self, policy: Policy) -> None:
        self.policy = policy


class Journal:
    def __init__(self) -> None:
        self.told: list[str] = []

    def announce(self, type: str, properties: Any, place: Place) -> None:
        self.told.append(type)


def services() -> Any:
    policy = Policy()
    return SimpleNamespace(
        sandboxes=Sandboxes(),
        limits=SimpleNamespace(policy=policy.limits),
        audit=Audit(),
        turnstile=SimpleNamespace(poke=lambda: None),
        journal=Journal(),
    )


def settings() -> DaemonSettings:
    return DaemonSettings(Path("/nowhere"), Path("/nowhere"))


def test_everybody_has_the_new_policy() -> None:
    held, own = services(), settings()
    wanted = Policy(network=NetworkPolicy(mode="off"), limits=LimitPolicy(sessions=3))
    Reload(own, held, lambda: wanted).run()
    assert own.policy == held.sandboxes.policy == wanted
    assert held.limits.policy.sessions == 3
    ((action, fields),) = held.audit.lines
    assert (action, fields["changed"]) == ("policy.reloaded", ["network", "limits"])


def test_what_needs_a_restart_is_kept() -> None:
    held, own = services(), settings()
    Reload(own, held, lambda: Policy(sandbox=SandboxPolicy(level="none"), audit=AuditPolicy(enabled=False))).run()
    assert own.policy == Policy()


@pytest.mark.parametrize("error", [PolicyUnreadable("oad.toml: line 3"), NotEnforceable("limits.memory_mb")])
def test_a_policy_that_can_not_be_taken_changes_nothing(error: Exception) -> None:
    def reread() -> Policy:
        raise error

    held, own = services(), settings()
    Reload(own, held, reread).run()
    assert own.policy == Policy()
    assert held.audit.lines == []
    assert held.journal.told == ["oad.reloaded"], "gateways' files are another matter"


def test_nothing_to_read_again() -> None:
    held, own = services(), settings()
    Reload(own, held, None).run()
    assert held.audit.lines == []
