"""The real spawner and the one of the tests are both spawners."""

from fake_spawner import FakeSpawner

from oad.contract.worker import WorkerSpec
from oad.daemon.child import SpawnedChild
from oad.daemon.spawn import Child, Spawner
from oad.daemon.zygote_spawner import ZygoteSpawner

SPEC = WorkerSpec("session", "ses_1", "/", "", "", [])


def as_spawner(spawner: ZygoteSpawner | FakeSpawner) -> Spawner:
    return spawner


def as_child(child: SpawnedChild) -> Child:
    return child


async def test_a_fake_child_lives_until_told() -> None:
    child = await as_spawner(FakeSpawner()).spawn(SPEC)
    assert child.signal_worker(10)
    child.kill()
    assert await child.wait() == -9
    assert not child.signal_worker(10)
