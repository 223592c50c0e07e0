import pytest

from oad.contract.catalogue import Skill
from oad.workers.tools.skill import SkillArgs, SkillTool
from oad.workers.tools.tool import ToolFailed

from .conftest import Recorder


async def test_content_and_files(recorder: Recorder) -> None:
    directory = recorder.root / "proj/.opencode/skill/greet"
    directory.mkdir(parents=True)
    (directory / "SKILL.md").write_text("x")
    (directory / "extra.txt").write_text("x")
    skill = Skill(name="greet", description="d", location=str(directory / "SKILL.md"), content="Say hello.\n")
    recorder.services["skills"] = {"greet": skill}
    result = await SkillTool().run(SkillArgs(name="greet"), recorder.context())
    assert result.title == "Loaded skill: greet"
    assert result.metadata == {"name": "greet", "dir": str(directory), "truncated": False}
    assert '<skill_content name="greet">\n# Skill: greet\n\nSay hello.\n' in result.output
    assert f"<skill_files>\n<file>{directory}/extra.txt</file>\n</skill_files>" in result.output
    assert recorder.asked == [("skill", ["greet"], ["greet"], {})]
    with pytest.raises(ToolFailed, match=r'Skill "nope" not found\. Available skills: greet'):
        await SkillTool().run(SkillArgs(name="nope"), recorder.context())


async def test_a_built_in_skill_has_no_files(recorder: Recorder) -> None:
    recorder.services["skills"] = {"b": Skill(name="b", description="d", location="<built-in>", content="c")}
    result = await SkillTool().run(SkillArgs(name="b"), recorder.context())
    assert "<skill_files>\n\n</skill_files>" in result.output
