"""Which project a directory belongs to, and who hears of it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from books import Books, open_books

from oad.daemon.operations.context import Request, Services
from oad.daemon.operations.projects import current_project, make_repository, resolve_project
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


class Uncommitted(Supervisor):
    """No directory has a commit; some are repositories."""

    def __init__(self, *repositories: str) -> None:
        super().__init__()
        self.repositories = {*repositories}

    async def call_project(self, directory: str, op: str, params: dict[str, str], body: bytes) -> Answer:
        if op == "project.initGit":
            self.repositories.add(directory)
        vcs = {"vcs": "git", "worktree": directory} if directory in self.repositories else {"worktree": "/"}
        return Answer(json.dumps({"id": "global", "path": "", **vcs}).encode())


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


def about(books: Books, supervisor: Supervisor, op: str, directory: str) -> Request:
    return Request(op, {"directory": directory}, b"", services(books, supervisor))


async def test_what_one_directory_without_a_commit_is_does_not_hold_for_the_others(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        supervisor = Uncommitted("/new")
        for directory, seen in (("/new", ("/new", "git")), ("/plain", ("/", None)), ("/new", ("/new", "git"))):
            answer = await current_project(about(books, supervisor, "project.current", directory))
            project = json.loads(answer.body)
            assert (project["id"], project["worktree"], project.get("vcs")) == ("global", *seen)


async def test_a_new_repository_is_told_to_those_who_look_at_the_directory(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        supervisor = Uncommitted()
        for _ in range(2):
            answer = await make_repository(about(books, supervisor, "project.initGit", "/plain"))
            assert json.loads(answer.body)["vcs"] == "git"
        await books.journal.settled()
        assert books.of_type("server.instance.disposed") == [{"directory": "/plain"}]
        assert [project.get("vcs") for project in books.of_type("project.updated")][-1] == "git"
