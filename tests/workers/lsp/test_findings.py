import msgspec
import trio

from oad.workers.lsp import findings as module
from oad.workers.lsp.findings import Findings, path_of, uri_of


def published(path: str, *messages: str, version: int | None = None) -> msgspec.Raw:
    at = {"line": 0, "character": 0}
    found = [{"range": {"start": at, "end": at}, "message": message, "severity": 1} for message in messages]
    return msgspec.Raw(msgspec.json.encode({"uri": uri_of(path), "version": version, "diagnostics": found}))


def test_paths() -> None:
    assert path_of(uri_of("/a b/ü.py")) == "/a b/ü.py"
    assert path_of("untitled:x") is None
    assert path_of("http://[") is None


def test_the_newest_word_counts_and_everything_is_bounded() -> None:
    known = Findings()
    known.take(published("/a", "one"))
    known.take(published("/a", "two", "x" * 5000))
    assert [len(each.message) for each in known.by_path["/a"]] == [3, 2001]
    known.take(published("/b", *["x"] * 500))
    assert len(known.by_path["/b"]) == 200
    for number in range(2100):
        known.take(published(f"/n{number}"))
    assert len(known.by_path) == 2000
    assert "/a" not in known.by_path
    known.take(msgspec.Raw(b'{"uri":"untitled:1","diagnostics":[]}'))
    assert len(known.by_path) == 2000


async def test_waiting_for_what_belongs_to_a_version(autojump_clock: trio.testing.MockClock) -> None:
    known = Findings()
    known.take(published("/a", version=0))
    order = list[str]()

    async def wait() -> None:
        await known.fresh("/a", seen=1, version=2)
        order.append("fresh")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        known.take(published("/a", version=1))  # of what the file was before
        known.take(published("/b", version=2))
        await trio.sleep(1)
        assert order == []
        known.take(published("/a", "syntax", version=2))
        await trio.sleep(module._SETTLED_S / 2)
        order.append("second piece")
        known.take(published("/a", "syntax", "meaning", version=2))
    assert order == ["second piece", "fresh"]


async def test_servers_without_versions(autojump_clock: trio.testing.MockClock) -> None:
    known = Findings()
    known.take(published("/a"))
    with trio.move_on_after(5) as waited:
        await known.fresh("/a", seen=1, version=1)
    assert waited.cancelled_caught
    known.take(published("/a"))
    with trio.fail_after(5):
        await known.fresh("/a", seen=1, version=1)
    known.forget("/a")
    assert (known.by_path, known.count("/a")) == ({}, 0)
