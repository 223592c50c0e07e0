import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from oad.workers.tools.progress_feed import AT_ONCE, INTERVAL_S, ProgressFeed


async def test_first_at_once_then_some_per_second_and_the_last_always(autojump_clock: MockClock) -> None:
    sent: list[float] = []
    start = trio.current_time()

    async def send() -> None:
        sent.append(trio.current_time() - start)

    feed = ProgressFeed(send)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(feed.pump)
        for _ in range(100):
            feed.touch()
            await wait_all_tasks_blocked()
            await trio.sleep(0.01)
        feed.touch()
        nursery.cancel_scope.cancel()
    await feed.flush()
    assert sent[0] == 0
    assert len(sent) <= AT_ONCE + 1 / INTERVAL_S + 3
    count = len(sent)
    await feed.flush()
    assert len(sent) == count
