from pathlib import Path

import httpx2
import pytest

from oad.gateway.fast_lane import Router
from oad.gateway.routes import TABLE

from .conftest import standing


@pytest.mark.parametrize("chunked", [False, True])
async def test_body_beyond_the_limit_is_413_and_the_server_lives(chunked: bool, tmp_path: Path) -> None:
    async with standing(tmp_path, body_limit=1000) as stand:

        async def chunks() -> object:
            for _ in range(3):
                yield b"x" * 500

        async with httpx2.AsyncClient(base_url=stand.url) as client:
            for path in ("/session", "/log"):
                content = chunks() if chunked else b"x" * 1500
                answer = await client.post(path, content=content)  # type: ignore[arg-type]
                assert answer.status_code == 413
                assert "1000" in answer.json()["data"]["message"]
        async with httpx2.AsyncClient(base_url=stand.url) as client:
            assert (await client.post("/session", content=b'{"title":"%s"}' % (b"x" * 900))).status_code == 200
            assert stand.daemon.calls[0].op == "session.create"


async def test_files_with_sessions_may_be_larger(tmp_path: Path) -> None:
    async with standing(tmp_path, body_limit=1000) as stand, httpx2.AsyncClient(base_url=stand.url) as client:
        assert (await client.post("/session/import", content=b'"%s"' % (b"x" * 7000))).status_code == 200
        assert stand.daemon.calls[0].op == "session.import"
        assert (await client.post("/session/import", content=b'"%s"' % (b"x" * 8000))).status_code == 413
        assert (await client.post("/session/import", content=b"{")).status_code == 400


def test_fixed_segments_win_over_variables() -> None:
    router = Router(TABLE)
    found = router.find("GET", "/session/status")
    assert found
    assert (found[0].name, found[1]) == ("session.status", {})
    found = router.find("PATCH", "/session/ses_1/message/msg_1/part/prt_1")
    assert found
    assert (found[0].name, found[1]) == ("part.update", {"sessionID": "ses_1", "messageID": "msg_1", "partID": "prt_1"})


@pytest.mark.parametrize(
    "path", ["", "/", "/nope", "/session/", "/session/ses_1/nope", "/session/ses_1/message/m/part"]
)
def test_what_is_not_in_the_table_is_not_found(path: str) -> None:
    assert Router(TABLE).find("GET", path) is None


def test_only_what_looks_up_or_waits_ends_with_its_client() -> None:
    watched = {operation.name for operation in TABLE if operation.watched and operation.target != "project"}
    assert watched == {"tui.control.next", "session.export"}
