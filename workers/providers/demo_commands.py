"""What the demo model understands, and what it says about the outcome."""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from .model import ToolOutcome

SHOWN = 200  # characters of an outcome that are quoted


class ToolPlan(msgspec.Struct, frozen=True):
    tool: str
    input: dict[str, Any]

    @property
    def raw(self) -> str:
        return msgspec.json.encode(self.input).decode()


def _run(match: re.Match[str]) -> ToolPlan:
    command = match["rest"].strip().strip("`")
    return ToolPlan("bash", {"command": command, "description": f"Runs {command}"[:80]})


def _list(match: re.Match[str]) -> ToolPlan:
    folder = (match["folder"] or "").strip().strip("`")
    return ToolPlan("glob", {"pattern": "*"} | ({"path": folder} if folder else {}))


def _read(match: re.Match[str]) -> ToolPlan:
    return ToolPlan("read", {"filePath": match["rest"].strip().strip("`")})


def _write(match: re.Match[str]) -> ToolPlan:
    return ToolPlan("write", {"filePath": match["file"].strip().strip("`"), "content": match["text"].strip() + "\n"})


def _todo(match: re.Match[str]) -> ToolPlan:
    items = [item.strip() for item in re.split(r"[,;]", match["rest"] or "") if item.strip()]
    todos = [
        {"content": item, "status": "pending" if number else "in_progress", "priority": "medium"}
        for number, item in enumerate(items or ["Look around", "Try a tool", "Configure a real model"])
    ]
    return ToolPlan("todowrite", {"todos": todos})


def _ask(match: re.Match[str]) -> ToolPlan:
    options = [
        {"label": "Yes", "description": "Agree"},
        {"label": "No", "description": "Disagree"},
    ]
    question = (match["rest"] or "").strip() or "Does this work for you?"
    return ToolPlan("question", {"questions": [{"question": question, "header": "Demo", "options": options}]})


_COMMANDS: list[tuple[re.Pattern[str], Callable[[re.Match[str]], ToolPlan]]] = [
    (re.compile(pattern, re.IGNORECASE), plan)
    for pattern, plan in (
        (r"(please )?(run|execute)[: ]\s*(?P<rest>.+)", _run),
        (r"(please )?list( all| the)? files( in (?P<folder>.+))?[.!]?", _list),
        (r"(please )?write\s+(?P<file>[^:]+):\s*(?P<text>.*)", _write),
        (r"(please )?read( the file)?\s+(?P<rest>\S+)", _read),
        (r"todos?\b:?\s*(?P<rest>.*)", _todo),
        (r"ask me\b:?\s*(?P<rest>.*)", _ask),
    )
]


def read_commands(text: str) -> list[ToolPlan]:
    """One plan per line that is a command; other lines are ignored."""
    return [found for line in text.splitlines() if (found := _read_line(line.strip()))]


def _read_line(line: str) -> ToolPlan | None:
    for pattern, plan in _COMMANDS:
        if match := pattern.fullmatch(line):
            return plan(match)
    return None


def comment_on(outcome: ToolOutcome) -> str:
    if outcome.is_error:
        return f"The tool {outcome.name} failed: {_quote(outcome.output)}"
    lines = outcome.output.strip().splitlines()
    if outcome.name == "question":
        return f"Thank you. I was told: {_quote(outcome.output)}"
    if outcome.name in {"write", "todowrite"}:
        return f"Done: {outcome.name} has finished."
    if not lines:
        return f"The tool {outcome.name} has finished without any output."
    return f"The tool {outcome.name} gave {len(lines)} line{'s'[: len(lines) != 1]}: {_quote(outcome.output)}"


def _quote(text: str) -> str:
    text = text.strip()
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
