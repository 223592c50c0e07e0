"""What lies around a file that is read: names like the one that is missing, and instructions for its directory."""

from difflib import get_close_matches
from pathlib import Path

from .tool import ToolContext

_SUGGESTIONS = 3


def not_found(path: Path) -> str:
    """The message for a missing file, with similar names from its directory. Blocks."""
    message = f"File not found: {path}"
    try:
        names = [each.name for each in path.parent.iterdir()]
    except OSError:
        return message
    wanted = path.name.lower()
    similar = [name for name in names if wanted in name.lower() or name.lower() in wanted]
    folded = {name.lower(): name for name in names}
    similar += [folded[name] for name in get_close_matches(wanted, folded, n=_SUGGESTIONS, cutoff=0.6)]
    if not similar:
        return message
    listed = "\n".join(str(path.parent / name) for name in list(dict.fromkeys(similar))[:_SUGGESTIONS])
    return f"{message}\n\nDid you mean one of these?\n{listed}"


def with_instructions(context: ToolContext, path: Path, output: str) -> tuple[str, list[str]]:
    """The output with instruction files of the directories around ``path`` that the session has not seen, and their
    paths. The service ``instructions_near`` finds them: a file's path to records with ``path`` and ``text``."""
    find = context.services.get("instructions_near")
    if find is None:
        return output, []
    seen: set[str] = context.services.setdefault("instructions_seen", set())
    fresh = [each for each in find(path) if each.path not in seen]
    seen.update(each.path for each in fresh)
    blocks = [
        f"\n\n<system-reminder>\nInstructions from: {each.path}\n{each.text}\n</system-reminder>" for each in fresh
    ]
    return output + "".join(blocks), [each.path for each in fresh]
