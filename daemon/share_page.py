"""A shared session as a page that needs nothing but itself: no scripts, no fonts, no pictures. Pure."""

from datetime import UTC, datetime
from html import escape
from typing import Any, Final

import msgspec

_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.4rem;margin-bottom:0}.when{color:#777;margin-top:.2rem}
article{border-left:3px solid #ccc;margin:1.2rem 0;padding:.1rem 0 .1rem 1rem}article.user{border-color:#36c}
h2{font-size:.85rem;color:#777;margin:.2rem 0}
pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:.4rem 0;font:inherit}
pre.code,details pre{font:13px/1.4 ui-monospace,monospace;background:#f5f5f5;padding:.6rem}
summary{cursor:pointer;color:#555}.error{color:#a00}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}pre.code,details pre{background:#242424}}
"""
_MAX_OUTPUT: Final = 20_000  # characters of a call's output


def render_page(shown: dict[str, Any]) -> str:
    """Everything that comes from outside is escaped, wherever it stands."""
    session = shown["session"]
    title = escape(str(session["title"]))
    body = "".join(_message(each) for each in shown["messages"])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="robots" content="noindex">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f'<p class="when">{_moment(session["time"]["created"])}</p>{body}</body></html>'
    )


def _moment(milliseconds: float) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _message(message: dict[str, Any]) -> str:
    info = message["info"]
    role = "user" if info["role"] == "user" else "assistant"
    head = "You" if role == "user" else escape(f"{info.get('agent', '')} · {info.get('modelID', '')}")
    parts = "".join(_part(part) for part in message["parts"])
    if error := info.get("error"):
        text = error.get("data", {}).get("message") or error.get("name", "")
        parts += f'<p class="error">{escape(str(text))}</p>'
    return f'<article class="{role}"><h2>{head}</h2>{parts}</article>' if parts else ""


def _part(part: dict[str, Any]) -> str:
    match part["type"]:
        case "text":
            return f"<pre>{escape(part['text'])}</pre>"
        case "reasoning":
            return f"<details><summary>Thought</summary><pre>{escape(part['text'])}</pre></details>"
        case "tool":
            return _call(part)
        case "file":
            return f"<p>File: {escape(str(part.get('filename') or part.get('mime', '')))}</p>"
        case "patch":
            files = "".join(f"<li>{escape(str(file))}</li>" for file in part["files"])
            return f"<details><summary>Changed {len(part['files'])} files</summary><ul>{files}</ul></details>"
        case _:
            return ""


def _call(part: dict[str, Any]) -> str:
    state = part["state"]
    title = escape(f"{part['tool']} {state.get('title') or ''}".strip())
    given = escape(msgspec.json.format(msgspec.json.encode(state.get("input", {}))).decode())
    output = escape(str(state.get("output") or state.get("error") or "")[:_MAX_OUTPUT])
    return f"<details><summary>{title}</summary><pre>{given}</pre><pre>{output}</pre></details>"
