from typing import Any

import pytest
import trio

from oad.contract.ids import now_ms
from oad.contract.oauth import OAuthMethod
from oad.daemon.oauth.logins import Logins
from oad.daemon.oauth.renewal import Renewal
from tests.authorization_server import CLIENT, AuthorizationServer

Entry = dict[str, Any]


class Bench:
    def __init__(self, provider: AuthorizationServer, **fields: Any) -> None:
        self.entries: dict[str, Entry] = {}
        self.stored = 0
        method = OAuthMethod(
            label="Log in", authorize_url=provider.url, token_url=f"{provider.url}/token", client_id=CLIENT
        )
        self.renewal = Renewal(Logins({"p": (method,)}, self.store, {}), self.store)
        provider.refreshable.add("r1")
        self.entries["p"] = {"type": "oauth", "access": "a1", "refresh": "r1", "expires": now_ms() - 1, **fields}

    async def store(self, provider: str, entry: Entry) -> None:
        self.entries[provider] = entry
        self.stored += 1

    async def freshen(self, name: str = "p") -> None:
        await self.renewal.freshen(name, lambda: self.entries)


async def test_a_token_that_ends_is_renewed_once_for_all_who_ask(provider: AuthorizationServer) -> None:
    bench = Bench(provider, login={"method": "Log in", "inputs": {}})
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(bench.freshen)
    entry = bench.entries["p"]
    assert (bench.stored, entry["access"]) == (1, provider.issued[0])
    assert entry["refresh"] in provider.refreshable
    assert entry["expires"] > now_ms() + 3_500_000
    assert entry["login"]["method"] == "Log in"
    await bench.freshen()
    assert bench.stored == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"expires": now_ms() + 3_600_000},
        {"expires": 0},
        {"refresh": ""},
        {"type": "api"},
        {"login": {"method": "another"}},
    ],
)
async def test_what_needs_no_renewal_or_has_none(provider: AuthorizationServer, fields: Entry) -> None:
    bench = Bench(provider, **fields)
    await bench.freshen()
    await bench.freshen("unknown")
    assert (bench.stored, provider.requests) == (0, [])


async def test_an_imported_credential_is_renewed_by_the_only_method(provider: AuthorizationServer) -> None:
    bench = Bench(provider)
    await bench.freshen()
    assert bench.stored == 1


async def test_a_refusal_keeps_the_old_token_and_is_not_asked_for_again_at_once(provider: AuthorizationServer) -> None:
    bench = Bench(provider, refresh="used")
    await bench.freshen()
    await bench.freshen()
    assert (bench.stored, len(provider.requests), bench.entries["p"]["access"]) == (0, 1, "a1")
