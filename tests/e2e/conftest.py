"""Real servers for end-to-end tests."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .model import Model
from .server import Server


@pytest.fixture
def place() -> Iterator[Path]:
    """A scratch directory with a short path: Unix sockets below it must fit into 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="oad-e2e-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def make_server(place: Path) -> Iterator[Callable[..., Server]]:
    """Servers that are not started yet; all on the same home and project unless told otherwise. The same keyword
    arguments as Server. Nothing of them outlives the test."""
    made: list[Server] = []

    def make(name: str = "server", **options: object) -> Server:
        home, project = place / name, place / "project"
        home.mkdir(exist_ok=True)
        project.mkdir(exist_ok=True)
        made.append(Server(home, project, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for server in made:
        server.discard()
        print(server.logged())  # shown with a failure


@pytest.fixture
async def server(make_server: Callable[..., Server]) -> Server:
    """A running server in an otherwise empty project directory."""
    server = make_server()
    await server.start()
    return server


@pytest.fixture(scope="session")
def model() -> Iterator[Model]:
    """The scripted model server, one for all tests; its scripts go by names of the tests' own."""
    model = Model()
    yield model
    model.close()
