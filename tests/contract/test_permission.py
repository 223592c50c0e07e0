"""Which rule decides."""

from oad.contract.permission import Action, PermissionRule, evaluate


def rule(permission: str, action: Action, pattern: str = "*") -> PermissionRule:
    return PermissionRule(permission=permission, pattern=pattern, action=action)


def test_the_last_that_matches() -> None:
    rules = [rule("*", "allow"), rule("bash", "ask"), rule("bash", "allow", "git *")]
    assert evaluate("bash", "git status", rules).action == "allow"
    assert evaluate("bash", "rm x", rules).action == "ask"
    assert evaluate("edit", "x", rules).action == "allow"
    assert evaluate("edit", "x", []).action == "ask"


def test_leaving_the_sandbox_is_allowed_by_name_only() -> None:
    assert evaluate("sandbox", "x", [rule("*", "allow")]).action == "ask"
    assert evaluate("sandbox", "x", [rule("sandbox", "ask"), rule("*", "allow")]).action == "ask"
    assert evaluate("sandbox", "x", [rule("*", "allow"), rule("sandbox", "allow", "x*")]).action == "allow"
    assert evaluate("sandbox", "x", [rule("sandbox", "allow"), rule("*", "deny")]).action == "deny"
