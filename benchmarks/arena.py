"""What every benchmark is given: the model, the servers, and where to write figures."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.model import Model

from .results import Goal, Samples
from .servers import Oad, Reference, Server

# Sessions have a /tmp of their own, and would not see a home in the host's.
PLACE = next((place for place in ("/srv", "/var/lib", str(Path.home())) if os.access(place, os.W_OK)), None)


@dataclass
class Arena:
    """``rounds``: how often the servers take turns."""

    model: Model
    kinds: list[type[Server]]
    rounds: int
    samples: Samples = field(default_factory=Samples)

    @contextmanager
    def running(self) -> Iterator[list[Server]]:
        """All servers, started afresh."""
        with ExitStack() as stack:
            scratch = tempfile.TemporaryDirectory(prefix="oad-b-", dir=PLACE, ignore_cleanup_errors=True)
            place = Path(stack.enter_context(scratch))
            servers = [kind(place, self.model.configuration()) for kind in self.kinds]
            for server in servers:
                stack.callback(server.stop)
                server.start()
            yield servers

    def alternate(self, measure: Callable[[Server], None]) -> None:
        """A/B/A/B, on servers that run side by side."""
        with self.running() as servers:
            for _ in range(self.rounds):
                for server in servers:
                    measure(server)

    def add(self, server: Server, goal: Goal, *values: float) -> None:
        self.samples.add(server.name, goal.name, *values)


def kinds(*, alone: bool) -> tuple[list[type[Server]], str]:
    """Which servers there are, and why the reference is not among them."""
    absent = "not asked for" if alone else Reference.missing()
    return ([Oad] if absent else [Reference, Oad]), absent


@dataclass(frozen=True)
class Benchmark:
    goals: list[Goal]
    run: Callable[[Arena], None]
