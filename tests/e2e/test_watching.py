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
