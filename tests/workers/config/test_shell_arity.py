import pytest

from oad.workers.config.shell_arity import meaningful_prefix


@pytest.mark.parametrize(
    ("command", "prefix"),
    [
        ("ls -la /tmp", "ls"),
        ("git status --short", "git status"),
        ("git stash pop", "git stash pop"),
        ("git -C /x status", "git -C /x"),
        ("npm run dev --port 3", "npm run dev"),
        ("npm --silent run dev x", "npm --silent run dev"),
        ("npm install x", "npm install"),
        ("docker compose up -d", "docker compose up"),
        ("python -m pytest x", "python -m pytest"),
        ("python script.py x", "python script.py"),
        ("git", "git"),
        ("npm run", "npm run"),
        ("", ""),
    ],
)
def test_prefix(command: str, prefix: str) -> None:
    assert " ".join(meaningful_prefix(command.split())) == prefix
