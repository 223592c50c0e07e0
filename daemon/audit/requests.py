"""What of a request is recorded: never the text of a prompt, always what tells a reader what was done."""

from typing import Any, Final, cast

import msgspec

from oad.contract.wire import Call

# Values that tell what was decided; of everything else in a body only the name is recorded.
_VALUES: Final = frozenset(
    {"agent", "args", "auto", "command", "cwd", "messageID", "model", "noReply", "on_ask", "onAsk", "parentID"}
    | {"permission", "profile", "network", "limits", "sandbox", "policy", "remember", "reply", "response", "variant"}
    | {"level", "mode"}
)
_PROMPTS: Final = {
    "session.prompt": "prompt",
    "session.prompt_async": "prompt",
    "session.command": "command",
    "session.shell": "shell",
    "pty.create": "terminal",
    "v2.pty.create": "terminal",
    "pty.attach": "terminal.connect",
}
_HARMLESS: Final = frozenset({"app.log"})  # lines of clients' own logs
_READING: Final = frozenset({"GET", "HEAD"})
_OF_AUTH: Final = frozenset({"auth.set"})
_FILES: Final = frozenset({"session.import"})  # what they hold is long, and told by a line of its own


def is_recorded(call: Call) -> bool:
    """Whatever may change something; what a gateway does for itself, such as reading the journal, names no origin."""
    return call.origin is not None and call.origin.method not in _READING and call.op not in _HARMLESS


def action_of(op: str) -> str:
    return _PROMPTS.get(op, "request")


def describe(call: Call, body: bytes) -> dict[str, Any]:
    """The fields of the line that is written before the request is carried out."""
    fields: dict[str, Any] = {"op": call.op, "method": call.origin.method if call.origin else ""}
    if named := {name: text for name, text in call.params.items() if name != "sessionID"}:
        fields["params"] = named
    if body:
        fields["bytes"] = len(body)
        fields.update({} if call.op in _FILES else _describe_body(call.op, body))
    return fields


def _describe_body(op: str, body: bytes) -> dict[str, Any]:
    try:
        entries = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    found: dict[str, Any] = {"fields": sorted(entries)}
    if op not in _OF_AUTH:
        told = {name: value for name, value in entries.items() if name in _VALUES}
        if op == "session.command":  # arguments are prompts, the name is not
            told["command"] = entries.get("command")
        if told:
            found["values"] = told
    parts = entries.get("parts")
    if isinstance(parts, list):
        found["parts"] = [_describe_part(part) for part in cast("list[object]", parts)]
    return found


def _describe_part(found: object) -> dict[str, Any]:
    if not isinstance(found, dict):
        return {}
    part = cast("dict[str, Any]", found)
    texts = (part.get(name) for name in ("text", "prompt"))
    size = sum(len(text.encode()) for text in texts if isinstance(text, str))
    kept = {name: part[name] for name in ("type", "id", "mime", "filename", "agent") if isinstance(part.get(name), str)}
    return {**kept, "bytes": size}
