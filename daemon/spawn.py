"""Starting workers, as the supervisor sees it: a spec goes in, a child comes out."""

from typing import Protocol

from oad.contract.worker import Level, WorkerSpec


class SpawnFailed(Exception):
    """No worker was started; the text says at which step."""


class Child(Protocol):
    """A session's init and its worker, both alive until ``wait`` returns."""

    @property
    def init_pid(self) -> int: ...

    @property
    def worker_pid(self) -> int:
        """For people and logs, as ``init_pid``; signals go by pidfd."""
        ...

    @property
    def level(self) -> Level: ...

    @property
    def survivors(self) -> int:
        """Processes that the end of the session did not end, as counted when ``wait`` has returned."""
        ...

    def signal_worker(self, signum: int) -> bool:
        """False when it is gone."""
        ...

    def kill(self) -> None:
        """Ends init, worker and every program of the session. Never fails, may be repeated; blocks for some
        milliseconds at level "subreaper"."""
        ...

    async def wait(self) -> int:
        """The worker's exit status; 128 + n when signal n ended it, -n when signal n ended the init. When this returns
        nothing of the session is left. May be awaited by several tasks."""
        ...


class Spawner(Protocol):
    async def spawn(self, spec: WorkerSpec) -> Child:
        """Raises SpawnFailed."""
        ...
