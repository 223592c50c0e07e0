import os
from typing import Any

import pytest
import trio
from structlog.testing import capture_logs

from oad.contract.language import Diagnostics
from oad.workers.lsp import connection, server, servers
from oad.workers.lsp.servers import LanguageServers

from .conftest import Scene, fake


def texts(found: Diagnostics, name: str) -> list[str]:
    return [each.message for path, known in found.items() if path.endswith(name) for each in known]


async def test_from_the_first_file_to_the_end(scene: Scene) -> None:
    async with scene.running():
        assert scene.servers.status() == []
        assert await scene.servers.symbols("x") == []
        found = await scene.servers.touch([scene.write("a.own", "fine\nBAD thing\nWARN\n")])
        assert texts(found, "a.own") == ["BAD thing", "WARN"]
        (status,) = scene.servers.status()
        assert (status.id, status.name, status.root, status.status) == ("own", "own", "", "connected")
        assert scene.updates == 1
        found = await scene.servers.touch([scene.write("a.own", "fine\n"), scene.write("b.own", "BAD\n")])
        assert (texts(found, "a.own"), texts(found, "b.own")) == ([], ["BAD"])
        assert scene.exec.calls == [scene.lsp["own"]["command"]]
        (name, pid) = await scene.servers.symbols("needle")
        assert (name.name, name.location.range.start.line) == ("needle", 1)
        assert os.path.exists(f"/proc/{pid.name}")  # noqa: ASYNC240
    assert not os.path.exists(f"/proc/{pid.name}")  # noqa: ASYNC240


async def test_what_a_person_would_be_shown_is_in_the_log(scene: Scene) -> None:
    scene.lsp = {"own": fake("moody")}
    with capture_logs() as logs:
        async with scene.running():
            await scene.servers.touch([scene.write("a.own", "BAD")])
    (said,) = (entry["message"] for entry in logs if entry["event"] == "language server says")
    assert said.startswith("no workspace!!")
    assert len(said) == 1000


async def test_reading_starts_a_server_and_nobody_waits(scene: Scene) -> None:
    async with scene.running():
        scene.servers.touch_soon([scene.write("a.own", "fine")])
        assert scene.servers.status() == []
        await scene.until(lambda: scene.states() == {"own": "connected"})


async def test_files_that_are_none_of_its_business(scene: Scene) -> None:
    async with scene.running():
        outside = scene.root.parent / "out.own"
        outside.write_text("BAD")
        os.mkfifo(scene.root / "fifo.own")
        assert await scene.servers.touch([scene.write("a.txt", "BAD"), str(outside)]) == {}
        assert not scene.exec.calls
        assert await scene.servers.touch([str(scene.root / "fifo.own"), str(scene.root / "missing.own")]) == {}


async def test_a_file_that_goes(scene: Scene) -> None:
    async with scene.running():
        file = scene.write("a.own", "BAD")
        assert file in await scene.servers.touch([file])
        (scene.root / "a.own").unlink()
        assert await scene.servers.touch([file]) == {}


async def test_the_same_text_again_is_not_waited_for(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene.running():
        file = scene.write("a.own", "BAD")
        await scene.servers.touch([file])
        monkeypatch.setattr(server, "DIAGNOSE_S", 60)
        with trio.fail_after(10):
            assert texts(await scene.servers.touch([file]), "a.own") == ["BAD"]


async def test_following_the_configuration(scene: Scene) -> None:
    async with scene.running():
        file = scene.write("a.own", "BAD")
        await scene.servers.touch([file])
        scene.lsp = {"own": fake("other")}
        await scene.servers.touch([file])
        assert scene.exec.calls[1] == fake("other")["command"]
        scene.lsp = False
        assert scene.servers.status() == []
        assert await scene.servers.touch([file]) == {}
        assert len(scene.exec.calls) == 2


# --- servers that misbehave -------------------------------------------------------------------------------------------


async def test_one_that_does_not_start_is_not_listed(scene: Scene) -> None:
    scene.lsp = {"own": fake("exits"), "gone": {"command": ["/nowhere"], "extensions": [".own"]}}
    async with scene.running():
        assert await scene.servers.touch([scene.write("a.own", "BAD")]) == {}
        assert scene.servers.status() == []
        assert await scene.servers.touch([scene.write("a.own", "BAD BAD")]) == {}  # it rests
        assert len(scene.exec.calls) == 2


@pytest.mark.parametrize("mode", ["crash", "garbage", "nonsense", "huge", "flood"])
async def test_one_that_is_lost_costs_nobody_else_anything(
    mode: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_MANY", 20)
    scene.lsp = {"own": fake(mode), "good": fake()}
    async with scene.running():
        with trio.fail_after(20):
            found = await scene.servers.touch([scene.write("a.own", "BAD")])
            assert texts(found, "a.own") == ["BAD"]
            await scene.until(lambda: scene.states() == {"own": "error", "good": "connected"})
            found = await scene.servers.touch([scene.write("a.own", "BAD again")])
        assert texts(found, "a.own") == ["BAD again"]
        assert len(scene.exec.calls) == 2


async def test_a_lost_one_comes_back_after_a_while(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oad.workers.lsp.backoff.FIRST_S", 0.01)
    scene.lsp = {"own": fake("crash")}
    async with scene.running():
        await scene.servers.touch([scene.write("a.own", "BAD")])
        await scene.until(lambda: scene.states() == {"own": "error"})
        await trio.sleep(0.02)
        await scene.servers.touch([scene.write("a.own", "BAD")])
        assert len(scene.exec.calls) == 2


@pytest.mark.parametrize("mode", ["hang", "deaf", "silent"])
async def test_one_that_says_nothing_is_waited_for_a_while_only(
    mode: str, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "START_S", 1.0)
    monkeypatch.setattr(server, "DIAGNOSE_S", 0.2)
    monkeypatch.setattr(server, "_SYMBOLS_S", 0.1)
    scene.lsp = {"own": fake(mode)}
    async with scene.running():
        with trio.fail_after(10):
            assert await scene.servers.touch([scene.write("a.own", "BAD")]) == {}
            assert await scene.servers.symbols("x") == [] or mode == "silent"


async def test_patience_grows_short(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "DIAGNOSE_S", 0.3)
    monkeypatch.setattr(server, "_IMPATIENT_S", 0.0)
    scene.lsp = {"own": fake("silent")}
    took = list[float]()
    async with scene.running():
        scene.servers.touch_soon([scene.write("first.own", "")])
        await scene.until(lambda: scene.states() == {"own": "connected"})
        for number in range(4):
            file, started = scene.write("a.own", f"BAD {number}"), trio.current_time()
            await scene.servers.touch([file])
            took.append(trio.current_time() - started)
    assert min(took[:2]) >= 0.3
    assert max(took[2:]) < 0.3


async def test_one_that_never_greets_is_given_up(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_INITIALIZE_S", 0.05)
    scene.lsp = {"own": fake("hang")}
    async with scene.running():
        with trio.fail_after(5):
            assert await scene.servers.touch([scene.write("a.own", "BAD")]) == {}


async def test_a_full_queue_ends_one_that_does_not_read(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "DIAGNOSE_S", 0.01)
    monkeypatch.setattr(connection, "_QUEUED", 2)
    scene.lsp = {"own": fake("deaf")}
    async with scene.running():
        with trio.fail_after(20):
            for number in range(20):
                await scene.servers.touch([scene.write("a.own", f"{number}" + "x" * 100_000)])
            await scene.until(lambda: scene.states() == {"own": "error"})


async def test_only_so_many(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "_MAX_SERVERS", 2)
    scene.lsp = {name: fake(extension=f".{name}") for name in ("x1", "x2", "x3")}
    async with scene.running():
        for name in scene.lsp:
            await scene.servers.touch([scene.write(f"x.{name}", "BAD")])
        assert scene.states() == {"x2": "connected", "x3": "connected"}


async def test_only_so_many_files_are_open(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_MAX_OPEN", 2)
    async with scene.running():
        for number in range(4):
            await scene.servers.touch([scene.write(f"{number}.own", "BAD")])
        (running,) = scene.servers._servers.values()
        assert [name.rpartition("/")[2] for name in running._documents] == ["2.own", "3.own"]


def test_what_is_wanted_comes_first(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    known: Any = {f"/{number}": [] for number in range(60)}
    known["/bad"] = ["x"]

    class One:
        class findings:  # noqa: N801
            by_path = known

    scene.servers._servers = {("a", "/"): One()}  # type: ignore[dict-item]
    found = LanguageServers._known(scene.servers, ["/59"])
    assert (list(found)[:2], len(found)) == (["/59", "/bad"], 50)
