from pathlib import Path

import msgspec
import pytest

from oad.contract.catalogue import Skill
from oad.workers.config.commands import find_hints, make_commands
from oad.workers.config.settings import Config

GREET = Skill(name="greet", description="how to greet", location="/p/skill/greet/SKILL.md", content="Say hello.\n")


@pytest.mark.parametrize(
    ("template", "hints"),
    [
        ("plain", []),
        ("$ARGUMENTS", ["$ARGUMENTS"]),
        ("Say $ARGUMENTS. First $2, then $1, $10, $1", ["$1", "$2", "$10", "$ARGUMENTS"]),
        ("costs $ 5", []),
    ],
)
def test_hints(template: str, hints: list[str]) -> None:
    assert find_hints(template) == hints


def test_built_in_commands() -> None:
    commands = make_commands(Config(), {}, Path("/p/tree"))
    assert list(commands) == ["init", "review"]
    assert "/p/tree" in commands["init"].template
    assert (commands["review"].subtask, commands["review"].source) == (True, "command")


def test_configured_commands_and_skills() -> None:
    raw = {"command": {"hello": {"template": "Hi $1", "agent": "plan", "subtask": True}, "init": {"template": "mine"}}}
    commands = make_commands(msgspec.convert(raw, Config), {"greet": GREET}, Path("/"))
    assert list(commands) == ["init", "review", "hello", "greet"]
    assert commands["init"].template == "mine"
    assert (commands["hello"].agent, commands["hello"].hints) == ("plan", ["$1"])
    assert commands["greet"].source == "skill"
    assert commands["greet"].template.startswith("Say hello.")
    assert "/p/skill/greet" in commands["greet"].template


def test_a_command_hides_a_skill_of_its_name() -> None:
    raw = {"command": {"greet": {"template": "mine"}}}
    assert make_commands(msgspec.convert(raw, Config), {"greet": GREET}, Path("/"))["greet"].source == "command"
