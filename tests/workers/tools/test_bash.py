from pathlib import Path

import msgspec
import pytest
import trio

from oad.contract.sandbox import Confinement
from oad.workers.exec import Outcome
from oad.workers.tools.bash import BashArgs, BashTool
from oad.workers.tools.tool import Rejected, ToolFailed

from .conftest import Recorder

bash = BashTool()


async def test_output_exit_code_and_title(recorder: Recorder) -> None:
    result = await bash.run(BashArgs(command="echo one; echo two >&2"), recorder.context())
    assert result.title == "echo one; echo two >&2"
    assert result.output == "one\ntwo\n"
    assert result.metadata == {"output": "one\ntwo\n", "exit": 0, "truncated": False}
    assert recorder.progress[0] == (None, {"output": ""})
    assert recorder.progress[-1] == (None, {"output": "one\ntwo\n"})


async def test_nonzero_exit_is_a_result(recorder: Recorder) -> None:
    result = await bash.run(BashArgs(command="exit 4"), recorder.context())
    assert result.metadata == {"output": "(no output)", "exit": 4, "truncated": False}
    assert "Exit code 4" in result.output


async def test_runs_in_workdir_with_a_listed_environment(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    result = await bash.run(BashArgs(command="pwd; env", workdir="src"), recorder.context())
    assert result.output.startswith(str(recorder.root / "proj/src") + "\n")
    assert "secret" not in result.output
    assert "PATH=" in result.output


async def test_asks_per_part_and_for_outside_directories(recorder: Recorder) -> None:
    outside = recorder.root / "outside"
    outside.mkdir()
    await bash.run(BashArgs(command="echo hi && true", workdir=str(outside)), recorder.context())
    external, own = recorder.asked
    pattern = f"{outside}/*"
    metadata = {"command": "echo hi && true", "directories": [str(outside)], "patterns": [pattern]}
    assert external == ("external_directory", [pattern], [pattern], metadata)
    assert own == ("bash", ["echo hi", "true"], ["echo *", "true *"], {"command": "echo hi && true"})


async def test_refused_command_does_not_run(recorder: Recorder) -> None:
    def refuse(permission: str) -> None:
        raise Rejected("no", ends_turn=True)

    recorder.on_ask = refuse
    with pytest.raises(Rejected):
        await bash.run(BashArgs(command="touch made"), recorder.context())
    assert recorder.exec.commands == []


async def test_missing_workdir_is_a_clear_error(recorder: Recorder) -> None:
    with pytest.raises(ToolFailed, match="no directory"):
        await bash.run(BashArgs(command="true", workdir="nope"), recorder.context())


async def test_timeout_is_noted(recorder: Recorder) -> None:
    result = await bash.run(BashArgs(command="echo a; exec sleep 60", timeout=150), recorder.context())
    assert result.metadata == {"output": "a\n", "exit": None, "truncated": False}
    assert "<shell_metadata>" in result.output
    assert "150 ms" in result.output


async def test_cancellation_leaves_what_came_so_far(recorder: Recorder) -> None:
    cancelled: list[bool] = []

    async def run() -> None:
        try:
            await bash.run(BashArgs(command="echo started; exec sleep 60"), recorder.context())
        except trio.Cancelled:  # not in a group: callers tell it from a failure
            cancelled.append(True)
            raise

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        with trio.fail_after(5):
            await recorder.shown.wait()
        nursery.cancel_scope.cancel()
    assert cancelled == [True]
    (result,) = recorder.settled
    assert result.output == "started\n\n\n<shell_metadata>\nUser aborted the command\n</shell_metadata>"
    assert result.metadata == {"output": "started\n", "exit": None, "truncated": False}


async def test_undecodable_output_is_replaced(recorder: Recorder) -> None:
    result = await bash.run(BashArgs(command=r"printf 'a\377b\n'"), recorder.context())
    assert result.output == "a\ufffdb\n"


async def test_long_output_keeps_the_end_and_the_whole_in_a_file(recorder: Recorder) -> None:
    result = await bash.run(BashArgs(command="seq 1 3000"), recorder.context())
    assert result.metadata["truncated"] is True
    assert result.output.endswith("\n2999\n3000\n")
    assert "\n1001\n1002\n" in result.output
    assert "\n1000\n" not in result.output
    file = Path(result.metadata["outputPath"])
    assert file.parent == recorder.root / "scratch" / "tool-output"
    assert (await trio.Path(file).read_text()).splitlines() == [str(n) for n in range(1, 3001)]


async def test_background_process_and_signals_are_noted(recorder: Recorder) -> None:
    class Fixed:
        outcome = Outcome(0, left_running=True)

        async def run(self, command: object, **options: object) -> Outcome:
            return self.outcome

    context = recorder.context(exec=Fixed())
    assert "still running" in (await bash.run(BashArgs(command="sleep 9 &"), context)).output
    Fixed.outcome = Outcome(-9)
    assert (await bash.run(BashArgs(command="kill -9 $$"), context)).metadata["exit"] == 137


INSIDE = Confinement(level="namespaces", profile="workspace", ceiling="full", writable=("/w",))


async def test_the_sandbox_is_named_as_the_reason(recorder: Recorder) -> None:
    command = "echo touch: /etc/x: Read-only file system; exit 1"
    result = await bash.run(BashArgs(command=command), recorder.context(confinement=INSIDE))
    assert "only these can be written to: /w, /tmp" in result.output
    assert "Exit code 1" in result.output


async def test_a_person_is_asked_for_a_run_outside(recorder: Recorder) -> None:
    arguments = BashArgs(command="echo hi", escalate=True, justification="it must")
    await bash.run(arguments, recorder.context(confinement=INSIDE))
    metadata = {"command": "echo hi", "profile": "full", "justification": "it must"}
    assert recorder.asked[-1] == ("sandbox", ["echo hi"], ["echo *"], metadata)
    assert [command.profile for command in recorder.exec.commands] == ["full"]
    await bash.run(BashArgs(command="echo hi"), recorder.context(confinement=INSIDE))
    assert [command.profile for command in recorder.exec.commands] == ["full", None]


async def test_nobody_is_asked_for_what_the_operator_forbids(recorder: Recorder) -> None:
    capped = msgspec.structs.replace(INSIDE, ceiling="workspace")
    with pytest.raises(ToolFailed, match="the operator allows workspace at most"):
        await bash.run(BashArgs(command="echo hi", escalate=True), recorder.context(confinement=capped))
    assert "sandbox" not in [asked[0] for asked in recorder.asked]
    assert [command.profile for command in recorder.exec.commands] == []
