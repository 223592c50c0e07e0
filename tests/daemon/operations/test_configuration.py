import hashlib
from pathlib import Path

import msgspec
import pytest
from live import LinkWorker, Live, live_daemon

from oad.contract.config_change import ConfigChange
from oad.contract.errors import ApiError
from oad.contract.wire import Call
from oad.link import Answer


def composing(live: Live, *texts: bytes, file: Path, seen: bytes | None = None) -> list[str]:
    """Workers that answer with these texts, one after the other; returns the operations they were asked for."""
    asked: list[str] = []

    async def compose(worker: LinkWorker, call: Call, body: bytes) -> Answer:
        before = "" if seen is None else hashlib.sha256(seen).hexdigest()
        change = ConfigChange(str(file), before, texts[min(len(asked), len(texts) - 1)], msgspec.Raw(b'{"a":1}'), ["a"])
        asked.append(call.op)
        return Answer(msgspec.json.encode(change))

    async def show(worker: LinkWorker, call: Call, body: bytes) -> Answer:
        return Answer(b'{"whole":true}')

    live.spawner.operations |= {"config.compose": compose, "global.config.compose": compose, "global.config.get": show}
    return asked


async def test_a_change_is_written_and_told_and_ends_nothing(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    async with live_daemon(tmp_path / "d") as live:
        composing(live, b"new", file=project / "opencode.json")
        await live.session(directory=str(project))
        session = await live.supervisor.ensure("session", "ses_a", str(project))
        answer = await live.ask("config.update", {"a": 1}, directory=str(project))
        assert answer.body == b'{"a":1}'
        assert (project / "opencode.json").read_bytes() == b"new"
        assert live.of_type("server.instance.disposed") == [{"directory": str(project)}]
        assert "oad.streams.end" not in live.types()
        assert session.serving
        renewed = await live.supervisor.ensure("session", "ses_a", str(project))
        assert renewed is not session  # its view of the files is of before


async def test_nothing_to_write_is_nothing_to_tell(tmp_path: Path) -> None:
    async with live_daemon(tmp_path / "d") as live:

        async def compose(worker: LinkWorker, call: Call, body: bytes) -> Answer:
            return Answer(msgspec.json.encode(ConfigChange(str(tmp_path / "opencode.json"), "", None)))

        live.spawner.operations["config.compose"] = compose
        assert (await live.ask("config.update", {}, directory=str(tmp_path))).body == b"{}"
        assert "server.instance.disposed" not in live.types()


async def test_a_file_that_somebody_else_keeps_changing(tmp_path: Path) -> None:
    file = tmp_path / "opencode.json"
    file.write_bytes(b"theirs")
    async with live_daemon(tmp_path / "d") as live:
        asked = composing(live, b"mine", file=file, seen=b"older")
        with pytest.raises(ApiError) as caught:
            await live.ask("config.update", {}, directory=str(tmp_path))
        assert (caught.value.status, caught.value.body["name"]) == (409, "ConfigChangedError")
        assert asked == ["config.compose"] * 4
        assert file.read_bytes() == b"theirs"


async def test_the_users_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    async with live_daemon(tmp_path / "d") as live:
        composing(live, b"new", file=tmp_path / "opencode" / "opencode.json")
        assert (await live.ask("global.config.update", {})).body == b'{"whole":true}'
        assert (tmp_path / "opencode" / "opencode.json").read_bytes() == b"new"
        assert live.types()[-1] == "global.disposed"


async def test_a_worker_can_name_no_other_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    async with live_daemon(tmp_path / "d") as live:
        for op, file in (("config.update", ".bashrc"), ("global.config.update", "opencode.json")):
            composing(live, b"new", file=tmp_path / file)
            with pytest.raises(ApiError) as caught:
                await live.ask(op, {}, directory=str(tmp_path / "project"))
            assert (caught.value.status, caught.value.body["name"]) == (400, "ConfigReadOnlyError")
            assert not (tmp_path / file).exists()
