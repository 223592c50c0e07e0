"""A catalogue of models that the operator names: taken in from an address or a file, and used."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from .model import Model
from .server import Json, Server, until


def catalogue(model: Model, name: str) -> str:
    entry = {
        "name": name,
        "release_date": "2026-01-01",
        "cost": {"input": 5, "output": 7},
        "limit": {"context": 200_000, "output": 8192},
    }
    return json.dumps(
        {
            "acme": {
                "name": "Acme",
                "env": ["ACME_API_KEY"],
                "npm": "@ai-sdk/openai-compatible",
                "api": f"{model.url}/v1",
                "models": {"fake-1": entry},
            }
        }
    )


async def names(server: Server) -> list[str]:
    providers: list[Json] = (await server.ask("GET", "/provider"))["all"]
    return [m["name"] for provider in providers if provider["id"] == "acme" for m in provider["models"].values()]


async def test_a_file_is_taken_in_used_and_followed(
    make_server: Callable[..., Server], model: Model, place: Path
) -> None:
    file = place / "models.json"
    file.write_text(catalogue(model, "First"))
    environment = {"OPENCODE_MODELS_PATH": str(file), "OPENCODE_MODELS_URL": "http://127.0.0.1:9", "ACME_API_KEY": "k"}
    server = make_server(environment=environment)
    await server.start()
    assert await names(server) == ["First"]
    answer = (await server.prompt(await server.create(), "hello"))["info"]
    assert (answer["providerID"], answer["modelID"]) == ("acme", "fake-1")
    tokens = answer["tokens"]
    assert round(answer["cost"] * 1e6) == 5 * tokens["input"] + 7 * tokens["output"] > 0

    file.write_text(catalogue(model, "Second"))
    await until(lambda: _listed(server, ["Second"]), "the change is seen")
    assert "no catalogue of models came" not in server.logged()


async def test_an_address_is_asked_unless_that_is_switched_off(
    make_server: Callable[..., Server], model: Model, place: Path
) -> None:
    (place / "web").mkdir()
    (place / "web/api.json").write_text(catalogue(model, "Served"))
    with serving(place / "web") as (url, asked):
        off = {"OPENCODE_MODELS_URL": url, "OPENCODE_DISABLE_MODELS_FETCH": "true"}
        server = make_server(environment=off)
        await server.start()
        assert (await names(server), asked) == ([], [])
        await server.stop()
        server = make_server(environment={"OPENCODE_MODELS_URL": url})
        await server.start()
        await until(lambda: _listed(server, ["Served"]), "what was fetched is seen")
        assert set(asked) == {"/api.json"}


async def _listed(server: Server, wanted: list[str]) -> bool:
    return await names(server) == wanted


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder)) as web:
        thread = Thread(target=web.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{web.server_address[1]}", asked
        finally:
            web.shutdown()
            thread.join()
