"""Scenes and cells, one of each per user: root, and nobody, who has nothing to give up."""

import os
import shutil
from collections.abc import Iterator

import pytest

from oad.contract.policy import Policy
from oad.contract.sandbox import NO_WISH, SandboxWish

from ..model import Model
from .cage import Cage, open_cage
from .cell import Cell, open_cell
from .scene import NOBODY, Scene, build_scene

USERS = {"root": 0, "nobody": NOBODY}


@pytest.fixture(scope="session", params=USERS)
def user(request: pytest.FixtureRequest) -> int:
    if os.geteuid() != 0:
        pytest.skip("needs root: it becomes nobody for the other half")
    if shutil.which("bwrap") is None:
        pytest.skip("needs bubblewrap")
    return USERS[request.param]


@pytest.fixture(scope="session")
def scene(user: int) -> Iterator[Scene]:
    with build_scene(user) as scene:
        yield scene


@pytest.fixture(scope="session")
def caged_scene(user: int) -> Iterator[Scene]:
    with build_scene(user) as scene:
        yield scene


@pytest.fixture(scope="session")
def cage(caged_scene: Scene, model: Model) -> Iterator[Cage]:
    """A real server, with a home and a workspace of its own."""
    with open_cage(caged_scene, model) as cage:
        yield cage


@pytest.fixture(scope="session")
def cell(scene: Scene) -> Iterator[Cell]:
    """A session under the profile that is the default."""
    with open_cell(scene, Policy(), NO_WISH) as cell:
        yield cell


@pytest.fixture(scope="session")
def reading_cell(scene: Scene) -> Iterator[Cell]:
    with open_cell(scene, Policy(), SandboxWish(profile="read-only")) as cell:
        yield cell
