"""Logins are told once, and never without bound."""

import trio
import trio.testing

from oad.contract.wire import Origin
from oad.gateway.logins import AGAIN_S, LoginReports


async def told(reports: LoginReports) -> list[tuple[dict[str, str], Origin]]:
    found: list[tuple[dict[str, str], Origin]] = []

    async def tell(params: dict[str, str], origin: Origin) -> None:
        found.append((params, origin))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reports.run, tell)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return found


async def test_a_success_is_told_once_for_each_address_and_window() -> None:
    reports = LoginReports()
    for now in (0, 1, AGAIN_S - 1):
        reports.succeeded("a", "192.0.2.1", now)
    reports.succeeded("a", "192.0.2.2", 1)
    reports.succeeded("a", "192.0.2.1", AGAIN_S)
    assert [origin.address for _, origin in await told(reports)] == ["192.0.2.1", "192.0.2.2", "192.0.2.1"]


async def test_what_could_not_wait_is_counted() -> None:
    reports = LoginReports()
    for _ in range(130):
        reports.failed("192.0.2.1", "GET", "/x" * 500)
    found = await told(reports)
    assert len(found) == 100
    assert found[0][0]["before"] == "30"
    assert len(found[0][0]["path"]) == 200
