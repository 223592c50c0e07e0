from oad.workers.tools.invalid import InvalidArgs, InvalidTool, as_input, unavailable, unfitting

from .conftest import Recorder


async def test_says_what_was_wrong(recorder: Recorder) -> None:
    args = unavailable("nope", ["read", "bash"])
    assert args.error == "Model tried to call unavailable tool 'nope'. Available tools: bash, invalid, read."
    result = await InvalidTool().run(args, recorder.context())
    assert (result.title, result.metadata) == ("Invalid Tool", {"truncated": False})
    assert result.output == f"The arguments provided to the tool are invalid: {args.error}"
    assert as_input(args) == {"tool": "nope", "error": args.error}


def test_bad_arguments_name_the_tool() -> None:
    assert unfitting("bash", "no command") == InvalidArgs(
        tool="bash", error="Invalid arguments for tool 'bash': no command. Call it again with valid ones."
    )
