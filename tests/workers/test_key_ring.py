import time
from typing import Any, cast

import pytest

from oad.workers.config.project import ProjectSetup
from oad.workers.environment import Keys
from oad.workers.key_ring import KeyRing, runs_out
from oad.workers.providers.registry import Registry

SETUP = cast("ProjectSetup", None)


def ending_in(seconds: float) -> dict[str, Any]:
    return {"type": "oauth", "access": "a", "expires": (time.time() + seconds) * 1000}


class Ring(KeyRing):
    def __init__(self, credentials: dict[str, Any]) -> None:
        self.asked: list[str] = []
        super().__init__(SETUP, credentials, lambda _, known: cast("Registry", dict(known)), self._answer)

    async def _answer(self, provider: str) -> Keys:
        self.asked.append(provider)
        return Keys(credentials={"p": {**ending_in(3600), "access": "new"}})


async def test_a_token_that_ends_is_asked_for_anew() -> None:
    ring = Ring({"p": ending_in(10)})
    await ring.renew("p")
    assert cast("dict[str, Any]", ring.registry)["p"]["access"] == "new"
    await ring.renew("p")
    assert ring.asked == ["p"]


@pytest.mark.parametrize("credential", [None, {"type": "api", "key": "k"}, {"expires": 0}, ending_in(3600)])
async def test_nothing_is_asked_for_what_lasts(credential: dict[str, Any] | None) -> None:
    ring = Ring({"p": credential} if credential else {})
    before = ring.registry
    await ring.renew("p")
    assert (ring.asked, ring.registry) == ([], before)


async def test_a_daemon_that_has_no_better_one_is_not_asked_before_each_call() -> None:
    class Stale(Ring):
        async def _answer(self, provider: str) -> Keys:
            self.asked.append(provider)
            return Keys(credentials={"p": ending_in(-5)})

    ring = Stale({"p": ending_in(-5)})
    await ring.renew("p")
    await ring.renew("p")
    assert ring.asked == ["p"]


def test_when_a_token_runs_out() -> None:
    assert runs_out({"expires": 100_000}, 50)
    assert not runs_out({"expires": 200_000}, 50)
