"""Named commands."""

from pathlib import Path
from typing import Any

import pytest

from oad.contract.catalogue import Command
from oad.contract.errors import ApiError
from oad.workers.session.command import fill

from .conftest import MakeWorld
from .fakes import World, finish, text, texts_sent, tool_parts
from .test_subtask import FakeTask


def command(name: str, template: str, **fields: Any) -> Command:
    return Command(name=name, template=template, hints=[], **fields)


async def test_command(make_world: MakeWorld, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("alpha\n")
    world: World = await make_world()
    world.scene.command_map = {"hello": command("hello", "Say !`x` to $1, see @a.txt")}
    await world.do("command", {"command": "hello", "arguments": "big world"})
    sent = texts_sent(world, 0)
    assert sent[0] == "Say out to big world, see @a.txt"
    assert sent[1].startswith("Called the Read tool")
    kind, properties, _ = world.link.events[-1]
    assert kind == "command.executed"
    assert (properties["name"], properties["arguments"]) == ("hello", "big world")
    with pytest.raises(ApiError) as error:
        await world.do("command", {"command": "nope", "arguments": ""})
    assert error.value.status == 400


async def test_a_command_for_a_subagent_is_a_subtask(make_world: MakeWorld) -> None:
    world: World = await make_world([*text("ok"), *finish()], tools=[FakeTask()])
    world.scene.command_map = {"sub": command("sub", "research $ARGUMENTS", agent="general")}
    await world.do("command", {"command": "sub", "arguments": "things"})
    assert tool_parts(world)[0]["state"]["output"] == "did research things"
    assert texts_sent(world, 0)[-1].startswith("Summarize the task tool output")


async def test_init(make_world: MakeWorld) -> None:
    world: World = await make_world()
    world.scene.command_map = {"init": command("init", "Write AGENTS.md")}
    body = {"providerID": "fake", "modelID": "fake-1", "messageID": "msg_init0001"}
    assert await world.do("init", body) is True
    assert world.link.infos["msg_init0001"]["role"] == "user"


@pytest.mark.parametrize(
    ("template", "arguments", "filled"),
    [
        (
            "Hello $ARGUMENTS. First $1, second $2.",
            'big world "of three" x',
            'Hello big world "of three" x. First big, second world of three x.',
        ),
        ("no placeholder", "appended?", "no placeholder\n\nappended?"),
        ("no placeholder", "", "no placeholder"),
        ("Say $ARGUMENTS. $1 $2.", "", "Say .  ."),
        ("$2 only", "a", "only"),
        ("$1", "it's $2 fine", "it s $2 fine"),
    ],
)
def test_fill(template: str, arguments: str, filled: str) -> None:
    assert "".join(fill(template, arguments)).strip() == filled


def test_only_the_template_has_commands() -> None:
    assert fill("a !`ls $1` b $2", "x !`rm -rf y`") == ["a ", "ls x", " b !`rm -rf y`"]
    assert fill("a", "!`rm`") == ["a\n\n!`rm`"]


async def test_what_a_command_prints_names_no_files(make_world: MakeWorld, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("secret\n")
    world: World = await make_world()
    world.scene.command_map = {"say": command("say", "It says @!`x`")}  # the program prints "out"
    await world.do("command", {"command": "say", "arguments": ""})
    assert texts_sent(world, 0) == ["It says @out"]


async def test_restrictions_hold_for_what_arguments_make_of_a_command(make_world: MakeWorld) -> None:
    world: World = await make_world()
    world.scene.command_map = {"show": command("show", "!`echo $1`")}
    await world.do("command", {"command": "show", "arguments": "'; sudo id'"})
    assert texts_sent(world, 0)[0].startswith("Error: This command is restricted")
