import httpx2
import pytest

from oad.contract.trail import Trail
from oad.gateway.trail import trail_of

from .conftest import Stand

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_begins_with_what_the_client_sends() -> None:
    headers = [(b"x-request-id", b"mine-1"), (b"traceparent", PARENT.encode())]
    assert trail_of({"headers": headers}) == Trail("mine-1", PARENT)


def test_begins_anew_where_that_is_nothing_sane() -> None:
    made = trail_of({"headers": [(b"x-request-id", b"a b"), (b"traceparent", b"00-1")]})
    assert made.request.startswith("req_")
    assert made.parent == ""
    assert trail_of({"headers": []}).request != made.request


@pytest.mark.parametrize("path", ["/session", "/nope", "/livez", "/event/x", "/path?directory=%0A"])
async def test_every_answer_names_it(path: str, stand: Stand, client: httpx2.AsyncClient) -> None:
    assert (await client.get(path, headers={"x-request-id": "mine-2"})).headers["x-request-id"] == "mine-2"
    first, second = [(await client.get(path)).headers["x-request-id"] for _ in range(2)]
    assert first.startswith("req_")
    assert first != second
