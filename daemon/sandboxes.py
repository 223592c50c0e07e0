"""The sandboxes of all sessions: what was asked for, what holds, and what each session last ran under.

Kept beside the session's record, whose shape belongs to the API's clients, as events of its own.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
import structlog

from oad.contract.errors import sandbox_unavailable
from oad.contract.ids import now_ms
from oad.contract.policy import Policy, Profile
from oad.contract.proxy import Lists
from oad.contract.sandbox import (
    NO_WISH,
    Confinement,
    SandboxRecord,
    SandboxRun,
    SandboxState,
    SandboxWish,
    lowest_network,
    lowest_profile,
)
from oad.contract.session import Session

from .confinement import Confiner, WorkspaceHidden
from .doctor import Probe
from .journal import Journal
from .sandbox_probe import Enforceable
from .sessions import place_of
from .store import Store

_log = structlog.get_logger("oad.sandbox")
_OTHERS: Final = 200
_REMEMBERED: Final = 512
_decode: Final = msgspec.json.Decoder(SandboxRecord).decode


class Sandboxes:
    def __init__(self, confiner: Confiner, enforceable: Enforceable, store: Store, journal: Journal) -> None:
        self._confiner = confiner
        self._enforceable = enforceable
        self._store = store
        self._journal = journal
        self._records: dict[str, SandboxRecord] = {}
        self.on_proxy: Callable[[], object] = lambda: None  # called before a worker starts that needs the proxy

    def adopt(self, policy: Policy) -> None:
        self._confiner.adopt(policy)

    @property
    def problem(self) -> str:
        """Why sessions can't run anything under the profile that is the default; empty if they can."""
        failed = self._failure(NO_WISH)
        return f"{failed.name}: {failed.step}; {failed.remedy}" if failed is not None else ""

    # --- what a session asks for and what it gets -------------------------------------------------------------------

    def state(self, session: Session) -> SandboxState:
        record = self._record(session.id)
        profile, network = self._confiner.decide(record.wish or NO_WISH)
        failed = self._failure(record.wish or NO_WISH)
        return SandboxState(
            level=self._confiner.level,
            profile=profile,
            ceiling=self._confiner.ceiling,
            network=network,
            allow=[list(each) for each in self._confiner.allowed_hosts(record.wish or NO_WISH, _bounds(record))]
            or None,
            wish=record.wish,
            ran=record.ran,
            problem=f"{failed.name}: {failed.step}; {failed.remedy}" if failed is not None else None,
        )

    def wish(self, session: Session, wish: SandboxWish) -> None:
        """What it does not name stays as it was; it holds from the next turn on."""
        record = self._record(session.id)
        before = record.wish or NO_WISH
        network = wish.network or ("allow" if wish.allow is not None else before.network)
        allow = wish.allow if wish.allow is not None else before.allow
        merged = SandboxWish(profile=wish.profile or before.profile, network=network, allow=allow)
        self._save(session, SandboxRecord(wish=merged, bounds=record.bounds, ran=record.ran))

    def inherit(self, child: Session, parent: str, wish: SandboxWish | None) -> None:
        """A session made by another one gets no more than that has."""
        above = self._record(parent)
        profile, network = self._confiner.decide(above.wish or NO_WISH)
        given = wish or NO_WISH
        wanted = given.network or ("allow" if given.allow is not None else None)
        lowest = SandboxWish(
            profile=lowest_profile((profile, given.profile)),
            network=lowest_network((network, wanted)),
            allow=given.allow,
        )
        bounds = [*(above.bounds or []), *([above.wish.allow] if above.wish and above.wish.allow is not None else [])]
        self._save(child, SandboxRecord(wish=lowest, bounds=bounds or None))

    def copy(self, target: Session, source: str) -> None:
        record = self._record(source)
        if record.wish is not None or record.bounds is not None:
            self._save(target, SandboxRecord(wish=record.wish, bounds=record.bounds))

    def forget(self, session: str) -> None:
        self._records.pop(session, None)

    # --- workers ----------------------------------------------------------------------------------------------------

    def confine_session(self, session: Session, workspace: list[str], scratch: Path) -> Confinement:
        """Raises ApiError 503 when what holds for the session can't be enforced here."""
        record = self._record(session.id)
        confinement = self._confine(workspace, scratch, record.wish or NO_WISH, _bounds(record))
        ran = SandboxRun(
            level=confinement.level, profile=confinement.profile, network=confinement.network, started=now_ms()
        )
        self._save(session, SandboxRecord(wish=record.wish, bounds=record.bounds, ran=ran))
        return confinement

    def confine_project(self, directory: str, scratch: Path, writable: Sequence[str] = ()) -> Confinement:
        """For questions about a directory, each of which is asked under the profile read-only; what a client has done
        there, such as applying a patch, may write to the whole worktree. Questions are still answered on a host that
        can't enforce as much as that takes. With ``writable``, for nothing but changing the list of a repository's
        worktrees: only these places may be written to."""
        places = list(writable) or sorted({directory, _worktree(directory)})
        return self._confine(places, scratch, self._project_wish(), relinking=bool(writable))

    def _project_wish(self) -> SandboxWish:
        profile: Profile = "read-only" if "workspace" in self._enforceable.failures else "workspace"
        return SandboxWish(profile=profile)

    def servers_exceed(self, session: Session, under: Profile | None = None) -> str:
        """Why the programs of the session's directory, its MCP and language servers, may do what the session may not;
        empty if they may not. They are shared, so they are held as the operator says and not as one session wishes.
        ``under``: the profile that they are started under, where it is not the directory's."""
        record = self._record(session.id)
        wish, shared = record.wish or NO_WISH, SandboxWish(profile=under) if under else self._project_wish()
        (profile, network), (theirs, reached) = self._confiner.decide(wish), self._confiner.decide(shared)
        if lowest_profile((profile, theirs)) != theirs:
            return f"they run under the profile {theirs}, the session under {profile}"
        if lowest_network((network, reached)) != reached:
            return f"their network is {reached}, the session's is {network}"
        if network == "allow" and self._confiner.allowed_hosts(wish, _bounds(record)) != self._confiner.allowed_hosts(
            shared, ()
        ):
            return "the session may reach fewer hosts than they may"
        return ""

    def confine_terminal(self, directory: str, scratch: Path, wish: SandboxWish) -> Confinement:
        """As a session's of that directory which asks for the same. Raises ApiError 503."""
        return self._confine(sorted({directory, _worktree(directory)}), scratch, wish)

    def is_outdated(self, session: str, confinement: Confinement) -> bool:
        """Whether a worker that was started with this holds to what is no longer asked for."""
        record = self._record(session)
        wish = record.wish or NO_WISH
        wanted = (*self._confiner.decide(wish), self._confiner.allowed_hosts(wish, _bounds(record)))
        return (confinement.profile, confinement.network, confinement.allow) != wanted

    def _confine(
        self,
        workspace: list[str],
        scratch: Path,
        wish: SandboxWish,
        bounds: Lists = (),
        *,
        relinking: bool = False,
    ) -> Confinement:
        failed = self._failure(wish)
        if failed is not None:
            _log.error("refused", probe=failed.name, step=failed.step, remedy=failed.remedy)
            raise sandbox_unavailable(f"{failed.name}: {failed.step}", failed.remedy)
        others = [each for each in self._store.directories(_OTHERS) if each not in workspace]
        try:
            confinement = self._confiner.confine(workspace, scratch, wish, others, bounds, relinking=relinking)
        except WorkspaceHidden as error:
            raise sandbox_unavailable(str(error), "open the session elsewhere, or change [sandbox] hide") from error
        if confinement.proxy:
            self.on_proxy()
        return confinement

    def _failure(self, wish: SandboxWish) -> Probe | None:
        """What would be needed for it, and is not to be had on this host."""
        profile, network = self._confiner.decide(wish)
        return self._enforceable.failures.get(profile) or (self._enforceable.network if network != "on" else None)

    def _record(self, session: str) -> SandboxRecord:
        if session not in self._records:
            if len(self._records) >= _REMEMBERED and self._journal.committed_seq == self._journal.last_seq:
                self._records.clear()  # the database has them all
            stored = self._store.sandbox(session)
            self._records[session] = _decode(stored) if stored is not None else SandboxRecord()
        return self._records[session]

    def _save(self, session: Session, record: SandboxRecord) -> None:
        self._records[session.id] = record
        self._journal.append("oad.session.sandbox", record, place_of(session))


def _bounds(record: SandboxRecord) -> Lists:
    return tuple(tuple(entries) for entries in record.bounds or ())


def _worktree(directory: str) -> str:
    """The nearest directory upwards that holds a ``.git``; without one the directory itself."""
    here = Path(directory)
    return str(next((level for level in (here, *here.parents) if (level / ".git").exists()), here))
