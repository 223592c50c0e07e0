import pytest

from oad.workers.tools.arguments import BadArguments, read_arguments
from oad.workers.tools.bash import BashArgs, BashTool


def test_lenient_about_quotes_nulls_and_extras() -> None:
    arguments = {"command": "ls", "timeout": "10", "workdir": None, "description": "lists"}
    assert read_arguments(BashTool(), arguments) == BashArgs(command="ls", timeout=10)


def test_says_what_does_not_fit() -> None:
    with pytest.raises(BadArguments, match="command"):
        read_arguments(BashTool(), {})
    with pytest.raises(BadArguments, match="timeout"):
        read_arguments(BashTool(), {"command": "ls", "timeout": -1})
