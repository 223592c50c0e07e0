"""Which lists a session's hosts must be on: never fewer than the operator's and those of the sessions above it."""

import pytest

from oad.contract.policy import NetworkPolicy, Policy
from oad.contract.sandbox import SandboxWish
from oad.daemon.confinement import Confiner

OPERATOR = ("a.test", "b.test")


def confiner(mode: str, allow: tuple[str, ...] = OPERATOR) -> Confiner:
    return Confiner(Policy(network=NetworkPolicy(mode, allow)), [])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mode", "wish", "lists"),
    [
        ("on", SandboxWish(), ()),
        ("on", SandboxWish(network="allow"), (OPERATOR,)),
        ("on", SandboxWish(network="allow", allow=["c.test"]), (("c.test",),)),
        ("on", SandboxWish(network="off", allow=["c.test"]), ()),
        ("allow", SandboxWish(), (OPERATOR,)),
        ("allow", SandboxWish(network="on"), (OPERATOR,)),
        ("allow", SandboxWish(allow=["c.test"]), (OPERATOR, ("c.test",))),
        ("allow", SandboxWish(allow=[]), (OPERATOR, ())),
        ("off", SandboxWish(network="on", allow=["a.test"]), ()),
    ],
)
def test_lists(mode: str, wish: SandboxWish, lists: tuple[tuple[str, ...], ...]) -> None:
    assert confiner(mode).allowed_hosts(wish) == lists


def test_the_lists_of_sessions_above_count_too() -> None:
    above = (("p.test",),)
    assert confiner("on").allowed_hosts(SandboxWish(network="allow"), above) == above
    assert confiner("allow").allowed_hosts(SandboxWish(allow=["c"]), above) == (OPERATOR, ("p.test",), ("c",))
