"""Which processes the daemon knows by number, and as what."""

import os
from collections.abc import Iterable
from pathlib import Path

from ..gateways import Gateways
from ..worker import Worker
from .processes import Label


def label_known(workers: Iterable[Worker], gateways: Gateways | None) -> dict[int, Label]:
    """This process, its parent if that is the server's own, the gateways, and every session's init and worker."""
    found = {os.getpid(): Label("daemon")}
    parent = os.getppid()
    if _is_server(parent):
        found[parent] = Label("serve")
    for link in gateways.links() if gateways is not None else ():
        if link.pid:
            found[link.pid] = Label("gateway", name=link.name)
    for worker in workers:
        found |= _label_worker(worker)
    return found


def _label_worker(worker: Worker) -> dict[int, Label]:
    if worker.child is None:
        return {}
    spec = worker.spec
    session = spec.name if spec.kind == "session" else ""
    init = Label("init", session, spec.directory, spec.name if spec.kind == "pty" else "")
    return {
        worker.child.init_pid: init,
        worker.child.worker_pid: init._replace(kind="worker", name=spec.kind),
    }


def _is_server(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"oad serve")
    except OSError:
        return False
