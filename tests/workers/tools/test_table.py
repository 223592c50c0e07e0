import pytest

from oad.workers.tools import table


def test_names_and_order() -> None:
    expected = "invalid question bash read glob grep edit write task webfetch todowrite skill apply_patch"
    assert table.names() == expected.split()
    assert table.find("bash") is table.TOOLS[2]
    assert table.find("nope") is None
    assert table.permission_of("write") == "edit"


@pytest.mark.parametrize(
    ("model", "patches"),
    [("gpt-5.1-codex", True), ("gpt-4o", False), ("gpt-oss-120b", False), ("claude-x", False), ("fake-1", False)],
)
def test_patches_are_for_models_that_know_them(model: str, patches: bool) -> None:
    offered = {tool.name for tool in table.available(model)}
    assert ("apply_patch" in offered) is patches
    assert ("edit" in offered) is not patches
    assert ("write" in offered) is not patches


def test_every_tool_is_described() -> None:
    for each in table.describe(list(table.TOOLS), {}):
        assert each.description
        assert each.parameters["type"] == "object"
        assert "$ref" not in str(each.parameters)
        assert "'null'" not in str(each.parameters)
