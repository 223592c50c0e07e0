"""Editors' bridges: what they append to a prompt is a prompt of its own, carried out whether a terminal program runs or
not."""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from oad.contract.tui import PromptStarted, PromptText
from oad.contract.wire import Call
from oad.link import Answer

from .control_queue import ControlQueues
from .listeners import Listeners
from .operations.context import json_answer

APPEND: Final = "tui.appendPrompt"
Carry = Callable[[Call, bytes], Awaitable[Answer]]


def starts_prompt(call: Call, body: bytes, listeners: Listeners, controls: ControlQueues) -> bool:
    """Text for a prompt is for the terminal programs that are attached, unless the request says more than that; with
    ``run`` it is not lost where there is none."""
    if call.op != APPEND:
        return False
    if msgspec.json.decode(body, type=PromptText).is_bridged:
        return True
    directory = call.params["directory"]
    attended = listeners.hears(directory) or controls.attended(directory)
    return call.params.get("run") == "true" and not attended


async def start_prompt(call: Call, body: bytes, carry: Carry) -> Answer:
    """In the session that is named, or in a new one of the directory. Raises ApiError."""
    wanted = msgspec.json.decode(body, type=PromptText)
    session = wanted.session
    if not session:
        made = await carry(_other(call, "session.create", {"directory": call.params["directory"]}), b"{}")
        session = msgspec.json.decode(made.body)["id"]
    prompt = msgspec.json.encode({"parts": [{"type": "text", "text": wanted.words}]})
    await carry(_other(call, "session.prompt_async", {"sessionID": session}), prompt)
    return json_answer(PromptStarted(ok=True, session_id=session))


def _other(call: Call, op: str, params: dict[str, str]) -> Call:
    return msgspec.structs.replace(call, op=op, params=params, key="")
