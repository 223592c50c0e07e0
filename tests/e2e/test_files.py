"""Files, search and version control of a real server: nothing outside is served, nothing hangs, nothing is left."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx2
import pytest
import trio

from .server import Json, Server, title, until

OUTSIDE = "outside the project"


def git(directory: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    subprocess.run(["git", *identity, *arguments], cwd=directory, check=True, capture_output=True)


@pytest.fixture(scope="module")
def project(shared: Server) -> Iterator[Path]:
    """With every kind of thing that a path can lead to; ``outside`` lies beside it."""
    project = shared.project
    (project.parent / "outside").write_text(OUTSIDE)
    (project / "src").mkdir()
    (project / "src/a.txt").write_text("alpha\nneedle\n")
    (project / "link").symlink_to("../outside")
    (project / "up").symlink_to("..")
    (project / "zero").symlink_to("/dev/zero")
    (project / ".env").write_text("KEY=1\n")
    os.mkfifo(project / "fifo")
    with (project / "huge").open("wb") as file:
        file.truncate(5 << 30)
    yield project
    (project / "huge").unlink()


async def get(server: Server, path: str, timeout_s: float = 10) -> httpx2.Response:
    with trio.fail_after(timeout_s):
        async with server.client() as client:
            return await client.get(path)


@pytest.mark.parametrize(
    "path",
    [
        "../outside",
        "src/../../outside",
        "link",
        "up/outside",
        "up",
        "{project}/../outside",
        "/etc/passwd",
        "/proc/self/environ",
        "/dev/zero",
        "zero",
        "fifo",
        "huge",
        "a\0b",
        "x" * 300,
        "y/" * 2500,
    ],
)
@pytest.mark.parametrize(
    "route",
    ["/file/content?path=", "/file?path=", "/api/fs/list?path=", "/api/fs/read/", "/file/content?workspace=x&path="],
)
async def test_what_is_not_the_projects_is_refused_at_once(
    route: str, path: str, project: Path, shared: Server
) -> None:
    answer = await get(shared, route + quote(path.format(project=project), safe=""))
    assert answer.status_code in (400, 404), answer.text[:200]
    assert answer.json()
    assert OUTSIDE not in answer.text
    assert "Traceback" not in answer.text


async def test_what_is_the_projects_is_served(project: Path, shared: Server) -> None:
    assert (await get(shared, "/file/content?path=.env")).json() == {"type": "text", "content": "KEY=1"}
    answer = await get(shared, "/api/fs/read/src/a.txt")
    assert (answer.content, answer.headers["content-type"]) == (b"alpha\nneedle\n", "text/plain")
    (match,) = (await get(shared, "/find?pattern=need.e")).json()
    assert (match["path"]["text"], match["line_number"]) == ("src/a.txt", 2)
    nodes = (await get(shared, "/file?path=")).json()
    assert [node["path"] for node in nodes if node["type"] == "directory"][-1] == "src/"
    assert not {"link", "up", "zero", "fifo"} & {node["name"] for node in nodes}


@pytest.fixture
def slow(project: Path) -> Path:
    """A repository in which git takes for ever to tell what has changed."""
    slow = project / f"slow-{os.urandom(4).hex()}"
    slow.mkdir()
    git(slow, "init", "-q")
    (slow / "f").write_text("1\n")
    git(slow, "add", ".")
    git(slow, "commit", "-qm", "f")
    (slow / "f").write_text("2\n")
    (slow / ".git/info/attributes").write_text("* filter=slow\n")
    git(slow, "config", "filter.slow.clean", f"sleep 987 # {slow.name}")
    return slow


async def test_a_slow_question_ends_with_its_client_and_delays_nobody(slow: Path, shared: Server) -> None:
    def waiting() -> list[str]:
        return [text for process in shared.processes() if f"# {slow.name}" in (text := title(process))]

    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(get, shared, f"/vcs/status?directory={slow}", 60)
        await until(lambda: len(waiting()) == 2, "git waits for its filter, twice")
        assert (await get(shared, f"/file?path=&directory={slow}", 5)).status_code == 200
        assert (await get(shared, "/find?pattern=needle", 5)).status_code == 200
        nursery.cancel_scope.cancel()
    await until(lambda: waiting() == [], "its programs are ended")
    assert (await get(shared, f"/path?directory={slow}")).status_code == 200


async def test_a_patch_is_applied_to_the_end_although_its_client_leaves(project: Path, shared: Server) -> None:
    body: Json = {"patch": "".join(_new_file(f"new/{n}") for n in range(4000))}
    fresh = project / "fresh"
    fresh.mkdir()
    assert (await shared.ask("POST", f"/project/git/init?directory={fresh}"))["vcs"] == "git"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(shared.ask, "POST", f"/vcs/apply?directory={fresh}", body)
        await until((fresh / "new/0").exists, "the first file is there")
        nursery.cancel_scope.cancel()
    await until((fresh / "new/3999").exists, "the last file is there")
    assert len(list((fresh / "new").iterdir())) == 4000


def _new_file(path: str) -> str:
    return f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+new\n"


async def test_a_new_repository_is_told(project: Path, shared: Server) -> None:
    place = project / "told"
    place.mkdir()
    async with shared.events(directory=str(place)) as events:
        made = await shared.ask("POST", f"/project/git/init?directory={place}")
        assert (made["worktree"], made["vcs"]) == (str(place), "git")
        told = await events.until(lambda event: event["type"] == "server.instance.disposed")
        assert told["properties"] == {"directory": str(place)}
    assert await shared.ask("GET", f"/project/current?directory={place}") == made
