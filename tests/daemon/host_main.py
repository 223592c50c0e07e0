"""A process like the daemon, for the tests: a subreaper with a zygote and trio, told what to do line by line.

usage: host_main.py UID LEVEL    (LEVEL "any" takes the strongest). Commands and answers are JSON lines.
"""

import json
import os
import sys
import time
from typing import Any

import msgspec
import session_probe  # noqa: F401  before the user changes, who may not be able to read it
import structlog
import trio

import oad.workers.broker
from oad.contract.sandbox import Confinement
from oad.contract.worker import WorkerSpec
from oad.daemon import procs, zygote, zygote_spawner
from oad.daemon.spawn import SpawnFailed
from oad.daemon.zygote_spawner import SpawnedChild, ZygoteSpawner

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # standard output is for answers


class Host:
    def __init__(self, spawner: ZygoteSpawner) -> None:
        self.spawner = spawner
        self.children: list[SpawnedChild] = []

    async def spawn(self, kind: str, endpoint: str = "", confinement: Any = None) -> Any:
        fields = {"level": "none", "profile": "full", "ceiling": "full", **(confinement or {})}
        priority = fields.pop("priority", "normal")
        confined = msgspec.convert(fields, Confinement)
        spec = WorkerSpec(
            "session",
            f"ses_{len(self.children)}",
            kind,
            endpoint,
            "",
            [],
            confinement=confined,
            priority=priority,
        )
        started = time.perf_counter()
        try:
            child = await self.spawner.spawn(spec)
        except SpawnFailed as error:
            return {"failed": str(error)}
        self.children.append(child)
        took = (time.perf_counter() - started) * 1000
        return {"id": len(self.children) - 1, "init": child.init_pid, "worker": child.worker_pid,
                "level": child.level, "ms": took}  # fmt: skip

    async def be_patient(self, seconds: float) -> Any:
        zygote_spawner.BIRTH_TIMEOUT_S = seconds

    async def signal(self, id: int, number: int) -> Any:
        return self.children[id].signal_worker(number)

    async def kill(self, id: int) -> Any:
        self.children[id].kill()
        return None

    async def wait(self, id: int) -> Any:
        started = time.perf_counter()
        with trio.fail_after(5):
            return {"status": await self.children[id].wait(), "ms": (time.perf_counter() - started) * 1000}

    async def recycle(self) -> Any:
        self.spawner.recycle()
        return None

    async def preload(self, module: str) -> Any:
        return await self.spawner.preload(module)

    async def sweep(self) -> Any:
        return (await self.spawner.sweep()).killed

    async def children_of_host(self) -> Any:
        return procs.children(os.getpid())

    async def ready(self) -> Any:
        return msgspec.to_builtins(await self.spawner.wait_ready())


async def main(born: zygote.Zygote) -> None:
    spawner = ZygoteSpawner(born)
    host = Host(spawner)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(spawner.run)
        # No thread for reading: the process must be able to say that it has one.
        buffer = b""
        while True:
            await trio.lowlevel.wait_readable(0)
            data = os.read(0, 65536)
            if not data:
                nursery.cancel_scope.cancel()
                return
            buffer += data
            while b"\n" in buffer:
                line, _, buffer = buffer.partition(b"\n")
                name, arguments = json.loads(line)
                print(json.dumps(await getattr(host, name)(*arguments)), flush=True)


if __name__ == "__main__":
    uid, level = int(sys.argv[1]), sys.argv[2]
    if uid:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
    if level == "subreaper":
        zygote.find_level = lambda: ("subreaper", "asked for")
    procs.become_subreaper()
    del oad.workers.broker
    trio.run(main, zygote.start_zygote(["trio", "session_probe"], "session_probe:run"))
