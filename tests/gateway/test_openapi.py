import re
from typing import Any, cast

import httpx2
import pytest

from oad.contract.event_types import EVENT_TYPES
from oad.gateway.app import build_app
from oad.gateway.exchange import Exchange
from oad.gateway.fast_lane import Router
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


async def test_the_document_is_what_is_served(ours: dict[str, Any]) -> None:
    """Every operation in it is found by one of the two routers, and neither knows another path."""
    documented = {(method.upper(), path) for path, methods in ours["paths"].items() for method in methods}
    streamed = {(operation.method, operation.path) for operation in STREAMS}
    app = build_app(cast(Exchange, None), TABLE, 1)
    served = {
        (method, re.sub("<(?:path:)?([^>]+)>", r"{\1}", rule.rule).replace("{path}", "*"))
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }
    assert served - {("GET", "/doc")} == documented - streamed
    router = Router(operation for operation in TABLE if operation.target != "gateway")
    for operation in TABLE:
        found = router.find(operation.method, re.sub(r"{\w+}", "x", operation.path))
        assert operation.target == "gateway" or "*" in operation.path or (found and found[0] is operation)


def test_every_event_is_a_component(ours: dict[str, Any]) -> None:
    schemas = ours["components"]["schemas"]
    for type in EVENT_TYPES:
        assert schemas[f"Event.{type}"]["properties"]["type"]["enum"] == [type]
    media = ours["paths"]["/event"]["get"]["responses"]["200"]["content"]["text/event-stream"]
    assert media["schema"]["$ref"].endswith("/Event")
    assert len(schemas["Event"]["anyOf"]) == len(EVENT_TYPES) - 1
