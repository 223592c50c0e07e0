"""What sessions ask for, get, hand down, and are refused."""

from pathlib import Path

import msgspec
import pytest
from live import Live, live_daemon

from oad.contract.errors import ApiError
from oad.contract.sandbox import SandboxState
from oad.contract.session import Session
from oad.daemon.doctor import Probe
from oad.daemon.sandbox_probe import Enforceable


async def create(live: Live, **body: object) -> Session:
    return msgspec.json.decode((await live.ask("session.create", body)).body, type=Session)


async def state(live: Live, session: str) -> SandboxState:
    return msgspec.json.decode((await live.ask("session.sandbox", sessionID=session)).body, type=SandboxState)


async def test_a_session_asks_at_its_creation_and_later(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        session = await create(live, sandbox={"profile": "read-only"})
        assert (await state(live, session.id)).profile == "read-only"
        await live.ask("session.update", {"sandbox": {"network": "off"}}, sessionID=session.id)
        found = await state(live, session.id)
        assert (found.profile, found.network, found.ran) == ("read-only", "off", None)
        assert b"sandbox" not in (await live.ask("session.get", sessionID=session.id)).body


async def test_it_is_remembered(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        session = await create(live, sandbox={"profile": "read-only"})
        live.sandboxes.forget(session.id)
        assert (await state(live, session.id)).profile == "read-only"
        await live.ask("session.delete", sessionID=session.id)
        assert live.store.sandbox(session.id) is None


async def test_a_child_gets_no_more_than_its_parent(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        parent = await create(live, sandbox={"profile": "read-only"})
        child = await create(live, parentID=parent.id, sandbox={"profile": "full"})
        assert (await state(live, child.id)).profile == "read-only"
        open_parent = await create(live)
        narrow = await create(live, parentID=open_parent.id, sandbox={"profile": "read-only"})
        assert (await state(live, narrow.id)).profile == "read-only"


async def test_a_fork_keeps_what_was_asked_for(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        source = await create(live, sandbox={"profile": "read-only"})
        fork = await live.json("session.fork", {}, sessionID=source.id)
        assert (await state(live, fork["id"])).profile == "read-only"


async def test_what_cannot_be_enforced_is_refused_by_name(tmp_path: Path) -> None:
    failing = Probe("sandbox namespaces workspace", False, step="bwrap: not found", remedy="install bubblewrap")
    async with live_daemon(tmp_path, enforceable=Enforceable({"workspace": failing})) as live:
        session = await live.session()
        with pytest.raises(ApiError) as caught:
            await live.ask("session.prompt", {}, sessionID=session.id)
        assert caught.value.status == 503
        assert caught.value.body["name"] == "SandboxUnavailableError"
        assert caught.value.body["data"]["step"] == "sandbox namespaces workspace: bwrap: not found"
        assert caught.value.body["data"]["remedy"] == "install bubblewrap"
        assert "bwrap: not found" in str((await state(live, session.id)).problem)
        with pytest.raises(ApiError) as caught:
            await live.ask("oad.ready")
        assert "bwrap: not found" in caught.value.body["data"]["message"]
        assert live.spawner.children == []


async def test_a_worker_of_another_sandbox_is_replaced_when_it_is_idle(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        session = await live.session()
        first = await live.supervisor.ensure("session", session.id, "/p", ["/p"])
        assert first is await live.supervisor.ensure("session", session.id, "/p", ["/p"])
        await live.ask("session.update", {"sandbox": {"profile": "read-only"}}, sessionID=session.id)
        second = await live.supervisor.ensure("session", session.id, "/p", ["/p"])
        assert second is not first
        assert first.gone.is_set()
        assert second.spec.confinement.profile == "read-only"
        assert second.spec.writable == []
        ran = (await state(live, session.id)).ran
        assert ran is not None
        assert ran.profile == "read-only"
