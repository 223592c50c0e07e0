import json

import pytest

from oad.contract.errors import bad_request, tagged
from oad.workers.tools.question import OptionArgs, QuestionArgs, QuestionInfoArgs, QuestionTool
from oad.workers.tools.tool import Rejected, ToolFailed

from .conftest import Recorder

args = QuestionArgs(
    questions=[
        QuestionInfoArgs(question="Which?", header="H", options=[OptionArgs(label="red", description="r")]),
        QuestionInfoArgs(question="Sizes?", header="S", options=[], multiple=True),
    ]
)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([["blue"], ["S", "own"]], '"Which?"="blue", "Sizes?"="S, own"'),
        ([["red"]], '"Which?"="red", "Sizes?"="Unanswered"'),
    ],
)
async def test_answers(recorder: Recorder, answers: list[list[str]], said: str) -> None:
    recorder.answers["ask.question"] = lambda body: json.dumps({"answers": answers}).encode()
    result = await QuestionTool().run(args, recorder.context())
    assert said in result.output
    assert (result.title, result.metadata) == ("Asked 2 questions", {"answers": answers, "truncated": False})
    ((_, _, body),) = recorder.calls
    assert json.loads(body) == {
        "sessionID": "ses_1",
        "questions": [
            {"question": "Which?", "header": "H", "options": [{"label": "red", "description": "r"}]},
            {"question": "Sizes?", "header": "S", "options": [], "multiple": True},
        ],
        "tool": {"messageID": "msg_1", "callID": "call_1"},
    }


async def test_dismissal_ends_the_turn_and_other_failures_do_not(recorder: Recorder) -> None:
    def dismiss(body: bytes) -> bytes:
        raise tagged(409, "QuestionRejectedError", message="no")

    def refuse(body: bytes) -> bytes:
        raise bad_request("bad")

    recorder.answers["ask.question"] = dismiss
    with pytest.raises(Rejected, match="The user dismissed this question") as caught:
        await QuestionTool().run(args, recorder.context())
    assert caught.value.ends_turn
    recorder.answers["ask.question"] = refuse
    with pytest.raises(ToolFailed):
        await QuestionTool().run(args, recorder.context())
