"""Sessions as files: one is written, or some are taken in."""

from collections.abc import Sequence
from typing import Final, cast

import msgspec
import trio

from oad.contract.errors import named
from oad.contract.ids import new_id
from oad.contract.redact import KNOWN
from oad.contract.session import Session
from oad.contract.session_file import Existing, ImportedSession, ImportReport, Outcome
from oad.contract.wire import Origin
from oad.link import Answer

from ..bookkeeper import interrupted
from ..bundles.markdown import render
from ..bundles.reading import Arrived, read_sessions
from ..bundles.settling import Home, pack, settle
from ..bundles.writing import Writer
from ..journal import Place
from ..projection import IMPORTED
from .context import Operation, Request, Services, json_answer
from .projects import resolve_project

_OUTCOMES: Final[dict[Existing, Outcome]] = {"new": "created", "replace": "replaced", "keep": "present"}
_MARKDOWN: Final = {"content-type": "text/markdown; charset=utf-8"}


async def export_session(request: Request) -> Answer:
    """As it is in the store: of a turn that runs what is complete by now. Known secrets are taken out."""
    services, params = request.services, request.params
    session = services.sessions.find(params["sessionID"])
    await services.journal.caught_up()
    # A cut through all records at once would need a transaction over them: a message more than parts does no harm.
    writer = Writer(services.store, KNOWN.conceal_json)
    stored = msgspec.json.encode(services.sessions.find(session.id))
    services.audit.note("session.exported", Origin(request.who), session.id)
    with_children = params.get("children") == "true"
    body = await trio.to_thread.run_sync(lambda: writer.write(session.id, stored, children=with_children))
    if params.get("format") != "markdown":
        return Answer(body)
    return Answer(await trio.to_thread.run_sync(render, body), 200, dict(_MARKDOWN))


async def import_sessions(request: Request) -> Answer:
    """All of them or none. ``existing`` says what becomes of one that is here already."""
    services = request.services
    existing = cast(Existing, request.params.get("existing", "new"))
    arrived = await trio.to_thread.run_sync(read_sessions, request.body)
    project = await resolve_project(services, request.params["directory"])
    home = Home(request.params["directory"], project.id, project.path)
    async with services.imports:
        return json_answer(await _Import(services, home, existing, arrived).carry_out(Origin(request.who)))


class _Import:
    def __init__(self, services: Services, home: Home, existing: Existing, arrived: Sequence[Arrived]) -> None:
        self._services = services
        self._home = home
        self._existing: Existing = existing
        self._sources = [(each.info.id, each) for each in arrived]
        self._here = self._find_here()
        self._taken = [each for id, each in self._sources if existing != "keep" or id not in self._here]
        self._renamed = {id: new_id("ses") for id in sorted(self._here)} if existing == "new" else {}

    async def carry_out(self, origin: Origin) -> ImportReport:
        if self._taken:
            self._services.check_count(sum(1 for each in self._taken if not self._replaces(each.info.id)))
            await self._stop_replaced()
            settled = [self._settled(each.info) for each in self._taken]
            payload = await trio.to_thread.run_sync(pack, self._taken, settled, self._renamed)
            if self._find_here() != self._here:
                raise named(409, "ConflictError", message="Sessions of the file have come or gone meanwhile: try again")
            self._take_in(payload)
            await self._services.journal.settled()
            for each in self._taken:  # what was under way when it was exported is not under way here
                self._services.turns.close(each.info, interrupted())
        report = ImportReport(sessions=[self._outcome(id, each) for id, each in self._sources])
        for told in report.sessions:
            fields = {name: getattr(told, name) for name in ("source", "outcome", "messages")}
            self._services.audit.note("session.imported", origin, told.id, **fields)
        return report

    def _find_here(self) -> set[str]:
        return {id for id, _ in self._sources if self._services.sessions.exists(id)}

    def _replaces(self, id: str) -> bool:
        return self._existing == "replace" and id in self._here

    async def _stop_replaced(self) -> None:
        for each in self._taken:
            if self._replaces(each.info.id):
                await self._services.supervisor.end_session(each.info.id)

    def _settled(self, session: Session) -> Session:
        sessions, parent = self._services.sessions, session.parent_id
        arrives = any(each.info.id == parent for each in self._taken)
        known = parent is not None and (arrives or sessions.exists(parent))
        here = sessions.find(session.id) if self._replaces(session.id) else None
        return settle(session, self._home, parent if known else None, here)

    def _take_in(self, payload: bytes) -> None:
        services = self._services
        place = Place(self._home.directory, self._home.project, self._taken[0].info.id)
        services.journal.append(IMPORTED, payload, place, full=True)
        for each in self._taken:
            session, replaces = each.info, self._replaces(each.info.id)
            if replaces:
                services.asks.drop(session.id)
                services.turns.forget(session.id)
            services.sessions.save(session, created=not replaces)
            if session.parent_id is not None and not replaces:
                services.sandboxes.inherit(session, session.parent_id, None)

    def _outcome(self, source: str, each: Arrived) -> ImportedSession:
        outcome = _OUTCOMES[self._existing] if source in self._here else "created"
        count = len(each.messages) if outcome != "present" else 0
        return ImportedSession(id=each.info.id, source=source, outcome=outcome, messages=count)


SESSION_FILES: Final[dict[str, Operation]] = {
    "session.export": export_session,
    "session.import": import_sessions,
}
