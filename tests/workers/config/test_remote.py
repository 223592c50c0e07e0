import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from oad.workers.config.remote import Remote
from oad.workers.config.remote_folder import folder_of
from oad.workers.egress import Egress

from .tree import Tree


class Pages(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Pages

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        page = self.server.pages.get(self.path)
        body = (page or "").encode()
        self.send_response(404 if page is None else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""


@pytest.fixture
def web() -> Iterator[Pages]:
    server = Pages()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


async def test_instructions_are_fetched_once(web: Pages) -> None:
    web.pages = {"/a.md": "Be brief.", "/empty.md": " \n"}
    remote, addresses = Remote(), [f"{web.url}{path}" for path in ("/a.md", "/none.md", "/empty.md")]
    for _ in range(2):
        found = await remote.instructions(addresses)
        assert [(each.path, each.text) for each in found] == [(f"{web.url}/a.md", "Be brief.")]
    assert sorted(web.asked) == ["/a.md", "/empty.md", "/none.md"]


async def test_what_was_there_is_kept_when_it_can_not_be_had_again(web: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oad.workers.config.remote._KEPT_S", 0.0)
    web.pages = {"/a.md": "Be brief."}
    remote = Remote()
    await remote.instructions([f"{web.url}/a.md"])
    web.pages = {}
    assert [each.text for each in await remote.instructions([f"{web.url}/a.md"])] == ["Be brief."]
    assert len(web.asked) == 2


async def test_nothing_is_fetched_without_a_network(web: Pages) -> None:
    web.pages = {"/a.md": "Be brief."}
    assert await Remote(Egress(mode="off")).instructions([f"{web.url}/a.md"]) == []
    assert web.asked == []


def index(*skills: dict[str, Any]) -> str:
    return json.dumps({"skills": skills})


async def test_skills_of_an_index(web: Pages, tree: Tree) -> None:
    main = "---\nname: deploy\ndescription: How to\n---\nRead steps.md"
    web.pages = {
        "/s/index.json": index({"name": "deploy", "description": "x", "files": ["SKILL.md", "docs/steps.md"]}),
        "/s/deploy/SKILL.md": main,
        "/s/deploy/docs/steps.md": "1",
    }
    tree.write("repo/opencode.json", {"skills": {"urls": [f"{web.url}/s"]}})
    remote = Remote(cache=tree.root / "cache")
    setup = await remote.load(str(tree.repo))
    skill = setup.skills["deploy"]
    assert (skill.description, skill.content) == ("How to", "Read steps.md")
    assert (Path(skill.location).parent / "docs" / "steps.md").read_text() == "1"
    assert "deploy" in setup.commands
    asked = len(web.asked)
    assert (await remote.load(str(tree.repo))).skills == setup.skills
    assert len(web.asked) == asked


@pytest.mark.parametrize(
    "skill",
    [
        {"name": "../out", "files": ["SKILL.md"]},
        {"name": "s", "files": ["SKILL.md", "../../out"]},
        {"name": "s", "files": ["SKILL.md", "/etc/out"]},
        {"name": "s", "files": ["other.md"]},
    ],
)
async def test_an_index_reaches_no_other_place(web: Pages, tmp_path: Path, skill: dict[str, Any]) -> None:
    web.pages = {"/index.json": index(skill), "/s/SKILL.md": "x", "/out": "x", "/s/other.md": "x"}
    await Remote(cache=tmp_path / "cache").pull([web.url])
    assert os.listdir(tmp_path) == []
    assert web.asked == ["/index.json"]


async def test_a_skill_is_there_whole_or_not_at_all(web: Pages, tmp_path: Path) -> None:
    web.pages = {"/index.json": index({"name": "s", "files": ["SKILL.md", "missing"]}), "/s/SKILL.md": "x"}
    await Remote(cache=tmp_path).pull([web.url])
    assert not (tmp_path / folder_of(web.url) / "s" / "SKILL.md").exists()


@pytest.mark.parametrize("page", [None, "", "[]", '{"skills": 5}', "\xff"])
async def test_what_is_no_index(web: Pages, tmp_path: Path, page: str | None) -> None:
    web.pages = {} if page is None else {"/index.json": page}
    await Remote(cache=tmp_path).pull([web.url])
    assert os.listdir(tmp_path) == []
