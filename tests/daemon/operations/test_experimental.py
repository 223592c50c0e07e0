"""What is not here, and how that is said."""

import json
from pathlib import Path

import pytest
from live import live_daemon

from oad.contract.errors import ApiError


async def test_no_workspaces_and_no_console(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session()
        assert await live.json("experimental.session.background", sessionID="ses_a") is False
        assert await live.json("experimental.workspace.remove", id="wrk_x") is None
        await live.ask("experimental.workspace.syncList")
        for kind, word in (("worktree", "/experimental/worktree"), ("nope", "Unknown workspace adapter: nope")):
            with pytest.raises(ApiError, match=word) as refused:
                await live.ask("experimental.workspace.create", {"type": kind})
            assert (refused.value.status, refused.value.body["name"]) == (400, "WorkspaceCreateError")
        with pytest.raises(ApiError) as refused:
            await live.ask("experimental.console.switchOrg", {"accountID": "a", "orgID": "b"})
        assert refused.value.body == {"_tag": "BadRequest"}


async def test_sessions_leave_workspaces_and_enter_none(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        await live.session()
        await live.ask("experimental.workspace.warp", {"id": None, "sessionID": "ses_a"})
        assert live.types()[-1] == "session.updated"
        for body in ({"id": "wrk_x", "sessionID": "ses_a"}, {"id": None, "sessionID": "ses_b"}):
            with pytest.raises(ApiError) as refused:
                await live.ask("experimental.workspace.warp", json.dumps(body).encode())
            assert refused.value.status == 404
