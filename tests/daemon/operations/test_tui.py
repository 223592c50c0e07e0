"""What drives terminal programs: one event for each request."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
from books import Books, open_books
from records import a_session
from trio.testing import wait_all_tasks_blocked

from oad.contract.errors import ApiError
from oad.daemon.control_queue import ControlQueues
from oad.daemon.operations.context import Request, Services
from oad.daemon.operations.tui import TUI


def request(books: Books, op: str, body: Any = None, queues: ControlQueues | None = None) -> Request:
    services = SimpleNamespace(
        journal=books.journal, sessions=books.sessions, store=books.store, controls=queues or ControlQueues()
    )
    content = b"" if body is None else json.dumps(body).encode()
    return Request(f"tui.{op}", {"directory": "/p"}, content, cast("Services", services))


async def send(books: Books, op: str, body: Any = None) -> tuple[str, Any]:
    """Type and properties of the one event that comes of it."""
    before = len(books.published)
    asked = request(books, op, body)
    assert (await TUI[asked.op](asked)).body == b"true"
    await books.journal.settled()
    (event,) = books.published[before:]
    assert (event.seq, event.directory) == (0, "/p")
    return event.type, json.loads(event.body)["properties"]


@pytest.mark.parametrize(
    ("op", "command"),
    [
        ("openHelp", "help.show"),
        ("openSessions", "session.list"),
        ("openThemes", "theme.switch"),
        ("openModels", "model.list"),
        ("submitPrompt", "prompt.submit"),
        ("clearPrompt", "prompt.clear"),
    ],
)
async def test_what_is_opened_is_a_command(tmp_path: Path, op: str, command: str) -> None:
    async with open_books(tmp_path) as books:
        assert await send(books, op) == ("tui.command.execute", {"command": command})


@pytest.mark.parametrize(
    ("name", "sent"),
    [("session_new", "session.new"), ("messages_last", "session.last"), ("theme.switch", "theme.switch"), ("x", "x")],
)
async def test_older_names_of_commands_are_known_and_others_pass(tmp_path: Path, name: str, sent: str) -> None:
    async with open_books(tmp_path) as books:
        expected = ("tui.command.execute", {"command": sent})
        assert await send(books, "executeCommand", {"command": name}) == expected
        event = {"type": "tui.command.execute", "properties": {"command": "prompt.clear"}}
        assert await send(books, "publish", event) == ("tui.command.execute", {"command": "prompt.clear"})


async def test_texts_and_toasts(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        assert await send(books, "appendPrompt", {"text": "hello"}) == ("tui.prompt.append", {"text": "hello"})
        toast = {"message": "m", "variant": "info"}
        assert await send(books, "showToast", toast) == ("tui.toast.show", {**toast, "duration": 5000})
        lasting = {**toast, "title": "t", "duration": 100}
        assert await send(books, "publish", {"type": "tui.toast.show", "properties": lasting}) == (
            "tui.toast.show",
            lasting,
        )
        event = {"type": "tui.prompt.append", "properties": {"text": "x"}}
        assert await send(books, "publish", event) == ("tui.prompt.append", {"text": "x"})


async def test_only_sessions_that_exist_are_selected(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        books.sessions.save(a_session("ses_a"), created=True)
        await books.journal.settled()
        choice = {"sessionID": "ses_a"}
        assert await send(books, "selectSession", choice) == ("tui.session.select", choice)
        for op, body in (
            ("selectSession", {"sessionID": "ses_b"}),
            ("publish", {"type": "tui.session.select", "properties": {"sessionID": "ses_b"}}),
        ):
            asked = request(books, op, body)
            with pytest.raises(ApiError) as refused:
                await TUI[asked.op](asked)
            assert refused.value.status == 404


async def test_a_client_that_fetches_gets_the_request_itself(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        queues, found = ControlQueues(), list[Any]()

        async def fetch() -> None:
            asked = request(books, "control.next", queues=queues)
            found.append(json.loads((await TUI[asked.op](asked)).body))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(fetch)
            await wait_all_tasks_blocked()
            asked = request(books, "appendPrompt", {"text": "hello"}, queues)
            await TUI[asked.op](asked)
        assert found == [{"path": "/tui/append-prompt", "body": {"text": "hello"}}]
        answered = request(books, "control.response", {"any": 1}, queues)
        assert (await TUI[answered.op](answered)).body == b"true"
