"""A new policy for a daemon that runs, without ending anything."""

from collections.abc import Callable
from typing import Final

import msgspec
import structlog

from oad.contract.policy import Policy

from .enforceable import NotEnforceable, check_limits, probe_host
from .journal import INTERNAL_PREFIX, Place
from .operations.context import Services
from .settings import DaemonSettings

_log = structlog.get_logger("oad.reload")

RELOADED: Final = f"{INTERNAL_PREFIX}reloaded"  # for the gateways: they read their own files anew
_SET_ONCE: Final = ("sandbox", "audit", "logs", "tracing")

Reread = Callable[[], Policy]  # raises PolicyUnreadable


class PolicyUnreadable(Exception):
    """The text names file and reason."""


class Reload:
    """What is set up once, before the first session, needs a restart: how sessions are sandboxed, and the audit log.
    Everything else holds from the next session, command, ask or limit on."""

    def __init__(self, settings: DaemonSettings, services: Services, reread: Reread | None) -> None:
        self._settings = settings
        self._services = services
        self._reread = reread

    def run(self) -> None:
        """Keeps the policy in force, and says why, when the new one can't be read or enforced."""
        self._services.journal.announce(RELOADED, {}, Place())  # whatever becomes of the policy
        if self._reread is None:
            return
        try:
            wanted = self._reread()
            check_limits(wanted.limits, probe_host())
        except (PolicyUnreadable, NotEnforceable) as error:
            _log.error("the settings are not taken over", reason=str(error))
            return
        self._adopt(wanted)

    def _adopt(self, wanted: Policy) -> None:
        old = self._settings.policy
        kept = [name for name in _SET_ONCE if getattr(wanted, name) != getattr(old, name)]
        if kept:
            _log.warning("changed, but in force only after a restart", sections=kept)
        policy = msgspec.structs.replace(wanted, **{name: getattr(old, name) for name in _SET_ONCE})
        changed = [name for name in policy.__struct_fields__ if getattr(policy, name) != getattr(old, name)]
        self._settings.policy = policy
        self._services.sandboxes.adopt(policy)
        self._services.limits.policy = policy.limits
        self._services.turnstile.poke()
        self._services.audit.record("policy.reloaded", changed=changed, policy=msgspec.to_builtins(policy))
        _log.info("settings taken over", changed=changed)
