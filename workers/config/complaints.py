"""What is wrong with a set-up without stopping it, told in the log: each thing once in a worker's life."""

from collections.abc import Iterable

import structlog

_log = structlog.get_logger("oad.config")


class Complaints:
    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._told: set[str] = set()

    def tell(self, problems: Iterable[str]) -> None:
        for problem in problems:
            if problem not in self._told:
                self._told.add(problem)
                _log.warning("configuration", problem=problem, directory=self._directory)
