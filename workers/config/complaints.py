"""What is wrong with a set-up without stopping it, told in the log: each thing once in a worker's life."""

import contextlib
from collections.abc import Generator, Iterable
from typing import Any

import structlog

from oad.contract.errors import ApiError

_log = structlog.get_logger("oad.config")


class Complaints:
    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._told: set[str] = set()

    @contextlib.contextmanager
    def about_failures(self) -> Generator[None]:
        """Also tells of configuration that can't be used at all, which those who ask for it are told too."""
        try:
            yield
        except ApiError as error:
            self.tell([f"{error.body.get('name')}: {_explain(error.body)}"])
            raise

    def tell(self, problems: Iterable[str]) -> None:
        for problem in problems:
            if problem not in self._told:
                self._told.add(problem)
                _log.warning("configuration", problem=problem, directory=self._directory)


def _explain(body: dict[str, Any]) -> str:
    data: dict[str, Any] = body.get("data") or body
    return f"{data.get('path', '')}: {data.get('message', '')}".removeprefix(": ")
