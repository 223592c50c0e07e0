"""Whatever is sent: an answer that says what is wrong, soon, in JSON; and the server lives on as it was."""

import json
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oad.gateway.operation import Operation
from oad.gateway.routes import TABLE

from .server import Json, Server

OPERATIONS = {operation.name: operation for operation in TABLE}
WITH_BODY = [name for name, operation in OPERATIONS.items() if operation.body is not None]
WITH_VARIABLES = [name for name, operation in OPERATIONS.items() if operation.variables]
# What these would carry out if by accident it were valid is nobody's to choose at random.
EXECUTING = {"session.shell", "session.command"}
# These answer when somebody does something.
WAITING = {"tui.control.next", "mcp.auth.authenticate"}
LOCATION = re.compile(r"Traceback|File \"|\.py\b|oad/")


@pytest.fixture(scope="module", autouse=True)
def survivors(shared: Server) -> Iterator[None]:
    """In the end the same processes must be serving, and none of them may have stumbled."""
    before = [process.pid for name in ("oad-daemon", "oad-gateway") for process in shared.named(name)]
    yield
    after = [process.pid for name in ("oad-daemon", "oad-gateway") for process in shared.named(name)]
    assert after == before
    assert "Traceback" not in shared.log.read_text()


@pytest.fixture
async def http(shared: Server) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=shared.url, timeout=10, trust_env=False, verify=False) as client:
        yield client
        assert (await client.get("/session/status")).status_code == 200


async def send(http: httpx2.AsyncClient, operation: Operation, path: str, body: bytes = b"") -> httpx2.Response:
    headers = {"content-type": "application/json"}
    return judged(await http.request(operation.method, path, content=body, headers=headers))


def judged(response: httpx2.Response) -> httpx2.Response:
    """What holds for every answer: no failure of the server's, and a refusal is in JSON and shows no code."""
    path = str(response.request.url.raw_path, "ascii")
    said = f"{response.request.method} {path[:120]}: {response.status_code} {response.text[:300]}"
    assert response.status_code < 500, said
    if response.status_code >= 400 and response.content:
        failure = response.json()
        assert "name" in failure or "_tag" in failure, said
        assert not LOCATION.search(response.text), said
    return response


def path_of(operation: Operation, value: str | Callable[[str], str]) -> str:
    """The operation's path with every variable set to the same, or to what the function gives for its name."""
    choose = value if callable(value) else lambda _: value
    return re.sub(r"{(\w+)}", lambda match: choose(match[1]), operation.path)


def unknown(variable: str) -> str:
    prefixes = {"sessionID": "ses_", "messageID": "msg_", "partID": "prt_", "permissionID": "per_", "requestID": "per_"}
    prefixes["jobID"] = "job_"
    return prefixes.get(variable, "") + "unknown000"


# --- bodies ---------------------------------------------------------------------------------------------------------

NOT_JSON = [b"{", b'{"parts":', b"{'a': 1}", b"\xff\xfe{}", b"nonsense", b'{"a": NaN}', b'"\\ud800"x', b"[" * 100_000]
NO_OBJECT = [b"[]", b"5", b'"text"', b"null", b"true"]


@pytest.mark.parametrize("name", WITH_BODY)
async def test_bodies_that_are_no_objects(http: httpx2.AsyncClient, shared: Server, name: str) -> None:
    operation = OPERATIONS[name]
    session = await shared.create()
    path = path_of(operation, lambda variable: session if variable == "sessionID" else unknown(variable))
    for body in NOT_JSON if operation.body is Any else [*NOT_JSON, *NO_OBJECT]:
        response = await send(http, operation, path, body)
        assert response.status_code == 400, (body[:20], response.text)


@pytest.mark.parametrize(
    ("name", "body", "key"),
    [
        ("session.create", {"title": 5}, None),  # its clients know no more than that it was bad
        ("session.create", {"parentID": "nonsense"}, None),
        ("session.update", {"title": []}, "title"),
        ("session.update", {"time": {"archived": "yes"}}, "archived"),
        ("session.update", {"permission": [{"permission": "bash"}]}, "pattern"),
        ("session.prompt", {}, "parts"),
        ("session.prompt", {"parts": {}}, "parts"),
        ("session.prompt", {"parts": [{"type": "nonsense"}]}, "parts"),
        ("session.prompt", {"parts": [{"type": "text"}]}, "text"),
        ("session.prompt", {"parts": [{"type": "text", "text": 5}]}, "text"),
        ("session.prompt", {"parts": [], "messageID": "nonsense"}, "messageID"),
        ("session.prompt", {"parts": [{"type": "text", "text": "x", "id": "nonsense"}]}, "id"),
        ("session.prompt", {"parts": [], "model": {"providerID": "fake"}}, "modelID"),
        ("session.prompt", {"parts": [], "tools": {"bash": "no"}}, "bash"),
        ("session.prompt_async", {"parts": 5}, "parts"),
        ("session.shell", {"command": 5}, "command"),
        ("session.command", {"arguments": "x"}, "command"),
        ("session.summarize", {"providerID": "fake"}, "modelID"),
        ("session.init", {}, "providerID"),
        ("auth.set", {"type": "nonsense"}, "type"),
        ("app.log", {"service": "s", "level": "shout", "message": "m"}, "level"),
    ],
)
async def test_wrong_values_are_named(
    http: httpx2.AsyncClient, shared: Server, name: str, body: Json, key: str | None
) -> None:
    session = await shared.create()
    path = path_of(OPERATIONS[name], lambda variable: session if variable == "sessionID" else unknown(variable))
    response = await send(http, OPERATIONS[name], path, json.dumps(body).encode())
    assert response.status_code == 400
    if key is None:
        assert response.json() == {"_tag": "BadRequest"}
    else:
        assert response.json()["name"] == "BadRequest"
        assert key in response.json()["data"]["message"]
    assert await shared.statuses() == {}


async def test_a_body_that_is_too_large(http: httpx2.AsyncClient, shared: Server) -> None:
    session = await shared.create()
    text = json.dumps({"parts": [{"type": "text", "text": "x" * (33 * 1024 * 1024)}]}).encode()
    operation = OPERATIONS["session.prompt"]
    assert (await send(http, operation, path_of(operation, session), text)).status_code == 413

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(34):
            yield b" " * 1024 * 1024

    response = await http.post(path_of(operation, session), content=chunks())
    assert response.status_code == 413
    assert response.json()["name"] == "PayloadTooLargeError"


# --- ids, paths and queries -----------------------------------------------------------------------------------------

HOSTILE = [
    "%00",
    "ses_%00",
    "..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e",
    "%2e",
    "ses_%2e%2e%2f%2e%2e",
    "ses_" + "a" * 5000,
    "ses_%F0%9F%92%A5%C3%A4",
    "%FF%FE",
    "ses_%FF",
    "ses_%0d%0aset-cookie:%20a=b",
    "ses_%27%20OR%201=1--",
    "%3Cscript%3E",
    "*",
    "%25s%25n",
    "-",
    "ses_%E2%80%AE%E2%80%8B",
]


@pytest.mark.parametrize("name", WITH_VARIABLES)
async def test_hostile_ids(http: httpx2.AsyncClient, name: str) -> None:
    operation = OPERATIONS[name]
    body = b"" if operation.body is None else b"{}"
    for value in [*HOSTILE, *(value.replace("ses", "msg") for value in HOSTILE)]:
        response = await send(http, operation, path_of(operation, value), body)
        assert "set-cookie" not in response.headers
        if "sessionID" in operation.variables:
            assert response.status_code in (400, 404), (value, response.text)


@pytest.mark.parametrize("name", [name for name in WITH_VARIABLES if "sessionID" in OPERATIONS[name].variables])
async def test_unknown_ids(http: httpx2.AsyncClient, name: str) -> None:
    """A few have nothing to say against them, as their clients expect."""
    operation = OPERATIONS[name]
    response = await send(http, operation, path_of(operation, unknown), VALID.get(name, b"{}"))
    lenient = {"session.abort", "session.diff", "session.abortReceipt", "experimental.session.background"}
    assert response.status_code == 404 or name in lenient, response.text


VALID = {
    "session.prompt": b'{"parts":[]}',
    "session.revert": b'{"messageID":"msg_unknown000"}',
    "session.prompt_async": b'{"parts":[]}',
    "session.shell": b'{"command":"true","agent":"build"}',
    "session.command": b'{"command":"greet","arguments":""}',
    "session.summarize": b'{"providerID":"fake","modelID":"fake-1"}',
    "session.init": b'{"providerID":"fake","modelID":"fake-1","messageID":"msg_1"}',
    "permission.respond": b'{"response":"once"}',
    "part.update": b'{"id":"prt_unknown000","sessionID":"ses_unknown000","messageID":"msg_unknown000",'
    b'"type":"text","text":"x"}',
}


@pytest.mark.parametrize("path", ["/nope", "/api/nope", "/session/ses_x/nope", "/%2e%2e/%2e%2e/etc/passwd", "/a%00b"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_unknown_paths(http: httpx2.AsyncClient, method: str, path: str) -> None:
    response = await http.request(method, path)
    assert response.status_code in ((400,) if "%00" in path else (404,))
    assert response.headers["content-type"].startswith("application/json")
    assert response.json()["data"]["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/session"),
        ("DELETE", "/config"),
        ("POST", "/agent"),
        ("PATCH", "/session/ses_x/message"),
        ("POST", "/event"),
    ],
)
async def test_wrong_methods(http: httpx2.AsyncClient, method: str, path: str) -> None:
    response = await http.request(method, path)
    assert response.status_code == 405
    assert "GET" in response.headers["allow"]
    assert response.json()["name"] == "MethodNotAllowed"


@pytest.mark.parametrize(
    "query",
    [
        "directory=%00",
        "directory=a%00b",
        "directory=" + "%2Fx" * 5000,
        "directory=" + "x" * 9000,
        "directory=%FF%FE",
        "directory=one&directory=two",
        "limit=NaN",
        "limit=1e999",
        "limit=" + "9" * 400,
        "start=abc",
        "roots=perhaps",
        "search=%25%27%22%00",
        "scope=everything",
        "a=%",
        "&&&==&",
    ],
)
@pytest.mark.parametrize("name", ["session.list", "experimental.session.list", "v2.session.list", "config.get"])
async def test_queries(http: httpx2.AsyncClient, name: str, query: str) -> None:
    await send(http, OPERATIONS[name], f"{OPERATIONS[name].path}?{query}")


async def test_a_directory_header(http: httpx2.AsyncClient) -> None:
    for value in ("%00", "relative/../../..", "%FF", "x" * 9000):
        response = await http.get("/session", headers={"x-opencode-directory": value})
        assert response.status_code < 500


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /session HTTP/1.1\r\n\r\n",
        b"POST /session HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        b"POST /session HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}",
        b"POST /session HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)
async def test_no_http(http: httpx2.AsyncClient, shared: Server, raw: bytes) -> None:
    """Refused or cut off; what matters is that the others are still served."""
    host, port = shared.url.removeprefix("http://").split(":")
    stream = await trio.open_tcp_stream(host, int(port))
    with trio.move_on_after(2):
        try:
            await stream.send_all(raw)
            await stream.send_eof()
            answer = await stream.receive_some(4096)
        except trio.BrokenResourceError:
            answer = b""
        assert not answer.startswith(b"HTTP/1.1 5")
    await stream.aclose()


# --- configuration --------------------------------------------------------------------------------------------------

OF_A_DIRECTORY = [
    "/config",
    "/config/providers",
    "/provider",
    "/agent",
    "/command",
    "/skill",
    "/path",
    "/mcp",
    "/api/agent",
]


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        ('{\n  "model": "fake/fake-1",\n  "agent": {,}\n}\n', "ConfigJsonError", {"line": 3, "column": 13}),
        ('{"model": 5}', "ConfigInvalidError", {"issues": [{"path": ["model"]}]}),
        (
            '{"agent": {"x": {"mode": "nonsense"}}}',
            "ConfigInvalidError",
            {"issues": [{"path": ["agent", "x", "mode"]}]},
        ),
        ('{"provider": []}', "ConfigInvalidError", {"issues": [{"path": ["provider"]}]}),
        ("[]", "ConfigInvalidError", {}),
    ],
)
async def test_a_bad_configuration_file(
    http: httpx2.AsyncClient, place: Path, text: str, name: str, found: dict[str, Json]
) -> None:
    file = place / "opencode.json"
    file.write_text(text)
    for path in OF_A_DIRECTORY:
        response = await http.get(path, params={"directory": str(place), "location[directory]": str(place)})
        assert response.status_code == 400, (path, response.text)
        failure = response.json()
        assert failure["name"] == name, (path, failure)
        assert failure["data"]["path"] == str(file)
        assert failure["data"]["message"]
        assert {key: failure["data"][key] for key in found if key != "issues"} == {
            key: value for key, value in found.items() if key != "issues"
        }
        if "issues" in found:
            assert [issue["path"] for issue in failure["data"]["issues"]] == [i["path"] for i in found["issues"]]
    file.write_text("{}")
    os.utime(file, (1, 1))  # not as new as the one before
    response = await http.get("/config", params={"directory": str(place)})
    assert response.status_code == 200, "mended, and not noticed"


async def test_a_prompt_where_the_configuration_is_bad(http: httpx2.AsyncClient, place: Path) -> None:
    (place / "opencode.json").write_text("{")
    headers = {"x-opencode-directory": quote(str(place))}
    created = await http.post("/session", json={}, headers=headers)
    if created.status_code == 400:
        assert created.json()["name"] == "ConfigJsonError"
        return
    response = await http.post(f"/session/{created.json()['id']}/message", json={"parts": []})
    assert response.status_code == 400
    assert response.json()["name"] == "ConfigJsonError"


# --- anything -------------------------------------------------------------------------------------------------------

KEYS = st.sampled_from(
    [
        "parts",
        "title",
        "type",
        "text",
        "model",
        "providerID",
        "modelID",
        "agent",
        "permission",
        "id",
        "messageID",
        "time",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
PATH_VALUES = st.sampled_from(["ses_a", "msg_a", "prt_a", "per_a", "que_a", "fake"]) | st.text(min_size=1, max_size=12)


@given(
    name=st.sampled_from(sorted(set(OPERATIONS) - EXECUTING - WAITING)),
    value=PATH_VALUES,
    body=st.dictionaries(KEYS, JSON, max_size=5) | JSON,
    query=st.dictionaries(
        st.sampled_from(["limit", "before", "search", "start", "cursor", "order", "types"]), st.text()
    ),
)
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
def test_anything(shared: Server, name: str, value: str, body: Json, query: dict[str, str]) -> None:
    operation = OPERATIONS[name]
    with httpx2.Client(base_url=shared.url, timeout=10, trust_env=False, verify=False) as http:
        session = http.post("/session", json={}).json()["id"]
        path = path_of(operation, lambda v: session if v == "sessionID" and len(value) % 2 else quote(value, safe=""))
        text = "&".join(f"{key}={quote(word.encode(errors='replace'))}" for key, word in query.items())
        content = b"" if operation.body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        judged(http.request(operation.method, f"{path}?{text}", content=content, headers=headers))


async def test_and_prompts_still_work(shared: Server) -> None:
    session = await shared.create()
    assert "error" not in (await shared.prompt(session, "hello"))["info"]
