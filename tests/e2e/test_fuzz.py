"""Requests at random, made after our own document by schemathesis: whatever is sent, the answer is one that the
document has for it, and comes soon.

``OAD_FUZZ_EXAMPLES`` is the number of requests of each sort to each operation. They are the same ones in every run,
unless ``OAD_FUZZ_SEED`` is given. The server cannot write outside a scratch directory, nor see other processes.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
import trio
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi import checks

from oad.gateway.openapi import build_document
from oad.gateway.operation import Streamed
from oad.gateway.routes import TABLE

from .confined import confined_server, why_not
from .server import Server

EXAMPLES = int(os.environ.get("OAD_FUZZ_EXAMPLES", "8"))
SEED = os.environ.get("OAD_FUZZ_SEED")
PATIENCE_S = 20
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
# These wait for somebody by their nature.
WAITING = {"tui.control.next", "mcp.auth.authenticate"}
OPERATIONS = [
    operation.name
    for operation in TABLE
    if not isinstance(operation.returns, Streamed) and operation.name not in WAITING
]

pytestmark = pytest.mark.skipif(bool(why_not()), reason=f"it cannot be confined: {why_not()}")


@dataclass
class Arena:
    """A server, and things in it that exist, by the names of the variables in paths."""

    server: Server
    known: dict[str, list[str]] = field(default_factory=dict)

    async def prepare(self) -> None:
        await self.server.start()
        first, second = await self.server.create(title="one"), await self.server.create(title="two")
        await self.server.prompt(first, "hello")
        messages = await self.server.messages(first)
        project = await self.server.ask("GET", "/project/current")
        self.known = {
            "sessionID": [first, second],
            "messageID": [message["info"]["id"] for message in messages],
            "partID": [part["id"] for message in messages for part in message["parts"]],
            "projectID": [project["id"]],
            "providerID": ["demo", "anthropic"],
        }


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    place = Path(tempfile.mkdtemp(prefix="oad-fuzz-"))
    with confined_server(place) as server:
        for arguments in (
            ["init"],
            ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "--allow-empty", "-m", "x"],
        ):
            subprocess.run(["git", *arguments], cwd=server.project, check=True, capture_output=True)
        arena = Arena(server)
        trio.run(arena.prepare)
        yield arena
    shutil.rmtree(place, ignore_errors=True)


@cache
def document() -> Any:
    return schemathesis.openapi.from_dict(build_document(TABLE))


def cases(name: str, known: Mapping[str, list[str]]) -> st.SearchStrategy[Case]:
    """As the document has them and against it; what they ask for exists in half of them."""
    operation = document().find_operation_by_id(name)
    valid = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    strategies = [valid, operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)]
    return st.one_of(strategies).flatmap(lambda case: _placed(case, known))


def _placed(case: Case, known: Mapping[str, list[str]]) -> st.SearchStrategy[Case]:
    found = {name: st.sampled_from(known[name]) for name in case.path_parameters or {} if name in known}

    def place(chosen: dict[str, str] | None) -> Case:
        case.path_parameters.update(chosen or {})
        return case

    return st.one_of(st.none(), st.fixed_dictionaries(found)).map(place) if found else st.just(case)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_is_one_that_is_documented(arena: Arena, name: str) -> None:
    session = requests.Session()
    session.trust_env = False

    @given(case=cases(name, arena.known))
    @settings(
        max_examples=EXAMPLES * 2,
        derandomize=SEED is None,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Case) -> None:
        response = case.call(base_url=arena.server.url, session=session, timeout=PATIENCE_S)
        case.validate_response(response, checks=CHECKS)

    (ask if SEED is None else seed(int(SEED))(ask))()
