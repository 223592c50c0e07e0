"""A spawner without processes, for tests of those who use one."""

import trio

from oad.contract.worker import Level, WorkerSpec
from oad.daemon.spawn import SpawnFailed


class FakeChild:
    """Ends when the test says ``exit``, or by ``kill``. ``signals`` is what it was sent."""

    def __init__(self, spec: WorkerSpec, number: int) -> None:
        self.spec = spec
        self.init_pid, self.worker_pid = number, number + 1
        self.level: Level = "pidns"
        self.signals: list[int] = []
        self.deaf_to_kill = False
        self.survivors = 0
        self._ended = trio.Event()
        self._status = 0

    def signal_worker(self, signum: int) -> bool:
        self.signals.append(signum)
        return not self._ended.is_set()

    def kill(self) -> None:
        if not self.deaf_to_kill:
            self.exit(-9)

    def exit(self, status: int) -> None:
        if not self._ended.is_set():
            self._status = status
            self._ended.set()

    async def wait(self) -> int:
        await self._ended.wait()
        return self._status


class FakeSpawner:
    """``failures`` is how many of the next spawns fail."""

    def __init__(self) -> None:
        self.children: list[FakeChild] = []
        self.failures = 0

    async def spawn(self, spec: WorkerSpec) -> FakeChild:
        await trio.lowlevel.checkpoint()
        if self.failures:
            self.failures -= 1
            raise SpawnFailed("asked to fail")
        child = FakeChild(spec, 1000 + 10 * len(self.children))
        self.children.append(child)
        return child
