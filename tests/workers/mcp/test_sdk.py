"""The SDK is large: only who has a server loads it."""

import subprocess
import sys

SCRIPT = """
import sys, trio
import oad.workers.main, oad.workers.warm
LARGE = {"mcp", "mcp_types", "pydantic_settings", "starlette", "jsonschema"}
assert not LARGE & set(sys.modules), LARGE & set(sys.modules)
from oad.workers.mcp import sdk
trio.run(sdk.load)
assert "mcp_types" in sys.modules
"""


def test_a_worker_without_servers_does_not_load_it() -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)
