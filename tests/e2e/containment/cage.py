"""A real server on a scene, as root or as nobody, with the scripted model: what entrances lead into."""

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
import trio

from .. import language_entrance
from ..model import Model
from ..other_user import launcher
from ..server import Json, Server
from .scene import Scene

_numbers = itertools.count(1)


class Call(msgspec.Struct):
    """Of a tool, by the model."""

    tool: str
    arguments: dict[str, Json]


class Cage:
    def __init__(self, server: Server, model: Model, scene: Scene, configuration: str) -> None:
        self._configuration = configuration
        self.server = server
        self.model = model
        self.scene = scene

    def lay_out(self) -> None:
        """Everything as it was at first."""
        self.scene.lay_out()
        self.scene.configure(self._configuration)

    async def session(self, profile: str = "workspace") -> str:
        return await self.server.create(sandbox={"profile": profile})

    async def settle_neighbour(self) -> None:
        """What lies in the scene's other directory is another session's from now on."""
        await self.server.ask("POST", f"/session?directory={self.scene.other}", {})

    async def call(self, calls: Sequence[Call], *, profile: str = "workspace", session: str = "") -> list[Json]:
        """The states in which these calls end, made in one step of one turn. Patches are offered to GPT only."""
        name = f"cage-{next(_numbers)}"
        tools = [{"name": call.tool, "args": call.arguments} for call in calls]
        self.model.register(**{name: [{"tools": tools}, {"text": "done"}]})
        body: Json = {"parts": [{"type": "text", "text": f"script:{name}"}]}
        if any(call.tool == "apply_patch" for call in calls):
            body["model"] = {"providerID": "fake", "modelID": "gpt-5-fake"}
        session = session or await self.session(profile)
        await self.server.ask("POST", f"/session/{session}/message", body)
        parts = [part for message in await self.server.messages(session) for part in message["parts"]]
        states = [part["state"] for part in parts if part["type"] == "tool"]
        return states[-len(calls) :]


def said(state: Json) -> str:
    return str(state.get("error") or state.get("output"))


@contextmanager
def open_cage(scene: Scene, model: Model, *options: str) -> Iterator[Cage]:
    """The scene must have been laid out."""
    permission = {"external_directory": "allow", "edit": "allow", "read": "allow", "doom_loop": "allow"}
    languages = language_entrance.configuration()
    configuration = model.configuration(permission={**permission, "sandbox": "deny"}, **languages)
    known = configuration["provider"]["fake"]["models"]
    known["gpt-5-fake"] = known["fake-1"]
    scene.configure(json.dumps(configuration))
    temporary = scene.base / "tmp"
    temporary.mkdir(exist_ok=True)
    temporary.chmod(0o1777)
    server = Server(
        scene.home,
        scene.workspace,
        data=scene.data,
        launcher=launcher(scene.user) if scene.user else (),
        environment={"TMPDIR": str(temporary)},
    )
    try:
        trio.run(server.start, *options)
        cage = Cage(server, model, scene, json.dumps(configuration))
        trio.run(cage.settle_neighbour)
        yield cage
    finally:
        server.discard()
        print(server.logged())
