"""A place to write configuration to."""

import json
from pathlib import Path
from typing import Any


class Tree:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.repo = root / "repo"
        self.sub = self.repo / "a" / "b"
        self.home.mkdir()
        (self.repo / ".git").mkdir(parents=True)
        self.sub.mkdir(parents=True)

    def write(self, path: str, content: str | bytes | dict[str, Any]) -> Path:
        """``path`` is relative to the root: "home/…", "repo/…"."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, dict):
            content = json.dumps(content)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file
