"""Sessions as files for tests: one that the reference exported, and any that fit the models."""

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

HERE = Path(__file__).parent
REFERENCE = (HERE / "reference.json").read_bytes()
SUBAGENT = (HERE / "reference_subagent.json").read_bytes()

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_NAME = st.text("abcXYZ0189_-", min_size=1, max_size=6)
_TIME = st.integers(0, 2**42)
_COST = st.floats(0, 1e6, allow_nan=False)
_METADATA = st.dictionaries(_TEXT, st.one_of(_TEXT, st.integers(-(2**53), 2**53), st.booleans(), st.none()), max_size=2)


def reference() -> Any:
    """Decoded anew, to be changed."""
    return json.loads(REFERENCE)


def tokens() -> st.SearchStrategy[Any]:
    n = st.integers(0, 10**6)
    cache = st.fixed_dictionaries({"read": n, "write": n})
    return st.fixed_dictionaries({"input": n, "output": n, "reasoning": n, "cache": cache})


def _states() -> st.SearchStrategy[Any]:
    time = st.fixed_dictionaries({"start": _TIME, "end": _TIME})
    done = {"input": _METADATA, "output": _TEXT, "title": _TEXT, "metadata": _METADATA, "time": time}
    failed = {"input": _METADATA, "error": _TEXT, "time": time}
    return st.one_of(
        st.fixed_dictionaries({"status": st.just("completed"), **done}),
        st.fixed_dictionaries({"status": st.just("error"), **failed}),
    )


def _contents() -> st.SearchStrategy[Any]:
    ended = st.fixed_dictionaries({"start": _TIME, "end": _TIME})
    return st.one_of(
        st.fixed_dictionaries({"type": st.just("text"), "text": _TEXT}, optional={"synthetic": st.booleans()}),
        st.fixed_dictionaries({"type": st.just("reasoning"), "text": _TEXT, "time": ended}),
        st.fixed_dictionaries({"type": st.just("file"), "mime": _TEXT, "url": _TEXT}, optional={"filename": _TEXT}),
        st.fixed_dictionaries({"type": st.just("tool"), "callID": _TEXT, "tool": _NAME, "state": _states()}),
        st.fixed_dictionaries({"type": st.just("patch"), "hash": _TEXT, "files": st.lists(_TEXT, max_size=2)}),
        st.fixed_dictionaries({"type": st.just("step-finish"), "reason": _TEXT, "cost": _COST, "tokens": tokens()}),
    )


@st.composite
def session_files(draw: st.DrawFn, id: str = "ses_top", parent: str | None = None, depth: int = 1) -> Any:
    """In the order in which a server would export it, with nothing in it that is not taken over."""
    info = {
        "id": id, "slug": draw(_NAME), "projectID": "global", "directory": "/p", "path": "", "title": draw(_TEXT),
        "version": "1", "time": {"created": draw(_TIME), "updated": draw(_TIME)}, "cost": draw(_COST),
        "tokens": draw(tokens()),
    }  # fmt: skip
    if parent is not None:
        info["parentID"] = parent
    if draw(st.booleans()):
        info["permission"] = [{"permission": "task", "pattern": "*", "action": "deny"}]
    found: dict[str, Any] = {"info": info, "messages": draw(_messages(id))}
    for name, field in (("todos", {"content": "x", "status": "pending", "priority": "low"}),
                        ("diff", {"file": "a", "additions": 1, "deletions": 0})):  # fmt: skip
        if draw(st.booleans()):
            found[name] = [field]
    found["children"] = []
    if depth:
        count = draw(st.integers(0, 2))
        found["children"] = [draw(session_files(id=f"{id}_{n}", parent=id, depth=depth - 1)) for n in range(count)]
    return found


@st.composite
def _messages(draw: st.DrawFn, session: str) -> list[Any]:
    found: list[Any] = []
    for n, created in enumerate(sorted(draw(st.lists(_TIME, max_size=4)))):
        id = f"msg_{n:04}"
        info: dict[str, Any] = {"id": id, "sessionID": session, "time": {"created": created}, "agent": draw(_NAME)}
        if n % 2:
            info |= {
                "role": "assistant", "parentID": f"msg_{n - 1:04}", "modelID": "m", "providerID": "p", "mode": "build",
                "path": {"cwd": "/p", "root": "/p"}, "cost": draw(_COST), "tokens": draw(tokens()),
            }  # fmt: skip
            info["time"]["completed"] = created + 1
        else:
            info |= {"role": "user", "model": {"providerID": "p", "modelID": "m"}}
        contents = draw(st.lists(_contents(), max_size=3))
        ids = ({"id": f"prt_{n:04}{m}", "sessionID": session, "messageID": id} for m in range(len(contents)))
        found.append({"info": info, "parts": [{**own, **each} for own, each in zip(ids, contents, strict=True)]})
    return found
