from pathlib import Path

import pytest
from live import live_daemon

from oad.contract.errors import ApiError
from oad.daemon.journal import Place
from oad.daemon.store_trouble import Trouble

A, B = Place("/p", "global", "ses_a"), Place("/q", "global", "ses_b")


async def test_ready_follows_the_journal(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        assert (await live.json("oad.ready"))["ready"] is True
        live.journal.failing = Trouble("full", "/data")
        with pytest.raises(ApiError) as failure:
            await live.ask("oad.ready")
        assert failure.value.status == 503
        await live.session()
        live.journal.failing = Trouble("full", "/data")
        with pytest.raises(ApiError) as failure:
            await live.ask("session.prompt", {}, sessionID="ses_a")
        assert (failure.value.status, live.spawner.children) == (507, [])


async def test_credentials_are_kept_and_workers_told(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.supervisor.ensure("project", "/p", "/p")
        body = {"type": "api", "key": "k"}
        assert (await live.ask("auth.set", body, providerID="a.b-c")).body == b"true"
        assert live.credentials.all() == {"a.b-c": body}
        assert (await live.ask("auth.remove", providerID="a.b-c")).body == b"true"
        assert live.credentials.all() == {}
        assert live.spawner.of("/p").calls == ["worker.refresh", "worker.refresh"]


@pytest.mark.parametrize(
    ("body", "provider"),
    [({"type": "magic"}, "a"), ({"type": "api"}, "a"), ({"type": "oauth", "refresh": "r"}, "a"),
     ({"type": "api", "key": "k"}, "a/b"), ([], "a")],
)  # fmt: skip
async def test_credentials_that_are_none(tmp_path: Path, body: object, provider: str) -> None:
    async with live_daemon(tmp_path) as live:
        with pytest.raises(ApiError) as failure:
            await live.ask("auth.set", body, providerID=provider)
        assert failure.value.status == 400
        assert live.credentials.all() == {}


async def test_the_end_of_an_instance_is_told_after_its_workers_are_gone(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session()
        await live.supervisor.ensure("session", "ses_a", "/p")
        await live.supervisor.ensure("project", "/q", "/q")
        assert (await live.ask("instance.dispose")).body == b"true"
        assert live.supervisor.directories() == ["/q"]
        assert live.of_type("server.instance.disposed") == [{"directory": "/p"}]
        await live.ask("global.dispose")
        assert live.supervisor.live() == []
        assert live.types()[-2:] == ["global.disposed", "oad.streams.end"]
