from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from oad.contract.errors import ApiError
from oad.contract.oauth import OAuthMethod
from oad.daemon.oauth.logins import Logins
from tests.authorization_server import CLIENT, AuthorizationServer, NoPage, browse

Entry = dict[str, Any]


def method(provider: AuthorizationServer, **fields: Any) -> OAuthMethod:
    return OAuthMethod(
        **{
            "label": "Log in",
            "authorize_url": f"{provider.url}/authorize",
            "token_url": f"{provider.url}/token",
            "client_id": CLIENT,
            **fields,
        }
    )


@asynccontextmanager
async def logins(*methods: OAuthMethod) -> AsyncGenerator[tuple[Logins, dict[str, Entry]]]:
    kept: dict[str, Entry] = {}

    async def keep(provider: str, entry: Entry) -> None:
        kept[provider] = entry

    made = Logins({"p": methods}, keep, {})
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(made.run)
            await trio.testing.wait_all_tasks_blocked()
            yield made, kept
            nursery.cancel_scope.cancel()


async def open_page(url: str) -> str:
    return await trio.to_thread.run_sync(browse, url)


async def refused(made: Logins, code: str | None = None, index: int = 0) -> tuple[str, str]:
    with pytest.raises(ApiError) as caught:
        await made.callback("p", index, code)
    assert caught.value.status == 400
    return caught.value.body["name"], caught.value.body["data"].get("message", "")


async def test_the_browser_comes_back_by_itself(provider: AuthorizationServer) -> None:
    async with logins(method(provider)) as (made, kept):
        begun = await made.authorize("p", 0, None)
        assert begun.method == "auto"
        assert "logged in" in await open_page(begun.url)
        await made.callback("p", 0, None)
        assert kept["p"]["access"] == provider.issued[0]
        assert (await refused(made))[0] == "ProviderAuthOauthMissing"  # it is over


async def test_a_client_may_wait_before_the_browser_comes(provider: AuthorizationServer) -> None:
    async with logins(method(provider)) as (made, kept):
        begun = await made.authorize("p", 0, None)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(made.callback, "p", 0, None)
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert kept == {}
            await open_page(begun.url)
        assert kept["p"]["type"] == "oauth"


async def test_the_address_can_be_pasted_when_the_browser_runs_elsewhere(provider: AuthorizationServer) -> None:
    async with logins(method(provider)) as (made, kept):
        begun = await made.authorize("p", 0, None)
        asked = dict(part.split("=") for part in begun.url.partition("?")[2].split("&"))
        where = provider.authorize({name: text.replace("%3A", ":").replace("%2F", "/") for name, text in asked.items()})
        await made.callback("p", 0, where)
        assert kept["p"]["access"] == provider.issued[0]


async def test_codes_that_are_shown(provider: AuthorizationServer) -> None:
    async with logins(method(provider, flow="code", redirect_uri="https://shown")) as (made, kept):
        begun = await made.authorize("p", 0, None)
        assert begun.method == "code"
        assert (await refused(made))[0] == "ProviderAuthOauthCodeMissing"
        assert (await refused(made, "x#theirs"))[0] == "ProviderAuthOauthCallbackFailed"
        assert await refused(made, "wrong") == ("ProviderAuthOauthCallbackFailed", "The code is not valid")
        assert (await refused(made, "wrong"))[0] == "ProviderAuthOauthMissing"
        assert kept == {}


async def test_somebody_else_s_code_is_not_taken(provider: AuthorizationServer) -> None:
    async with logins(method(provider)) as (made, kept):
        begun = await made.authorize("p", 0, None)
        port = begun.url.partition("localhost%3A")[2].partition("%2F")[0]
        for path in ("oauth/callback?code=theirs", "oauth/callback?code=theirs&state=guess", "", "other"):
            with pytest.raises(NoPage):
                await open_page(f"http://localhost:{port}/{path}")
        await open_page(begun.url)
        await made.callback("p", 0, None)
        assert kept["p"]["access"] == provider.issued[0]


async def test_a_person_says_no(provider: AuthorizationServer) -> None:
    provider.denies = True
    async with logins(method(provider)) as (made, kept):
        begun = await made.authorize("p", 0, None)
        assert "refused" in await open_page(begun.url)
        assert await refused(made) == ("ProviderAuthOauthCallbackFailed", "You said no")
        assert kept == {}


async def test_a_login_expires(provider: AuthorizationServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oad.daemon.oauth.logins.LIFETIME_S", 0.05)
    async with logins(method(provider)) as (made, kept):
        begun = await made.authorize("p", 0, None)
        assert "expired" in (await refused(made))[1]
        with pytest.raises(NoPage):
            await open_page(begun.url)  # nobody listens any more
        assert kept == {}


async def test_a_new_attempt_takes_the_place_of_the_last(provider: AuthorizationServer) -> None:
    async with logins(method(provider), method(provider, flow="code", redirect_uri="https://x")) as (made, kept):
        first = await made.authorize("p", 0, None)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refused, made)  # who waits for it is told
            await trio.testing.wait_all_tasks_blocked(0.01)
            await made.authorize("p", 1, None)
        with pytest.raises(NoPage):
            await open_page(first.url)
        assert (await refused(made, "x", index=0))[0] == "ProviderAuthOauthMissing"
        assert kept == {}


async def test_a_device(provider: AuthorizationServer) -> None:
    provider.pending = 2
    async with logins(method(provider, flow="device", device_url=f"{provider.url}/device")) as (made, kept):
        begun = await made.authorize("p", 0, None)
        assert (begun.url, begun.instructions) == (f"{provider.url}/activate", "Enter code: ABCD-EFGH")
        await made.callback("p", 0, None)
        assert kept["p"]["access"] == provider.issued[0]
        assert len([path for path, _ in provider.requests if path == "/token"]) == 3


async def test_a_device_that_is_refused(provider: AuthorizationServer) -> None:
    provider.denies = True
    async with logins(method(provider, flow="device", device_url=f"{provider.url}/device")) as (made, kept):
        await made.authorize("p", 0, None)
        assert "access_denied" in (await refused(made))[1]
        assert kept == {}


async def test_a_code_becomes_a_key(provider: AuthorizationServer) -> None:
    by_key = method(provider, style="key-exchange", token_url=f"{provider.url}/keys", body="json", client_id="")
    async with logins(by_key) as (made, kept):
        begun = await made.authorize("p", 0, None)
        assert "state=" not in begun.url
        await open_page(begun.url)
        await made.callback("p", 0, None)
        assert kept["p"] == {"type": "api", "key": "sk-lasting-key-1"}


async def test_what_there_is_no_login_for(provider: AuthorizationServer) -> None:
    async with logins(method(provider)) as (made, _):
        for name, index in (("q", 0), ("p", 1), ("p", -1)):
            with pytest.raises(ApiError) as caught:
                await made.authorize(name, index, None)
            assert caught.value.body == {"name": "ProviderAuthOauthMissing", "data": {"providerID": name}}
        assert (await refused(made))[0] == "ProviderAuthOauthMissing"


async def test_a_provider_that_cannot_be_reached() -> None:
    nowhere = OAuthMethod(
        label="l", token_url="http://127.0.0.1:1", device_url="http://127.0.0.1:1", client_id="c", flow="device"
    )
    async with logins(nowhere) as (made, _):
        with pytest.raises(ApiError) as caught:
            await made.authorize("p", 0, None)
        assert "can't be reached" in caught.value.body["data"]["message"]
