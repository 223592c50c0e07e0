"""Real servers for end-to-end tests."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from .model import Model
from .server import Server

# Of every shared project: an agent, a command, a skill's worth of something to list, and a rule that asks.
CONFIGURATION = {
    "agent": {"terse": {"mode": "primary", "description": "Says little", "prompt": "Be terse."}},
    "command": {"greet": {"template": "Greet $1 politely", "description": "Greets"}},
    "permission": {"bash": {"rm *": "ask"}},
}


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


@contextmanager
def model_server(place: Path, model: Model, *, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A running server whose project is configured for the scripted model."""
    home, project = place / "server", place / "project"
    home.mkdir()
    project.mkdir()
    (project / "opencode.json").write_text(json.dumps(model.configuration(**CONFIGURATION)))
    server = Server(home, project, environment=environment)
    try:
        trio.run(server.start)
        yield server
    finally:
        server.discard()


@pytest.fixture(scope="module")
def shared(model: Model) -> Iterator[Server]:
    """A running server with the scripted model, for all tests of a module: starting one for each takes too long."""
    place = Path(tempfile.mkdtemp(prefix="oad-e2e-"))
    with model_server(place, model) as server:
        yield server
    shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="module")
def plain() -> Iterator[Server]:
    """The same with the demo model and nothing configured."""
    place = Path(tempfile.mkdtemp(prefix="oad-e2e-"))
    for name in ("server", "project"):
        (place / name).mkdir()
    server = Server(place / "server", place / "project")
    try:
        trio.run(server.start)
        yield server
    finally:
        server.discard()
        shutil.rmtree(place, ignore_errors=True)
