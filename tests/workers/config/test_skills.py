from oad.contract.catalogue import Skill
from oad.workers.config.places import Places
from oad.workers.config.settings import Config, SkillsSection
from oad.workers.config.skills import find_skills
from oad.workers.config.watch import Watch

from .tree import Tree


def skill(name: str, description: str = "d") -> str:
    return f"---\nname: {name}\ndescription: {description}\n---\nDo it.\n"


def find(
    tree: Tree, places: Places, config: Config | None = None, **environ: str
) -> tuple[dict[str, Skill], list[str]]:
    problems: list[str] = []
    found = find_skills(Watch(environ), places, tree.sub, tree.repo, config or Config(), problems)
    return found, problems


def test_every_place(tree: Tree, places: Places) -> None:
    tree.write("home/.claude/skills/one/SKILL.md", skill("one"))
    tree.write("home/.config/opencode/skill/two/SKILL.md", skill("two"))
    tree.write("repo/.agents/skills/three/SKILL.md", skill("three"))
    tree.write("repo/a/.opencode/skills/deep/four/SKILL.md", skill("four"))
    tree.write("repo/a/b/more/five/SKILL.md", skill("five"))
    found, problems = find(tree, places, Config(skills=SkillsSection(paths=["more"])))
    assert set(found) == {"one", "two", "three", "four", "five"}
    assert problems == []
    assert found["three"].content == "Do it.\n"
    assert found["three"].location == str(tree.repo / ".agents/skills/three/SKILL.md")


def test_without_front_matter_it_is_left_out(tree: Tree, places: Places) -> None:
    tree.write("repo/.opencode/skill/broken/SKILL.md", "no front matter\n")
    tree.write("repo/.opencode/skill/half/SKILL.md", "---\nname: half\n---\n")
    tree.write("repo/.opencode/skill/other/README.md", skill("readme"))
    found, problems = find(tree, places)
    assert found == {}
    assert len(problems) == 2


def test_a_name_unlike_its_folder_is_told(tree: Tree, places: Places) -> None:
    tree.write("repo/.opencode/skill/folder/SKILL.md", skill("other"))
    found, problems = find(tree, places)
    assert set(found) == {"other"}
    assert "folder" in problems[0]


def test_the_project_wins_over_other_programs(tree: Tree, places: Places) -> None:
    tree.write("repo/.claude/skills/x/SKILL.md", skill("x", "claude"))
    tree.write("repo/.opencode/skill/x/SKILL.md", skill("x", "own"))
    assert find(tree, places)[0]["x"].description == "own"


def test_places_can_be_switched_off(tree: Tree, places: Places) -> None:
    tree.write("home/.claude/skills/one/SKILL.md", skill("one"))
    tree.write("repo/.agents/skills/two/SKILL.md", skill("two"))
    tree.write("repo/.opencode/skill/three/SKILL.md", skill("three"))
    assert set(find(tree, places, OPENCODE_DISABLE_CLAUDE_CODE_SKILLS="1")[0]) == {"two", "three"}
    assert set(find(tree, places, OPENCODE_DISABLE_EXTERNAL_SKILLS="1")[0]) == {"three"}
    assert set(find(tree, places, OPENCODE_DISABLE_PROJECT_CONFIG="1")[0]) == {"one"}
