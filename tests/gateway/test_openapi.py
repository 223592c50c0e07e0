from typing import Any

import httpx2
import pytest

from oad.gateway.openapi import build_document
from oad.gateway.routes import STREAMS, TABLE

from .reference import operations, reference, references

IMPLEMENTED = [operation for operation in (*STREAMS, *TABLE) if not operation.extension]
ROWS = {operation.name: operation for operation in IMPLEMENTED}
NAMES = [operation.name for operation in IMPLEMENTED]

# Components that oad describes less closely than the reference: open objects and the shapes below /api.
LOOSE = {
    "AgentV2Info", "CommandV2Info", "Config", "ConsoleState", "Event", "ExperimentalCapabilities", "FilePartSource",
    "GlobalEvent", "QuestionAnswer",
    "IntegrationInfo", "MCPStatus", "McpResource", "ModelV2Info", "ProviderAuthMethod", "ProviderV2Info",
    "ReferenceInfo", "SessionsResponse", "SkillV2Info", "Workspace", "WorkspaceEventConnectionStatus",
}  # fmt: skip


# What the reference can answer and oad never does: it upgrades nothing.
NEVER = {"global.upgrade": {"200"}}


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    return build_document((*STREAMS, *TABLE))


def test_every_reference_resolves(ours: dict[str, Any]) -> None:
    components = ours["components"]
    assert references(ours) <= set(components["schemas"]) | set(components["responses"])


def test_names_are_unique() -> None:
    everything = [operation.name for operation in (*STREAMS, *TABLE)]
    assert len(everything) == len(set(everything))


@pytest.mark.parametrize("name", NAMES)
def test_operation_is_where_the_reference_has_it(name: str, ours: dict[str, Any]) -> None:
    method, path, described = operations(reference())[name]
    assert operations(ours)[name][:2] == (method, path)
    # Once it lists the members of "location" one by one, everywhere else the whole as an object.
    theirs = {(p["name"].split("[")[0], p["in"], p.get("required", False)) for p in described.get("parameters", [])}
    mine = {(p["name"], p["in"], p["required"]) for p in operations(ours)[name][2]["parameters"]}
    assert mine >= theirs
    assert {parameter for parameter, _, _ in mine - theirs} == set(ROWS[name].additions)


@pytest.mark.parametrize("name", NAMES)
def test_operation_names_the_schemas_of_the_reference(name: str, ours: dict[str, Any]) -> None:
    *_, theirs = operations(reference())[name]
    *_, mine = operations(ours)[name]
    success = {status for status in theirs["responses"] if status.startswith("2")} - NEVER.get(name, set())
    assert success <= set(mine["responses"])
    expected = references([theirs.get("requestBody"), *(theirs["responses"][status] for status in success)])
    assert expected - LOOSE <= set(ours["components"]["schemas"])


async def test_doc_is_served(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/doc")).json()
    assert document["openapi"] == "3.1.0"
    assert set(operations(document)) == {operation.name for operation in (*STREAMS, *TABLE)}
