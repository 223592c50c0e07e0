import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from oad.contract.errors import ApiError
from oad.link import Answer
from oad.workers.project.files import Files

from .local_exec import LocalExec, SlowExec


async def ask(root: Path, op: str, body: bytes = b"", **params: str) -> Any:
    files = Files(LocalExec(), None)
    answer = await {**files.operations, **files.located}[op](str(root), params, body)
    return answer if isinstance(answer, Answer) else json.loads(msgspec.json.encode(answer))


@pytest.fixture
def root(repo: Path) -> Path:
    (repo / "src/a.txt").write_text("alpha\n")
    (repo / "src/bin").write_bytes(b"\0")
    return repo


async def test_older_clients_read_where_others_list(root: Path) -> None:
    assert await ask(root, "file.list", path="src/a.txt") == {"type": "raw", "content": "alpha"}
    assert (await ask(root, "file.list", path="src/bin"))["type"] == "binary"
    assert [node["path"] for node in await ask(root, "file.list", path="src")] == ["src/a.txt", "src/bin"]


async def test_which_names_are_found(root: Path) -> None:
    assert await ask(root, "find.files", query="src") == ["src/", "src/bin", "src/a.txt"]
    assert await ask(root, "find.files", query="src", dirs="false") == ["src/bin", "src/a.txt"]
    assert await ask(root, "find.files", query="src", type="directory", dirs="false") == ["src/"]
    assert await ask(root, "find.files", query="src", limit="1") == ["src/"]
    assert await ask(root, "v2.fs.find", query="src", type="directory") == [{"path": "src/", "type": "directory"}]


async def test_patches(root: Path) -> None:
    raw = await ask(root, "vcs.diff.raw")
    assert raw.headers == {"content-type": "text/x-diff; charset=utf-8"}
    for name in ("a.txt", "bin"):
        (root / "src" / name).unlink()
    assert await ask(root, "vcs.apply", body=json.dumps({"patch": raw.body.decode()}).encode()) == {"applied": True}
    assert (root / "src/a.txt").read_text() == "alpha\n"
    assert [each["file"] for each in await ask(root, "vcs.diff", mode="git", context="1")] == ["src/a.txt", "src/bin"]


async def test_errors_of_the_second_version(root: Path) -> None:
    for op in ("v2.fs.list", "v2.fs.read"):
        with pytest.raises(ApiError) as caught:
            await ask(root, op, path="../..")
        assert (caught.value.status, caught.value.body["_tag"]) == (400, "InvalidRequestError")
    with pytest.raises(ApiError) as caught:
        await ask(root, "v2.fs.read", path="none")
    assert caught.value.status == 404


async def test_what_nobody_waits_for_is_given_up_and_the_rest_has_its_turn(root: Path) -> None:
    exec = SlowExec()
    find = Files(exec, None).operations["find.text"]
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(find, str(root), {"pattern": "x"}, b"")
        await wait_all_tasks_blocked()
        assert exec.running == 4
        nursery.cancel_scope.cancel()
    assert (exec.running, exec.cancelled, len(exec.calls)) == (0, 4, 4)
