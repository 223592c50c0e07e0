import msgspec
import trio.testing

from oad.daemon.file_news import _MAX_REMEMBERED, FileNews


def change(file: str, state: str = "1", event: str = "change") -> bytes:
    return msgspec.json.encode({"file": file, "event": event, "state": state})


TOLD = b'{"file":"/a","event":"change"}'


async def test_what_a_tool_has_told_is_no_news() -> None:
    news = FileNews()
    assert news.of_tool(change("/a")) == TOLD
    assert news.of_watcher(change("/a")) is None
    assert news.of_tool(change("/a")) == TOLD  # it has written the same again


async def test_what_others_do_is() -> None:
    news = FileNews()
    assert news.of_watcher(change("/a")) == TOLD
    news.of_tool(change("/a"))
    assert news.of_watcher(change("/a", "2")) == TOLD
    assert news.of_watcher(change("/b")) is not None
    assert news.of_watcher(b'{"file":"/a","event":"change"}') == TOLD


async def test_it_is_remembered_for_a_while(autojump_clock: trio.testing.MockClock) -> None:
    news = FileNews()
    news.of_tool(change("/a"))
    await trio.sleep(60)
    assert news.of_watcher(change("/a")) == TOLD


async def test_not_everything_is_remembered() -> None:
    news = FileNews()
    for number in range(_MAX_REMEMBERED + 1):
        news.of_tool(change(f"/{number}"))
    assert news.of_watcher(change("/0")) is not None
    assert news.of_watcher(change("/1")) is None
