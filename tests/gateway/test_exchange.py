import httpx2
import msgspec
import pytest

from oad.contract.errors import not_found
from oad.contract.wire import Call
from oad.gateway.exchange import render
from oad.link import Answer

from .conftest import Stand


def test_groups_of_one_count_as_what_they_hold() -> None:
    group = ExceptionGroup("a", [ExceptionGroup("b", [not_found("gone")])])
    response = render(group, "here")
    assert response.status == 404
    assert msgspec.json.decode(response.body)["data"] == {"message": "gone"}


@pytest.mark.parametrize("error", [RuntimeError("secret"), ExceptionGroup("g", [not_found("a"), not_found("b")])])
def test_the_unexpected_is_logged_and_shown_as_a_reference(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    response = render(error, "session.list")
    body = msgspec.json.decode(response.body)
    assert (response.status, body["name"]) == (500, "UnknownError")
    assert b"secret" not in response.body
    assert body["data"]["ref"] in caplog.text


async def test_accepted_prompts_have_no_body(stand: Stand, client: httpx2.AsyncClient) -> None:
    answer = await client.post("/session/ses_1/prompt_async", json={"parts": []})
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers


async def test_failures_of_the_daemon_go_out_as_they_are(stand: Stand, client: httpx2.AsyncClient) -> None:
    async def refuse(call: Call, body: bytes) -> Answer:
        raise not_found("Session not found: ses_1")

    stand.daemon.handler = refuse
    answer = await client.post("/session/ses_1/prompt_async", json={"parts": []})
    assert answer.status_code == 404
    assert answer.json() == {"name": "NotFoundError", "data": {"message": "Session not found: ses_1"}}
