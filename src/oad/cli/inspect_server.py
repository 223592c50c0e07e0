"""``oad sessions`` and ``oad abort``: looking at a running server, and stopping a runaway."""

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from oad.client import Client, Failure
from oad.contract.session import Session

from .exit_status import FAILED, OK, UNREACHABLE
from .target import Unreachable, find_target
from .target_options import TargetOptions


def list_sessions(options: TargetOptions, directory: str | None, limit: int) -> int:
    """Those of one directory; by default the one in which the command runs."""
    place = directory or str(Path.cwd())
    return with_client(options, lambda client: _print_sessions(client, limit), place)


def abort_session(options: TargetOptions, session: str) -> int:
    return with_client(options, lambda client: _abort(client, session))


def with_client(options: TargetOptions, act: Callable[[Client], int], directory: str | None = None) -> int:
    """Maps what can go wrong on exit statuses."""
    try:
        target = find_target(options)
        with Client(target.url, target.login, directory=directory) as client:
            return act(client)
    except Unreachable as error:
        print(f"oad: {error}", file=sys.stderr)
        return UNREACHABLE
    except Failure as error:
        print(f"oad: {error}", file=sys.stderr)
        return UNREACHABLE if error.unreachable else FAILED


def _print_sessions(client: Client, limit: int) -> int:
    busy = client.sessions.statuses()
    for session in client.sessions.list(roots=True, limit=limit):
        print(_line(session, busy[session.id].__struct_config__.tag if session.id in busy else "idle"))
    return OK


def _line(session: Session, status: object) -> str:
    updated = datetime.fromtimestamp(session.time.updated / 1000).astimezone()
    return f"{session.id}  {updated:%Y-%m-%d %H:%M}  {status!s:5}  {session.directory}  {session.title}"


def _abort(client: Client, session: str) -> int:
    client.sessions.abort(session)
    print(msgspec.json.format(msgspec.json.encode(client.sessions.abort_receipt(session))).decode())
    return OK
