"""Which project a directory belongs to, and who hears of it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from books import Books, open_books

from oad.daemon.operations.context import Services
from oad.daemon.operations.projects import resolve_project
from oad.link import Answer


class Worker:
    def __init__(self) -> None:
        self.facts: dict[str, Any] = {}


class Supervisor:
    """One worker per directory, each of which finds the same repository."""

    def __init__(self) -> None:
        self.workers: dict[str, Worker] = {}
        self.asked = 0

    async def ensure(self, kind: str, name: str, directory: str) -> Worker:
        return self.workers.setdefault(directory, Worker())

    async def call_project(self, directory: str, op: str, params: dict[str, str], body: bytes) -> Answer:
        self.asked += 1
        return Answer(b'{"id": "abc", "worktree": "/repo", "path": "", "vcs": "git"}')


def services(books: Books, supervisor: Supervisor) -> Services:
    return cast("Services", SimpleNamespace(supervisor=supervisor, journal=books.journal, store=books.store))


async def test_a_project_is_told_of_once_for_each_life_of_its_worker(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        supervisor = Supervisor()
        with_all = services(books, supervisor)
        for _ in range(2):
            assert (await resolve_project(with_all, "/repo")).id == "abc"
            await books.journal.settled()
        assert supervisor.asked == 1
        supervisor.workers.clear()  # as after a disposal of the instance
        await resolve_project(with_all, "/repo")
        await books.journal.settled()
        assert [project["worktree"] for project in books.of_type("project.updated")] == ["/repo", "/repo"]


async def test_listeners_of_one_directory_do_not_hear_of_projects(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        await resolve_project(services(books, Supervisor()), "/repo")
        await books.journal.settled()
        assert [(event.directory, event.project) for event in books.published] == [("global", "abc")]
