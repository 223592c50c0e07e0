from types import SimpleNamespace
from typing import Any

import pytest

from oad.daemon.status_line import describe


@pytest.mark.parametrize(
    ("kinds", "line"),
    [
        ([], "idle"),
        (["session"], "1 session worker"),
        (["session", "project", "session"], "1 project worker, 2 session workers"),
    ],
)
def test_counts_the_workers(kinds: list[str], line: str) -> None:
    supervisor: Any = SimpleNamespace(live=lambda: [SimpleNamespace(spec=SimpleNamespace(kind=kind)) for kind in kinds])
    assert describe(supervisor) == line
