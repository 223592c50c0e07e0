"""Links to sessions, of a real server with a password: what they open, and what they do not."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from .clients import node_modules, run_client
from .model import Model
from .server import Json, Server, until

PASSWORD = "open sesame"
SECRET = "<script>alert('x')</script>"


@pytest.fixture
def start(make_server: Callable[..., Server], model: Model, place: Path) -> Callable[..., object]:
    async def start(policy: str = "", environment: dict[str, str] | None = None, **configuration: Json) -> Server:
        server = make_server(environment={"OPENCODE_SERVER_PASSWORD": PASSWORD, **(environment or {})})
        settings = {"share": "manual", **configuration}
        (server.project / "opencode.json").write_text(json.dumps(model.configuration(**settings)))
        (place / "oad.toml").write_text(policy)
        await server.start("--config", str(place / "oad.toml"))
        return server

    return start


async def fetch(server: Server, method: str, path: str, body: Json = None, *, user: bool = False) -> httpx2.Response:
    auth = httpx2.BasicAuth("opencode", PASSWORD) if user else None
    async with httpx2.AsyncClient(base_url=server.url, auth=auth, timeout=20) as client:
        return await client.request(method, path, json=body)


async def talk(server: Server) -> str:
    made = (await fetch(server, "POST", "/session", {"title": SECRET}, user=True)).json()
    body = {"parts": [{"type": "text", "text": f"say {SECRET}"}]}
    assert (await fetch(server, "POST", f"/session/{made['id']}/message", body, user=True)).status_code == 200
    return str(made["id"])


async def test_a_link_opens_its_session_and_nothing_else(start: Callable[..., object]) -> None:
    server: Server = await start()  # type: ignore[misc]
    session = await talk(server)
    shared = (await fetch(server, "POST", f"/session/{session}/share", user=True)).json()
    url = shared["share"]["url"]
    assert url.startswith(f"{server.url}/share/") and len(url.rpartition("/")[2]) == 32
    path = url.removeprefix(server.url)
    page = await fetch(server, "GET", path)
    assert page.status_code == 200 and "&lt;script&gt;alert" in page.text and SECRET not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["content-type"].startswith("text/html") and page.headers["cache-control"] == "no-store"
    data = (await fetch(server, "GET", f"{path}/data")).json()
    assert data["session"]["title"] == SECRET and "directory" not in data["session"]
    assert [message["info"]["role"] for message in data["messages"]] == ["user", "assistant"]
    for other in ("/session", f"/session/{session}", "/share/", f"{path}/data/x", f"{path}/../../session", "/doc"):
        assert (await fetch(server, "GET", other)).status_code == 401, other
    assert (await fetch(server, "POST", path)).status_code == 401
    assert (await fetch(server, "GET", f"/share/{'x' * 32}")).status_code == 404
    again = (await fetch(server, "POST", f"/session/{session}/share", user=True)).json()
    assert again["share"]["url"] == url


async def test_a_link_ends_with_its_sharing_and_with_its_session(start: Callable[..., object]) -> None:
    server: Server = await start()  # type: ignore[misc]
    session = await talk(server)
    paths: list[str] = []
    for _ in range(2):
        shared = (await fetch(server, "POST", f"/session/{session}/share", user=True)).json()
        paths.append(shared["share"]["url"].removeprefix(server.url))
        if len(paths) == 1:
            taken = (await fetch(server, "DELETE", f"/session/{session}/share", user=True)).json()
            assert "share" not in taken
    assert paths[0] != paths[1]
    assert [(await fetch(server, "GET", path)).status_code for path in paths] == [404, 200]
    fork = (await fetch(server, "POST", f"/session/{session}/fork", {}, user=True)).json()
    assert "share" not in fork
    await fetch(server, "DELETE", f"/session/{session}", user=True)
    assert (await fetch(server, "GET", paths[1])).status_code == 404
    audit = "".join(file.read_text() for file in (server.data / "audit").glob("*") if file.is_file())
    assert '"session.share"' in audit and '"session.unshare"' in audit and '"share.opened"' in audit


async def test_a_link_expires(start: Callable[..., object]) -> None:
    server: Server = await start("[share]\nexpire_h = 0.0005\nurl = 'https://oad.example.org/'\n")  # type: ignore[misc]
    session = await talk(server)
    shared = (await fetch(server, "POST", f"/session/{session}/share", user=True)).json()
    name = shared["share"]["url"].removeprefix("https://oad.example.org/share/")

    async def over() -> bool:
        return (await fetch(server, "GET", f"/share/{name}")).status_code == 404

    assert not await over()
    await until(over, "the link has expired")
    assert (await fetch(server, "POST", f"/session/{session}/share", user=True)).json() != shared


@pytest.mark.parametrize("how", ["project", "environment", "operator"])
async def test_sharing_can_be_switched_off(start: Callable[..., object], how: str) -> None:
    server: Server = await start(  # type: ignore[misc]
        "[share]\nenabled = false\n" if how == "operator" else "",
        {"OPENCODE_DISABLE_SHARE": "1"} if how == "environment" else None,
        share="disabled" if how == "project" else "auto",
    )
    session = await talk(server)
    refused = await fetch(server, "POST", f"/session/{session}/share", user=True)
    assert refused.status_code == 403 and refused.json()["name"] == "ForbiddenError"
    assert "share" not in (await fetch(server, "GET", f"/session/{session}", user=True)).json()


async def test_a_project_can_share_every_session(start: Callable[..., object]) -> None:
    server: Server = await start(share="auto")  # type: ignore[misc]
    session = await talk(server)

    async def shared() -> bool:
        return "share" in (await fetch(server, "GET", f"/session/{session}", user=True)).json()

    await until(shared, "the session is shared")
    await fetch(server, "DELETE", f"/session/{session}/share", user=True)
    body = {"parts": [{"type": "text", "text": "again"}]}
    await fetch(server, "POST", f"/session/{session}/message", body, user=True)
    assert not await shared()  # what was taken back stays so


@pytest.mark.parametrize("setting", ["manual", "auto"])
async def test_the_clients_own_run_shares(start: Callable[..., object], place: Path, setting: str) -> None:
    """``run --share`` asks for a link, and prints it; with sharing of its own accord it finds one."""
    opencode = str(node_modules("opencode-ai") / ".bin" / "opencode")
    server: Server = await start(share=setting)  # type: ignore[misc]
    (home := place / "client").mkdir()
    options = ["--share"] if setting == "manual" else []
    command = [opencode, "run", "--attach", server.url, "--password", PASSWORD, *options, "hello"]
    ended = await run_client(command, home=home, cwd=server.project)
    assert ended.status == 0, ended.text
    (session,) = (await fetch(server, "GET", "/session", user=True)).json()
    url = session["share"]["url"]
    assert url in ended.text
    page = await fetch(server, "GET", url.removeprefix(server.url))
    assert page.status_code == 200 and "hello" in page.text
