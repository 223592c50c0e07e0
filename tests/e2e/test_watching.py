"""A real server tells those who listen what changes in a directory, and watches for nobody else."""

import os
import subprocess
from pathlib import Path

import pytest
import trio

from .server import Json, Server, until


def git(directory: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *arguments], cwd=directory, check=True, capture_output=True)


def touch(path: Path) -> None:
    path.write_text(str(trio.current_time()))


def watches(server: Server) -> int:
    """How many inotify instances the server's processes hold."""
    found = 0
    for process in server.processes():
        try:
            links = [os.readlink(each) for each in Path(f"/proc/{process.pid}/fd").iterdir()]
        except OSError:
            continue
        found += links.count("anon_inode:inotify")
    return found


@pytest.mark.parametrize("stream", ["/event", "/global/event"])
async def test_files_and_branches(server: Server, stream: str) -> None:
    git(server.project, "init", "-q")
    git(server.project, "commit", "-q", "--allow-empty", "-m", "root")
    (server.project / ".gitignore").write_text("*.log\n")
    await server.ask("GET", "/path")  # the directory's worker lives, and nobody listens yet
    quiet = watches(server)
    async with server.events(stream) as events:
        await until(lambda: watches(server) > quiet, "the directory is watched")

        def told(event: Json, name: str) -> bool:
            path = str(server.project / name)
            return event["type"] == "file.watcher.updated" and event["properties"]["file"] == path

        async def stir(name: str) -> bool:
            touch(server.project / name)
            await trio.sleep(0.2)
            return any(told(event, name) for event in events.seen)

        await until(lambda: stir("seen"), "a change is told")
        touch(server.project / "a.log")
        (server.project / "sub").mkdir()
        touch(server.project / "sub/inside")
        await events.until(lambda event: told(event, "sub/inside"))
        git(server.project, "checkout", "-q", "-b", "other")
        changed = await events.until(lambda event: event["type"] == "vcs.branch.updated")
        assert changed["properties"] == {"branch": "other"}
        assert not any(told(event, "a.log") for event in events.seen)
        assert not any("/.git/" in str(event["properties"].get("file")) for event in events.seen)


async def test_what_a_tool_writes_is_told_once(server: Server) -> None:
    await server.ask("GET", "/path")
    quiet = watches(server)
    async with server.events() as events:
        await until(lambda: watches(server) > quiet, "the directory is watched")

        def told(name: str) -> list[Json]:
            changes = [event["properties"] for event in events.seen if event["type"] == "file.watcher.updated"]
            return [change for change in changes if change["file"] == str(server.project / name)]

        await server.prompt(await server.create(), "write made: by a tool")
        await until(lambda: bool(told("made")), "the tool's file is told")

        async def stir() -> bool:
            touch(server.project / "later")
            await trio.sleep(0.2)
            return bool(told("later"))

        await until(stir, "what comes later is told")  # by then the watcher has seen the tool's file, too
        assert told("made") == [{"file": str(server.project / "made"), "event": "add"}]
        touch(server.project / "made")
        await until(lambda: len(told("made")) == 2, "what another does to it is told")
