import pytest
import trio

from oad.workers.project.early import early


async def test_the_answer_does_not_wait_for_the_tidying() -> None:
    enough, tidied = trio.Event(), trio.Event()

    async def work() -> None:
        enough.set()
        await trio.testing.wait_all_tasks_blocked()
        tidied.set()

    await early(work, enough)
    assert not tidied.is_set()
    with trio.fail_after(20):
        await tidied.wait()


async def test_what_is_raised_comes_out() -> None:
    async def work() -> None:
        await trio.lowlevel.checkpoint()
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await early(work, trio.Event())


async def test_who_is_cancelled_waits_for_the_end() -> None:
    ended = False

    async def work() -> None:
        nonlocal ended
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.testing.wait_all_tasks_blocked()
            ended = True

    with trio.move_on_after(0) as scope:
        await early(work, trio.Event())
    assert scope.cancelled_caught
    assert ended
