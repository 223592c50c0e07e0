"""What a session from a file may bring along, and what not."""

import msgspec
from records import a_session

from oad.contract.limits import SessionLimits
from oad.contract.permission import PermissionRule
from oad.contract.session import OnAskWish, SessionRevert, SessionShare, SessionTime
from oad.daemon.bundles.settling import Home, settle

HOME = Home("/here", "prj", "sub")
ALLOW = PermissionRule(permission="bash", pattern="*", action="allow")
DENY = PermissionRule(permission="edit", pattern="*", action="deny")


def test_a_file_grants_nothing() -> None:
    given = a_session(
        permission=[ALLOW, DENY],
        on_ask=OnAskWish(policy="allow"),
        limits=SessionLimits(memory_mb=1),
        share=SessionShare(url="x"),
        workspace_id="w",
        revert=SessionRevert(message_id="msg_1", snapshot="abc", diff="d"),
        time=SessionTime(created=1, updated=2, compacting=3, archived=4),
    )
    settled = settle(given, HOME, None, None)
    assert settled.permission == [DENY]
    assert (settled.on_ask, settled.limits, settled.share, settled.workspace_id) == (None, None, None, None)
    assert (settled.directory, settled.project_id, settled.path) == ("/here", "prj", "sub")
    assert settled.revert == SessionRevert(message_id="msg_1")
    assert settled.time == SessionTime(created=1, updated=2, archived=4)


def test_what_is_replaced_keeps_its_place_and_what_holds_for_it() -> None:
    here = a_session(directory="/old", permission=[ALLOW], limits=SessionLimits(memory_mb=1), parent_id="ses_p")
    given = a_session(title="New", directory="/away", permission=[DENY], cost=3)
    settled = settle(given, HOME, None, here)
    assert (settled.title, settled.cost) == ("New", 3)
    kept = ("directory", "permission", "limits", "parent_id")
    assert [getattr(settled, name) for name in kept] == [getattr(here, name) for name in kept]


def test_the_rest_stays() -> None:
    given = a_session(directory="/here", project_id="prj", path="sub", cost=1.5, metadata={"a": 1})
    assert msgspec.to_builtins(settle(given, HOME, None, None)) == msgspec.to_builtins(given)
