"""Terminals: shells, their making and end, and who may connect."""

import os
import posixpath
from pathlib import Path
from typing import Any, Final

import msgspec

from oad.contract.errors import ApiError, bad_request, tagged
from oad.contract.ids import new_id
from oad.contract.sandbox import NO_WISH, SandboxWish
from oad.contract.terminal import Pty, PtyConnectToken, PtyCreate, PtyShell, PtySize, PtyStart, PtyUpdate
from oad.contract.wire import Call
from oad.link import Answer

from ..relay import Relay
from ..terminal_workers import end_terminal, open_terminal
from ..terminals import Family, Terminal, pty_not_found
from ..tickets import LIFE_S
from ..worker import Worker
from .context import TRUE, Operation, Request, Services, json_answer

ATTACH: Final = "pty.attach"
_SHELLS: Final = Path("/etc/shells")
_FALLBACK: Final = "/bin/sh"
_UNSUITABLE: Final = frozenset({"fish", "nu"})  # what the agent runs is not written for these
_LOGIN: Final = frozenset({"bash", "dash", "fish", "ksh", "sh", "zsh"})
_SIZE: Final = PtySize(rows=24, cols=80)
_START_S: Final = 15.0
_RESIZE_S: Final = 5.0


async def list_shells(request: Request) -> Answer:
    return json_answer([_describe_shell(path) for path in find_shells()])


def find_shells() -> list[str]:
    """Those of the system's list that exist, in its order."""
    try:
        lines = _SHELLS.read_text().splitlines()
    except OSError:
        lines = [_FALLBACK]
    paths = dict.fromkeys(line.strip() for line in lines if line.strip().startswith("/"))
    return [path for path in paths if Path(path).is_file()]


def _describe_shell(path: str) -> PtyShell:
    name = posixpath.basename(path)
    return PtyShell(path=path, name=name, acceptable=name not in _UNSUITABLE)


async def list_terminals(request: Request) -> Answer:
    return json_answer(request.services.terminals.listing(request.params["directory"], "v1"))


async def create_terminal(request: Request) -> Answer:
    return json_answer(await make_terminal(request, "v1"))


async def make_terminal(request: Request, family: Family) -> Pty:
    """Returns when the program runs. Raises ApiError: 400 for what can't be run, 403 for what may not be, 429, 503."""
    wanted: PtyCreate = request.decode(PtyCreate)
    services, directory, id = request.services, request.params["directory"], new_id("pty")
    command = wanted.command or await _own_shell(services, directory)
    args = [*(wanted.args or []), *(["-l"] if posixpath.basename(command) in _LOGIN else [])]
    cwd = posixpath.normpath(posixpath.join(directory, wanted.cwd or ""))
    start = PtyStart(
        command=command,
        args=args,
        cwd=cwd,
        env=_checked(wanted.env or {}),
        size=wanted.size or _SIZE,
        limits=services.limits.of(""),
    )
    title = wanted.title or f"Terminal {id[-4:]}"
    with services.terminals.expected(id):
        pid = await _start(services, id, directory, wanted.sandbox or NO_WISH, start)
        info = Pty(id=id, title=title, command=command, args=args, cwd=cwd, status="running", pid=pid)
        services.terminals.add(Terminal(info, directory, family))
    return info


async def _start(services: Services, id: str, directory: str, wish: SandboxWish, start: PtyStart) -> int:
    """Returns the process with which the terminal ends."""
    await services.turnstile.make_room()
    worker = await open_terminal(services.supervisor, id, directory, wish)
    try:
        await _ask(worker, "pty.start", start, _START_S)
    except BaseException:
        worker.kill()
        raise
    assert worker.child is not None
    return worker.child.init_pid


async def _own_shell(services: Services, directory: str) -> str:
    """What the configuration names, else what the user of this service has."""
    answer = await services.supervisor.call_project(directory, "config.get", {"directory": directory}, b"")
    configured = msgspec.json.decode(answer.body, type=dict[str, Any]).get("shell")
    if isinstance(configured, str) and configured:
        return configured
    return find_own_shell(os.environ.get("SHELL", ""))


def find_own_shell(wanted: str) -> str:
    return next((path for path in (wanted, "/bin/bash") if path and Path(path).is_file()), _FALLBACK)


def _checked(env: dict[str, str]) -> dict[str, str]:
    for name, value in env.items():
        if not name or "=" in name or "\0" in name + value:
            raise bad_request(f'Expected the name of a variable and its value, got {name[:50]!r}\n  at ["env"]')
    return env


async def _ask(worker: Worker, op: str, wanted: object, deadline_s: float) -> None:
    """Raises ApiError: the worker's own, and 404 when it is gone."""
    answer = await worker.call(op, {}, msgspec.json.encode(wanted), deadline_s=deadline_s)
    if answer is None:
        raise pty_not_found(worker.spec.name)
    if answer.status >= 400:
        raise ApiError(answer.status, msgspec.json.decode(answer.body, type=dict[str, Any]), answer.headers)


async def get_terminal(request: Request) -> Answer:
    return json_answer(request.services.terminals.find(request.params["ptyID"]).info)


async def update_terminal(request: Request) -> Answer:
    """Raises ApiError 404."""
    id, terminals = request.params["ptyID"], request.services.terminals
    wanted: PtyUpdate = request.decode(PtyUpdate)
    terminals.find(id)
    if wanted.size is not None:
        await _ask(_worker(request.services, id), "pty.resize", wanted.size, _RESIZE_S)
    return json_answer(terminals.rename(id, wanted.title))


async def remove_terminal(request: Request) -> Answer:
    """When it is answered no process of the terminal exists."""
    id = request.params["ptyID"]
    request.services.terminals.remove(id)
    await end_terminal(request.services.supervisor, id)
    return TRUE


async def issue_ticket(request: Request) -> Answer:
    id = request.params["ptyID"]
    request.services.terminals.find(id)
    ticket = request.services.terminals.tickets.issue(id, request.who, request.user)
    return json_answer(PtyConnectToken(ticket=ticket, expires_in=LIFE_S))


def _worker(services: Services, id: str) -> Worker:
    worker = services.supervisor.find("pty", id)
    if worker is None or not worker.serving:
        raise pty_not_found(id)
    return worker


def admit(services: Services, call: Call) -> Call:
    """The call to connect, on behalf of whoever the ticket was given to, and without it. Raises ApiError 403, 404."""
    id, params = call.params["ptyID"], dict(call.params)
    text, origin = params.pop("ticket", None), call.origin
    if text is not None:  # first, for without it who asks may be anybody
        ticket = services.terminals.tickets.redeem(text, id)
        if ticket is None:
            raise tagged(403, "PtyForbiddenError", message="Invalid PTY connect token")
        origin = msgspec.structs.replace(origin, who=ticket.who) if origin is not None else None
    services.terminals.find(id)
    return msgspec.structs.replace(call, params=params, origin=origin)


async def attach(services: Services, call: Call, relay: Relay) -> Answer:
    """Lasts until the terminal ends, or the client leaves. Raises ApiError 404."""
    worker = _worker(services, call.params["ptyID"])
    relay.lead_to(worker.peer)
    answer = await worker.call(ATTACH, call.params, b"", stream=relay)
    return answer or TRUE  # with its worker the terminal has ended too


# --- the same below /api: each answer says where it is ---------------------------------------------------------------


def _located(operation: Operation) -> Operation:
    async def answer(request: Request) -> Answer:
        try:
            found = await operation(request)
        except ApiError as error:
            raise _in_v2(error) from None
        location = await request.services.supervisor.call_project(
            request.params["directory"], "v2.location.get", {"directory": request.params["directory"]}, b""
        )
        return json_answer({"location": msgspec.Raw(location.body), "data": msgspec.Raw(found.body)})

    return answer


def _in_v2(error: ApiError) -> ApiError:
    if error.status != 400 or "data" not in error.body:
        return error
    return tagged(400, "InvalidRequestError", message=error.body["data"]["message"], kind="Payload")


async def _list_v2(request: Request) -> Answer:
    return json_answer(request.services.terminals.listing(request.params["directory"], "v2"))


async def _create_v2(request: Request) -> Answer:
    return json_answer(await make_terminal(request, "v2"))


TERMINALS: Final[dict[str, Operation]] = {
    "pty.shells": list_shells,
    "pty.list": list_terminals,
    "pty.create": create_terminal,
    "pty.get": get_terminal,
    "pty.update": update_terminal,
    "pty.patch": update_terminal,
    "pty.remove": remove_terminal,
    "pty.connectToken": issue_ticket,
    "v2.pty.list": _located(_list_v2),
    "v2.pty.create": _located(_create_v2),
    "v2.pty.get": _located(get_terminal),
    "v2.pty.update": _located(update_terminal),
    "v2.pty.remove": remove_terminal,
    "v2.pty.connectToken": _located(issue_ticket),
}
