"""How a scripted answer is told in each of the three protocols that models are spoken to in."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

Json = Any
Step = dict[str, Json]


@dataclass
class Said:
    """A message of any protocol. ``user``: a person's own words, not a tool's result under that role."""

    role: str
    text: str
    user: bool


def _text(content: Json) -> str:
    if isinstance(content, list):
        return "\n".join(_text(part) for part in content if isinstance(part, dict))
    return content.get("text") or "" if isinstance(content, dict) else content or ""


def _holds(content: Json, kind: str) -> bool:
    return isinstance(content, list) and any(part.get("type") == kind for part in content)


class Dialect:
    """One protocol: how a request is read, and how a step is told in it, as (event or None, data) pairs."""

    def __init__(self, request: Json) -> None:
        self.request = request
        self.tools = bool(request.get("tools"))
        self.streamed = bool(request.get("stream"))
        self.system = ""
        self.said: list[Said] = []
        self.read()

    def read(self) -> None:
        raise NotImplementedError

    def opening(self) -> Iterator[tuple[str | None, Json]]:
        return iter(())

    def pieces(self, kind: str, pieces: Iterator[str]) -> Iterator[tuple[str | None, Json]]:
        """``kind`` is "text" or "reasoning"; one data object, or several at once, for every piece."""
        raise NotImplementedError

    def call(self, number: int, name: str, arguments: str) -> Iterator[tuple[str | None, Json]]:
        raise NotImplementedError

    def closing(self, step: Step) -> Iterator[tuple[str | None, Json]]:
        raise NotImplementedError

    def whole(self, step: Step) -> Json:
        raise NotImplementedError

    def error(self, message: str) -> Json:
        return {"error": {"message": message, "type": "scripted", "code": None}}


IDS = count(1)


class Chat(Dialect):
    def read(self) -> None:
        for message in self.request.get("messages", []):
            text = _text(message.get("content"))
            if message["role"] in ("system", "developer"):
                self.system += text + "\n"
            else:
                self.said.append(Said(message["role"], text, message["role"] == "user"))

    def _chunk(self, delta: Json, finish: str | None = None, **more: Json) -> tuple[None, Json]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        base = {"id": "chat_1", "object": "chat.completion.chunk", "created": 1, "model": self.request.get("model")}
        return None, {**base, "choices": [choice], **more}

    def opening(self) -> Iterator[tuple[str | None, Json]]:
        yield self._chunk({"role": "assistant", "content": ""})

    def pieces(self, kind: str, pieces: Iterator[str]) -> Iterator[tuple[str | None, Json]]:
        for piece in pieces:
            yield self._chunk({"content" if kind == "text" else "reasoning_content": piece})

    def call(self, number: int, name: str, arguments: str) -> Iterator[tuple[str | None, Json]]:
        function = {"name": name, "arguments": arguments}
        call = {"index": number, "id": f"call_{next(IDS)}", "type": "function", "function": function}
        yield self._chunk({"tool_calls": [call]})

    def closing(self, step: Step) -> Iterator[tuple[str | None, Json]]:
        sent, made = step.get("usage", [100, 20])
        usage = {"prompt_tokens": sent, "completion_tokens": made, "total_tokens": sent + made}
        yield self._chunk({}, "tool_calls" if step.get("tools") else "stop", usage=usage)
        yield None, "[DONE]"

    def whole(self, step: Step) -> Json:
        sent, made = step.get("usage", [100, 20])
        message = {"role": "assistant", "content": step.get("text", "")}
        usage = {"prompt_tokens": sent, "completion_tokens": made, "total_tokens": sent + made}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        base = {"id": "chat_1", "object": "chat.completion", "created": 1, "model": self.request.get("model")}
        return {**base, "choices": [choice], "usage": usage}


class Responses(Dialect):
    def read(self) -> None:
        self.system = self.request.get("instructions") or ""
        given = self.request.get("input", [])
        for item in [{"role": "user", "content": given}] if isinstance(given, str) else given:
            role, text = item.get("role"), _text(item.get("content"))
            if role in ("system", "developer"):
                self.system += text + "\n"
            elif role is not None or item.get("type") == "function_call":
                self.said.append(Said(role or "assistant", text, role == "user"))
            elif item.get("type") == "function_call_output":
                self.said.append(Said("tool", "", False))
        self._output: list[Json] = []

    def _response(self, status: str, **more: Json) -> Json:
        base = {"id": "resp_1", "object": "response", "created_at": 1, "model": self.request.get("model")}
        rest = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
        return {**base, **rest, "status": status, "output": self._output, **more}

    def opening(self) -> Iterator[tuple[str | None, Json]]:
        yield "response.created", {"response": self._response("in_progress")}

    def pieces(self, kind: str, pieces: Iterator[str]) -> Iterator[tuple[str | None, Json]]:
        place = {"item_id": f"item_{next(IDS)}", "output_index": len(self._output)}
        item: Json = {"id": place["item_id"], "type": "message", "role": "assistant", "status": "completed"}
        deltas = {**place, "content_index": 0}
        event = "response.output_text"
        if kind == "reasoning":
            item, deltas = {"id": place["item_id"], "type": "reasoning"}, {**place, "summary_index": 0}
            event = "response.reasoning_summary_text"
        said = ""
        empty = {"summary": []} if kind == "reasoning" else {"content": []}
        yield "response.output_item.added", {"output_index": place["output_index"], "item": {**item, **empty}}
        for piece in pieces:
            said += piece
            yield event + ".delta", {**deltas, "delta": piece}
        yield event + ".done", {**deltas, "text": said}
        full = {"content": [{"type": "output_text", "text": said, "annotations": []}]}
        item |= {"summary": [{"type": "summary_text", "text": said}]} if kind == "reasoning" else full
        self._output.append(item)
        yield "response.output_item.done", {"output_index": place["output_index"], "item": item}

    def call(self, number: int, name: str, arguments: str) -> Iterator[tuple[str | None, Json]]:
        place = {"output_index": len(self._output)}
        item = {"id": f"fc_{next(IDS)}", "type": "function_call", "call_id": f"call_{next(IDS)}", "name": name}
        yield "response.output_item.added", {**place, "item": {**item, "arguments": "", "status": "in_progress"}}
        yield "response.function_call_arguments.delta", {**place, "item_id": item["id"], "delta": arguments}
        done = {**item, "arguments": arguments, "status": "completed"}
        self._output.append(done)
        yield (
            "response.function_call_arguments.done",
            {**place, "item_id": item["id"], "name": name, "arguments": arguments},
        )
        yield "response.output_item.done", {**place, "item": done}

    def closing(self, step: Step) -> Iterator[tuple[str | None, Json]]:
        yield "response.completed", {"response": self.whole(step)}

    def whole(self, step: Step) -> Json:
        if not self._output:
            content = [{"type": "output_text", "text": step.get("text", ""), "annotations": []}]
            self._output.append({"id": "item_1", "type": "message", "role": "assistant", "content": content})
        sent, made = step.get("usage", [100, 20])
        details = {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
        usage = {"input_tokens": sent, "output_tokens": made, "total_tokens": sent + made, **details}
        return self._response("completed", usage=usage)


class Messages(Dialect):
    def read(self) -> None:
        self.system = _text(self.request.get("system"))
        for message in self.request.get("messages", []):
            content = message.get("content")
            user = message["role"] == "user" and not _holds(content, "tool_result")
            self.said.append(Said(message["role"], _text(content), user))
        self._blocks = count()

    def opening(self) -> Iterator[tuple[str | None, Json]]:
        yield "message_start", {"message": {**self._message([]), "stop_reason": None}}

    def _message(self, content: list[Json], **more: Json) -> Json:
        usage = {"input_tokens": 100, "output_tokens": 0}
        base = {"id": "msg_1", "type": "message", "role": "assistant", "model": self.request.get("model")}
        return {**base, "content": content, "stop_sequence": None, "usage": usage, **more}

    def _block(self, start: Json, deltas: Iterator[Json]) -> Iterator[tuple[str | None, Json]]:
        place = {"index": next(self._blocks)}
        yield "content_block_start", {**place, "content_block": start}
        for delta in deltas:
            yield "content_block_delta", {**place, "delta": delta}
        yield "content_block_stop", place

    def pieces(self, kind: str, pieces: Iterator[str]) -> Iterator[tuple[str | None, Json]]:
        if kind == "text":
            return self._block({"type": "text", "text": ""}, ({"type": "text_delta", "text": p} for p in pieces))
        start = {"type": "thinking", "thinking": "", "signature": ""}
        return self._block(start, ({"type": "thinking_delta", "thinking": p} for p in pieces))

    def call(self, number: int, name: str, arguments: str) -> Iterator[tuple[str | None, Json]]:
        start = {"type": "tool_use", "id": f"toolu_{next(IDS)}", "name": name, "input": {}}
        return self._block(start, iter([{"type": "input_json_delta", "partial_json": arguments}]))

    def closing(self, step: Step) -> Iterator[tuple[str | None, Json]]:
        sent, made = step.get("usage", [100, 20])
        reason = {"stop_reason": "tool_use" if step.get("tools") else "end_turn", "stop_sequence": None}
        yield "message_delta", {"delta": reason, "usage": {"input_tokens": sent, "output_tokens": made}}
        yield "message_stop", {}

    def whole(self, step: Step) -> Json:
        sent, made = step.get("usage", [100, 20])
        usage = {"input_tokens": sent, "output_tokens": made}
        return self._message([{"type": "text", "text": step.get("text", "")}], stop_reason="end_turn", usage=usage)

    def error(self, message: str) -> Json:
        return {"type": "error", "error": {"type": "api_error", "message": message}}


DIALECTS = {"/v1/chat/completions": Chat, "/v1/responses": Responses, "/v1/messages": Messages}
