"""The scripted model server as tests see it: a process that is given scripts, and asked what it saw."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

Json = Any
ROOT = Path(__file__).parents[2]


class Model:
    """A running server of fake_model.py."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.e2e.fake_model", "--until-eof"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def register(self, **scripts: list[Json]) -> None:
        """``script:NAME`` in a prompt then plays these steps."""
        self._ask("/scripts", scripts)

    def statistics(self) -> Json:
        return self._ask("/stats")

    def requests(self) -> list[Json]:
        found: list[Json] = self._ask("/requests")
        return found

    def reset(self) -> None:
        self._ask("/reset", {})

    def _ask(self, path: str, body: Json = None) -> Json:
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.url + path, data=data), timeout=10) as response:
            return json.load(response)

    def configuration(self, **more: Json) -> dict[str, Json]:
        """What goes into opencode.json for this to be the model, as ``fake/fake-1``; ``more`` is laid over it."""
        models = {
            name: {
                "name": f"Fake {number}",
                "tool_call": True,
                "limit": {"context": 200_000, "output": 8192},
                "cost": {"input": 1, "output": 2},
            }
            for number, name in enumerate(("fake-1", "fake-2"), start=1)
        }
        options = {"baseURL": f"{self.url}/v1", "apiKey": "x"}
        fake = {"npm": "@ai-sdk/openai-compatible", "name": "Fake", "options": options, "models": models}
        base = {"model": "fake/fake-1", "small_model": "fake/fake-1", "share": "disabled", "provider": {"fake": fake}}
        return {**base, **more}
