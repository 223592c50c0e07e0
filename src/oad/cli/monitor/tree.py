"""``oad ps``: the processes of the service and of each session, as trees."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec

from oad.client import Client
from oad.contract.activity import Activity, ProcessActivity

from ..exit_status import FAILED, OK
from ..inspect_server import with_client
from ..target_options import TargetOptions
from .figures import duration, number, size
from .table import printable

_HEAD = f"{'PID':>7} {'CPU':>6} {'RSS':>6} {'AGE':>6} S KIND            COMMAND"


def print_processes(options: TargetOptions, session: str | None, *, as_json: bool) -> int:
    """Status 1 for a session that has none."""

    def act(client: Client) -> int:
        found = client.activity()
        chosen = found.processes if session is None else [each for each in found.processes if each.session == session]
        if as_json:
            shown = [msgspec.to_builtins(each) for each in chosen]
            print(msgspec.json.format(msgspec.json.encode(shown)).decode())
        else:
            print("\n".join(lines_of(found, chosen)))
        return OK if chosen else FAILED

    return with_client(options, act)


def lines_of(activity: Activity, processes: Iterable[ProcessActivity]) -> Iterator[str]:
    """By session, the service's own first, then what belongs to directories and terminals."""
    groups: dict[tuple[str, str], list[ProcessActivity]] = defaultdict(list)
    for process in processes:
        groups[process.session or "", process.directory or ""].append(process)
    sessions = {session.id: session for session in activity.sessions}
    yield _HEAD
    for (session, directory), group in sorted(groups.items()):
        if session:
            known = sessions.get(session)
            told = f"{known.state}, {number(known.tokens)} tokens: {printable(known.title)}" if known else "ending"
            yield f"{session}  {directory}  {told}"
        elif directory:
            yield printable(directory)
        yield from _tree(group, activity.time)


def _tree(group: list[ProcessActivity], now_ms: int) -> Iterator[str]:
    own = {process.pid for process in group}
    below: dict[int, list[ProcessActivity]] = defaultdict(list)
    for process in group:
        below[process.parent if process.parent in own else 0].append(process)

    def walk(parent: int, depth: int) -> Iterator[str]:
        for process in below[parent]:
            yield _line(process, depth, now_ms)
            if process.pid != parent:
                yield from walk(process.pid, depth + 1)

    yield from walk(0, 0)


def _line(process: ProcessActivity, depth: int, now_ms: int) -> str:
    kind = f"{'  ' * min(depth, 6)}{process.kind}"
    age = duration((now_ms - process.started) / 1000)
    return (
        f"{process.pid:>7} {duration(process.cpu_s):>6} {size(process.memory_bytes):>6} {age:>6} {process.state} "
        f"{kind:<15} {printable(process.command)}"
    )
