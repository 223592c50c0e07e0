"""Scenes and cells, one of each per user: root, and nobody, who has nothing to give up."""

import os
import shutil
from collections.abc import Iterator

import pytest

from oad.contract.policy import Policy
from oad.contract.sandbox import NO_WISH, SandboxWish

from .cell import Cell, open_cell
from .scene import NOBODY, Scene, build_scene

USERS = {"root": 0, "nobody": NOBODY}


@pytest.fixture(scope="session", params=USERS)
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    if os.geteuid() != 0:
        pytest.skip("needs root: it becomes nobody for the other half")
    if shutil.which("bwrap") is None:
        pytest.skip("needs bubblewrap")
    with build_scene(USERS[request.param]) as scene:
        yield scene


@pytest.fixture(scope="session")
def cell(scene: Scene) -> Iterator[Cell]:
    """A session under the profile that is the default."""
    with open_cell(scene, Policy(), NO_WISH) as cell:
        yield cell


@pytest.fixture(scope="session")
def reading_cell(scene: Scene) -> Iterator[Cell]:
    with open_cell(scene, Policy(), SandboxWish(profile="read-only")) as cell:
        yield cell
