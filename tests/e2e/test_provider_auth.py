"""Logging in to a provider over HTTP, against an authorization server of one's own; the token reaches the model."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import trio

from tests.authorization_server import CLIENT, AuthorizationServer, authorization_server, browse

from .model import Model
from .server import Json, Server


@pytest.fixture
def issuer() -> Iterator[AuthorizationServer]:
    with authorization_server() as server:
        yield server


@pytest.fixture
async def guarded(make_server: Callable[..., Server], model: Model, issuer: AuthorizationServer, place: Path) -> Server:
    """Its provider ``corp`` has no key: one logs in."""
    server = make_server()
    configuration: Json = model.configuration(model="corp/fake-1", small_model="corp/fake-1")
    fake = configuration["provider"].pop("fake")
    del fake["options"]["apiKey"]
    configuration["provider"]["corp"] = fake
    (server.project / "opencode.json").write_text(json.dumps(configuration))
    (place / "oad.toml").write_text(
        f"""
[[oauth.corp]]
label = "Log in with Corp"
authorize_url = "{issuer.url}/authorize"
token_url = "{issuer.url}/token"
client_id = "{CLIENT}"
prompts = [{{ type = "text", key = "team", message = "Which team?" }}]

[[oauth.corp]]
label = "Log in with a code"
flow = "code"
authorize_url = "{issuer.url}/authorize"
token_url = "{issuer.url}/token"
client_id = "{CLIENT}"
redirect_uri = "https://corp.example/shown"
"""
    )
    await server.start("--config", str(place / "oad.toml"))
    return server


def bearer(model: Model) -> str:
    return str(model.requests()[-1]["headers"]["authorization"])


async def test_the_methods_are_listed_in_the_order_of_their_numbers(guarded: Server) -> None:
    methods = await guarded.ask("GET", "/provider/auth")
    assert methods["corp"] == [
        {
            "type": "oauth",
            "label": "Log in with Corp",
            "prompts": [{"type": "text", "key": "team", "message": "Which team?"}],
        },
        {"type": "oauth", "label": "Log in with a code"},
        {"type": "api", "label": "API key"},
    ]
    assert methods["openrouter"][0]["type"] == "oauth"
    assert methods["anthropic"] == [{"type": "api", "label": "API key"}]


async def test_a_login_by_the_browser(guarded: Server, model: Model, issuer: AuthorizationServer) -> None:
    path = "/provider/corp/oauth"
    refused = await guarded.ask("POST", f"{path}/authorize", {"method": 0}, status=400)
    assert (refused["name"], refused["data"]["field"]) == ("ProviderAuthValidationFailed", "team")
    begun = await guarded.ask("POST", f"{path}/authorize", {"method": 0, "inputs": {"team": "x"}})
    assert (begun["method"], begun["url"].startswith(issuer.url)) == ("auto", True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(guarded.ask, "POST", f"{path}/callback", {"method": 0})
        await trio.to_thread.run_sync(browse, begun["url"])
    model.reset()
    await guarded.prompt(await guarded.create(), "hello")
    assert bearer(model) == f"Bearer {issuer.issued[0]}"
    missing = await guarded.ask("POST", f"{path}/callback", {"method": 0}, status=400)
    assert missing == {"name": "ProviderAuthOauthMissing", "data": {"providerID": "corp"}}


async def test_a_login_by_a_code_and_its_renewal(guarded: Server, model: Model, issuer: AuthorizationServer) -> None:
    """The token ends at once: each turn needs a new one, and nobody but the daemon has what renews it."""
    issuer.expires_in = 30
    begun = await guarded.ask("POST", "/provider/corp/oauth/authorize", {"method": 1})
    asked = dict(part.split("=") for part in begun["url"].partition("?")[2].split("&"))
    shown = issuer.authorize({**asked, "redirect_uri": "https://corp.example/shown"})
    code = shown.partition("code=")[2].replace("&state=", "#")
    assert await guarded.ask("POST", "/provider/corp/oauth/callback", {"method": 1, "code": code}) is True
    session = await guarded.create(title="given")
    model.reset()
    await guarded.prompt(session, "hello")
    assert bearer(model) == f"Bearer {issuer.issued[1]}"
    issuer.expires_in = 3600
    kept = json.loads((guarded.data / "auth.json").read_text())["corp"]
    assert kept["refresh"] in issuer.refreshable
    assert kept["refresh"] not in guarded.logged()
    assert not any(kept["refresh"] in str(process.environ()) for process in guarded.processes())


def oad(server: Server, *arguments: str, text: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "oad.cli.main", "auth", arguments[0], "--data-dir", str(server.data)]
    return subprocess.run([*command, *arguments[1:]], input=text, capture_output=True, text=True, check=False)


async def test_credentials_are_taken_over_from_the_other_program(server: Server, place: Path) -> None:
    theirs = {
        "deepseek": {"type": "api", "key": "their-key-1"},
        "anthropic": {"type": "oauth", "access": "their-access-1", "refresh": "their-refresh-1", "expires": 1},
        "odd": {"type": "unheard"},
    }
    (place / "auth.json").write_text(json.dumps(theirs))
    done = await trio.to_thread.run_sync(oad, server, "import", str(place / "auth.json"))
    assert (done.returncode, done.stdout) == (1, "deepseek: stored\nanthropic: stored\n")
    assert "odd is left out" in done.stderr
    assert "their-key-1" not in done.stdout + done.stderr
    kept = json.loads((server.data / "auth.json").read_text())
    assert kept == {name: theirs[name] for name in ("deepseek", "anthropic")}
    assert "deepseek" in (await server.ask("GET", "/provider"))["connected"]


async def test_a_login_from_the_command_line(guarded: Server, issuer: AuthorizationServer) -> None:
    refused = await trio.to_thread.run_sync(oad, guarded, "login", "nope")
    assert (refused.returncode, "there are: none" in refused.stderr) == (1, True)
    wrong = await trio.to_thread.run_sync(partial(oad, guarded, "login", "corp", "--method", "1", text="wrong\n"))
    assert (wrong.returncode, "The code is not valid" in wrong.stderr) == (1, True)
    assert issuer.url in wrong.stdout


async def test_credentials_can_be_given_by_the_environment(make_server: Callable[..., Server], model: Model) -> None:
    given = {"corp": {"type": "api", "key": "given-key-123"}}
    server = make_server(environment={"OPENCODE_AUTH_CONTENT": json.dumps(given)})
    configuration: Json = model.configuration(model="corp/fake-1")
    fake = configuration["provider"].pop("fake")
    del fake["options"]["apiKey"]
    configuration["provider"]["corp"] = fake
    (server.project / "opencode.json").write_text(json.dumps(configuration))
    await server.start()
    model.reset()
    await server.prompt(await server.create(title="given"), "hello")
    assert bearer(model) == "Bearer given-key-123"
    assert not (server.data / "auth.json").exists()
    assert all("given-key-123" not in str(process.environ()) for process in server.processes())
