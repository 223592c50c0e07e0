"""Users who come and go while a gateway runs."""

from pathlib import Path

import httpx2
import pytest
import trio

from oad.contract.credential import Credential
from oad.gateway.users import Users, UsersUnreadable

from .conftest import standing
from .reader import reading


class File:
    """``tokens`` is what it has now, None for a broken one."""

    def __init__(self, **tokens: str) -> None:
        self.tokens: dict[str, str] | None = tokens

    def read(self) -> dict[str, str]:
        if self.tokens is None:
            raise UsersUnreadable("users, line 1: nonsense")
        return self.tokens


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_what_is_open_ends_with_its_user_or_token() -> None:
    file = File(ann="a", bob="b", eve="e")
    users, ended = Users({"ann": "a", "bob": "b", "eve": "e"}, file.read), list[str]()

    async def last(user: str) -> None:
        with users.lasting(user):
            await trio.sleep_forever()
        ended.append(user)

    async with trio.open_nursery() as nursery:
        for user in ("ann", "ann", "bob", "eve"):
            nursery.start_soon(last, user)
        await trio.testing.wait_all_tasks_blocked()
        users.reload()
        await trio.testing.wait_all_tasks_blocked()
        assert ended == []
        file.tokens = {"bob": "new", "eve": "e", "joe": "j"}
        users.reload()
        await trio.testing.wait_all_tasks_blocked()
        assert sorted(ended) == ["ann", "ann", "bob"]
        assert [users.find(token) for token in (b"a", b"b", b"new", b"e", b"j")] == ["", "", "bob", "eve", "joe"]
        assert "joe" in users
        nursery.cancel_scope.cancel()


def test_a_broken_file_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    file = File(ann="a")
    users = Users({"ann": "a"}, file.read)
    file.tokens = None
    users.reload()
    assert users.find(b"a") == "ann"
    assert "users, line 1: nonsense" in caplog.text


async def test_the_daemon_has_users_read_anew(tmp_path: Path) -> None:
    known, file = Credential(password="pw", token="tok", users={"ann": "ann-token"}), File(ann="ann-token")
    users = Users(known.users, file.read)
    async with (
        standing(tmp_path, users=users, credentials=known) as stand,
        httpx2.AsyncClient(base_url=stand.url) as client,
        reading(stand.port, "/event?directory=/p", bearer("ann-token")) as ann,
        reading(stand.port, "/global/event", bearer("tok")) as owner,
    ):
        await ann.until("server.connected")
        await owner.until("server.connected")
        assert (await client.get("/session", headers=bearer("bob-token"))).status_code == 401
        file.tokens = {"bob": "bob-token"}
        await stand.daemon.publish_volatile("oad.reloaded", {}, directory="")
        await stand.daemon.publish("session.idle", {})
        assert [event async for event in ann] == []
        assert ann.ended is False, "it breaks off"
        (told,) = await owner.until("session.idle")  # which is not told of what concerns gateways
        assert told
        assert (await client.get("/session", headers=bearer("ann-token"))).status_code == 401
        assert (await client.get("/session", headers=bearer("bob-token"))).status_code == 200


async def test_a_gateway_without_daemon_has_missed_nothing(tmp_path: Path) -> None:
    known, file = Credential(password="pw", users={"ann": "ann-token"}), File(ann="ann-token")
    users = Users(known.users, file.read)
    async with standing(tmp_path, users=users, credentials=known) as stand:
        stand.stop_daemon()
        file.tokens = {}
        await stand.start_daemon("e2").greeted.wait()
        while users:
            await trio.testing.wait_all_tasks_blocked(0.001)
        async with httpx2.AsyncClient(base_url=stand.url) as client:
            assert (await client.get("/session", headers=bearer("ann-token"))).status_code == 401
