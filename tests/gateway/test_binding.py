from urllib.parse import unquote

import httpx2
import pytest

from oad.gateway.binding import request_key

from .conftest import Stand

HOSTILE = [
    "ses_%00",
    "ses_..",
    "ses_%2e%2e%2f",
    "ses_" + "a" * 200,
    "ses_a%20b",
    "..%2f..%2fetc",
    "xyz",
    "ses_%0a",
    "%F0%9F%92%A9",
]


@pytest.mark.parametrize("id", HOSTILE)
@pytest.mark.parametrize("path", ["/session/{}", "/session/{}/message", "/session/ses_1/message/{}"])
async def test_hostile_ids_reach_nobody(id: str, path: str, stand: Stand, client: httpx2.AsyncClient) -> None:
    answer = await client.get(path.format(id))
    assert answer.status_code in (400, 404)
    assert answer.json()["name"] in ("BadRequest", "NotFoundError")
    assert stand.daemon.calls == []


async def test_malformed_id_is_named(client: httpx2.AsyncClient) -> None:
    answer = await client.delete("/session/xyz")
    message = 'Expected a string starting with "ses", got "xyz"\n  at ["sessionID"]'
    assert answer.json() == {"name": "BadRequest", "data": {"message": message, "kind": "Params"}}


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/session/ses_1/message", "{}", 'Missing key\n  at ["parts"]'),
        ("/session/ses_1/message", '{"parts":[{"type":"text"}]}', 'Missing key\n  at ["parts"][0]["text"]'),
        ("/session/ses_1/message", '{"parts":"x"}', 'Expected array, got "x"\n  at ["parts"]'),
        (
            "/session/ses_1/message",
            '{"parts":[],"messageID":"../x"}',
            'Expected a string starting with "msg", got "../x"\n  at ["messageID"]',
        ),
        (
            "/permission/per_x/reply",
            '{"reply":"maybe"}',
            'Expected "once" | "always" | "reject" | "allow" | "deny", got "maybe"\n  at ["reply"]',
        ),
    ],
)
async def test_bodies_that_do_not_fit(path: str, body: str, message: str, client: httpx2.AsyncClient) -> None:
    answer = await client.post(path, content=body)
    assert answer.status_code == 400
    assert answer.json() == {"name": "BadRequest", "data": {"message": message, "kind": "Payload"}}


@pytest.mark.parametrize("body", ["{bad", "\xff", "null", "[]", '"x"', "[" * 100_000, '{"title":5}', '{"title":"a'])
async def test_any_bad_body_of_a_new_session_is_bare(body: str, client: httpx2.AsyncClient) -> None:
    answer = await client.post("/session", content=body.encode("latin-1"))
    assert (answer.status_code, answer.json()) == (400, {"_tag": "BadRequest"})


async def test_malformed_json_is_no_server_error(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/session/ses_1/message", content="{bad")
    assert answer.status_code == 400
    assert answer.json()["data"]["kind"] == "Payload"


async def test_optional_body_may_be_absent(client: httpx2.AsyncClient, stand: Stand) -> None:
    assert (await client.post("/session")).json()["body"] == "{}"
    assert (await client.post("/session/ses_1/fork", content=" ")).json()["body"] == "{}"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("/session?roots=maybe", 'Expected "true" | "false", got "maybe"\n  at ["roots"]'),
        ("/session?limit=1&limit=2", 'Expected string | undefined, got ["1","2"]\n  at ["limit"]'),
        ("/session?limit=1.5", 'Expected an integer, got 1.5\n  at ["limit"]'),
        ("/session/ses_1/message?limit=abc", 'Expected an integer, got NaN\n  at ["limit"]'),
        ("/experimental/tool", 'Missing key\n  at ["provider"]'),
    ],
)
async def test_query_parameters_that_do_not_fit(query: str, message: str, client: httpx2.AsyncClient) -> None:
    answer = await client.get(query)
    assert answer.status_code == 400
    assert answer.json() == {"name": "BadRequest", "data": {"message": message, "kind": "Query"}}


async def test_unknown_query_parameters_are_ignored(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/session?limit=abc&nope=1&start=abc")
    assert answer.json()["params"] == {"limit": "-1", "directory": "/srv/cwd"}


async def test_v2_has_its_own_place_and_errors(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/api/agent?location%5Bdirectory%5D=/a&directory=/b")
    assert answer.json()["params"] == {"directory": "/a"}
    assert (await client.get("/api/session?limit=abc")).json()["_tag"] == "InvalidRequestError"


async def test_a_location_written_as_json_is_not_taken_for_another_place(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/api/agent?location=%7B%22directory%22%3A%22/a%22%7D")
    assert (answer.status_code, answer.json()["_tag"]) == (400, "InvalidRequestError")


async def test_list_over_all_directories_is_narrowed_only_if_asked(client: httpx2.AsyncClient) -> None:
    assert "filterDirectory" not in (await client.get("/experimental/session")).json()["params"]
    asked = await client.get("/experimental/session?directory=/d", headers={"x-opencode-directory": "/x"})
    assert asked.json()["params"]["filterDirectory"] == "/d"


@pytest.mark.parametrize(
    ("limit", "message"), [("0", "greater than or equal to 1, got 0"), ("201", "less than or equal to 200, got 201")]
)
async def test_bounds_of_numbers(limit: str, message: str, client: httpx2.AsyncClient) -> None:
    answer = await client.get("/find/file", params={"query": "x", "limit": limit})
    assert answer.status_code == 400
    assert answer.json()["data"]["message"] == f'Expected a value {message}\n  at ["limit"]'


@pytest.mark.parametrize("path", ["a.txt", "src/deep/a%20b.txt", "..%2f..%2fetc%2fpasswd"])
async def test_a_path_at_the_end_of_a_route(path: str, client: httpx2.AsyncClient) -> None:
    answer = await client.get(f"/api/fs/read/{path}?location%5Bdirectory%5D=/d")
    assert answer.json()["op"] == "v2.fs.read"
    assert answer.json()["params"] == {"path": unquote(path), "directory": "/d"}


async def test_paths_that_are_none(stand: Stand, client: httpx2.AsyncClient) -> None:
    answer = await client.get("/api/fs/read/" + "x/" * 3000 + "y")
    assert (answer.status_code, answer.json()["_tag"]) == (400, "InvalidRequestError")
    assert (await client.get("/api/fs/read/a%00b")).status_code == 400
    assert (await client.get("/api/fs/read/")).status_code == 404
    assert stand.daemon.calls == []


def test_keys_of_repeated_requests() -> None:
    assert [request_key(None), request_key("k"), request_key("k" * 200)] == ["", "k", "k" * 200]
    assert request_key("k" * 300 + "a") != request_key("k" * 300 + "b")
    assert len(request_key("k" * 3000)) == 64
