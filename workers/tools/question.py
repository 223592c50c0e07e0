"""The tool that asks the user."""

from typing import Annotated

import msgspec
from msgspec import Meta

from oad.contract.errors import ApiError

from .tool import Rejected, ToolArgs, ToolContext, ToolFailed, ToolResult, unanswered


class OptionArgs(ToolArgs):
    label: Annotated[str, Meta(description="What is shown, one to five words")]
    description: Annotated[str, Meta(description="What choosing it means")]


class QuestionInfoArgs(ToolArgs, omit_defaults=True):
    question: Annotated[str, Meta(description="The whole question")]
    header: Annotated[str, Meta(description="A very short label (30 characters at most)")]
    options: Annotated[list[OptionArgs], Meta(description="What can be chosen")]
    multiple: Annotated[bool, Meta(description="Whether several can be chosen")] | None = None


class QuestionArgs(ToolArgs):
    questions: Annotated[list[QuestionInfoArgs], Meta(description="The questions")]


class _Answers(msgspec.Struct):
    answers: list[list[str]]


class QuestionTool:
    name = "question"
    args = QuestionArgs
    description = """\
Asks the user questions and waits for the answers: for a preference, a decision on how to go on, or what is unclear.

- The user can always type an answer of their own, so do not offer "Other".
- Put the option that you recommend first and add "(Recommended)" to its label. Set `multiple` where several may be \
chosen.
- Answers come back as lists of labels."""

    async def run(self, args: QuestionArgs, context: ToolContext) -> ToolResult:
        request = {
            "sessionID": context.session_id,
            "questions": args.questions,
            "tool": {"messageID": context.message_id, "callID": context.call_id},
        }
        try:
            reply = await context.call("ask.question", {}, msgspec.json.encode(request))
        except ApiError as error:
            if "Rejected" in str(error.body.get("_tag") or error.body.get("name")):
                if reason := error.body.get("reason"):
                    raise unanswered(str(error.body.get("message")), str(reason)) from error
                raise Rejected("The user dismissed this question", ends_turn=True) from error
            raise ToolFailed("The question could not be asked.") from error
        answers = msgspec.json.decode(reply, type=_Answers).answers
        said = ", ".join(f'"{each.question}"="{_said(answers, n)}"' for n, each in enumerate(args.questions))
        output = f"User has answered your questions: {said}. Go on with these answers in mind."
        plural = "" if len(args.questions) == 1 else "s"
        title = f"Asked {len(args.questions)} question{plural}"
        return ToolResult(title, output, {"answers": answers, "truncated": False})


def _said(answers: list[list[str]], n: int) -> str:
    return ", ".join(answers[n]) if n < len(answers) and answers[n] else "Unanswered"
