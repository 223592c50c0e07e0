import msgspec

from oad.workers.config.settings import Config
from oad.workers.project.extensions import mcp_status


def config(raw: object) -> Config:
    return msgspec.convert(raw, Config)


def test_mcp() -> None:
    assert mcp_status(Config()) == {}
    raw = {"mcp": {"a": {"type": "local", "command": ["x"]}, "b": {"type": "remote", "url": "u", "enabled": False}}}
    status = mcp_status(config(raw))
    assert status["a"]["status"] == "failed"
    assert status["a"]["error"]
    assert status["b"] == {"status": "disabled"}
