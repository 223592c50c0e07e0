"""Stand-ins for what surrounds the prompt loop: a daemon that notes events, a scripted model, simple tools."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import trio

from oad.contract.catalogue import (
    Agent,
    CacheCost,
    Capabilities,
    Command,
    Cost,
    Limit,
    Modalities,
    Model,
    ModelApi,
    Skill,
)
from oad.contract.errors import ApiError
from oad.contract.ids import now_ms
from oad.contract.message import ModelReference
from oad.contract.permission import PermissionRule
from oad.contract.session import CacheTokens, Session, SessionTime, Tokens
from oad.contract.worker import WorkerSpec
from oad.workers.config.references import Reference
from oad.workers.exec import Chunk, Exec, Outcome
from oad.workers.exec import Command as Program
from oad.workers.providers.model import (
    Emit,
    Endpoint,
    ModelRequest,
    ProviderEvent,
    ReasoningDelta,
    ReasoningEnd,
    ReasoningStart,
    StepFinish,
    TextContent,
    TextDelta,
    TextEnd,
    TextStart,
    ToolInputDelta,
    ToolInputEnd,
    ToolInputStart,
)
from oad.workers.session.surroundings import UnknownName
from oad.workers.session.worker import SessionWorker
from oad.workers.snapshots.keeper import Snapshots
from oad.workers.tools.tool import Tool, ToolContext, ToolResult

SESSION = "ses_test"
USED = Tokens(input=100, output=20, reasoning=0, cache=CacheTokens(read=0, write=0), total=120)
Script = list[Any]


def text(*pieces: str, id: str = "t0") -> list[ProviderEvent]:
    return [TextStart(id), *(TextDelta(id, piece) for piece in pieces), TextEnd(id)]


def thought(*pieces: str, id: str = "r0", metadata: dict[str, Any] | None = None) -> list[ProviderEvent]:
    return [ReasoningStart(id), *(ReasoningDelta(id, piece) for piece in pieces), ReasoningEnd(id, metadata)]


def call(name: str, arguments: dict[str, Any] | str, id: str = "call_1") -> list[ProviderEvent]:
    raw = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()
    return [ToolInputStart(id, name), ToolInputDelta(id, raw), ToolInputEnd(id, name, raw)]


def finish(reason: str = "stop", tokens: Tokens = USED) -> list[ProviderEvent]:
    return [StepFinish(reason, tokens)]


class FakeModel:
    """Answers the n-th call with the n-th script: provider events, exceptions to raise, events to wait for."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = list(scripts)
        self.requests: list[ModelRequest] = []
        self.cancelled = 0
        self.called = trio.Event()

    async def stream(self, request: ModelRequest, emit: Emit) -> None:
        self.requests.append(request)
        self.called.set()
        script = self.scripts.pop(0) if self.scripts else [*text("(script over)"), *finish()]
        try:
            await trio.lowlevel.checkpoint()
            for item in script:
                if isinstance(item, Exception):
                    raise item
                if isinstance(item, trio.Event):
                    await item.wait()
                else:
                    await emit(item)
        except trio.Cancelled:
            self.cancelled += 1
            raise

    async def aclose(self) -> None:
        pass


class EchoArgs(msgspec.Struct):
    text: str = ""


class EchoTool:
    """Answers at once."""

    name = "echo"
    description = "Says it again"
    args = EchoArgs

    async def run(self, args: EchoArgs, context: ToolContext) -> ToolResult:
        await context.progress(None, {"output": args.text})
        return ToolResult(title="Echo", output=args.text, metadata={"output": args.text})


class WaitTool:
    """Runs until it is let go; ``started`` counts."""

    name = "wait"
    description = "Waits"
    args = EchoArgs

    def __init__(self) -> None:
        self.running = 0
        self.started = trio.Event()
        self.go = trio.Event()

    async def run(self, args: EchoArgs, context: ToolContext) -> ToolResult:
        self.running += 1
        try:
            await context.progress("Waiting", {"output": "begun"})
            self.started.set()
            await self.go.wait()
        finally:
            self.running -= 1
        return ToolResult(title="Waited", output="waited", metadata={})


class AskTool:
    """Asks for permission, then does what ``echo`` does."""

    name = "ask"
    description = "Asks first"
    args = EchoArgs

    async def run(self, args: EchoArgs, context: ToolContext) -> ToolResult:
        await context.ask("ask", [args.text], always=["*"], metadata={"text": args.text})
        return ToolResult(title="Asked", output=args.text, metadata={})


class Compacting(msgspec.Struct):
    auto: bool = True
    prune: bool = True
    reserved: int | None = None
    tail_turns: int | None = None
    preserve_recent_tokens: int | None = None


def make_model(name: str = "fake-1", *, images: bool = False) -> Model:
    input = Modalities(text=True, audio=False, image=images, video=False, pdf=False)
    return Model(
        id=name,
        provider_id="fake",
        api=ModelApi(id=name, url="", npm=""),
        name=name,
        capabilities=Capabilities(
            temperature=False,
            reasoning=False,
            attachment=False,
            toolcall=True,
            input=input,
            output=input,
            interleaved=False,
        ),
        cost=Cost(input=1, output=2, cache=CacheCost(read=0, write=0)),
        limit=Limit(context=200_000, output=8192),
        status="active",
        options={},
        headers={},
        release_date="",
    )


def make_agent(name: str, **fields: Any) -> Agent:
    return Agent(**{"name": name, "mode": "primary", "permission": [], "options": {}, **fields})


class FakeScene:
    def __init__(self, worktree: Path, model: FakeModel, tools: list[Any] | None = None) -> None:
        self.worktree = worktree
        self.compaction = Compacting()
        self.share: str | None = None
        self.snapshots = True
        self.services: dict[str, Any] = {}
        self.model = model
        self.models = {"fake-1": make_model()}
        self.tool_list: list[Any] = [EchoTool()] if tools is None else tools
        self.agent_list = [
            make_agent("build"),
            make_agent("plan"),
            make_agent("general", mode="subagent"),
            make_agent("title", hidden=True),
            make_agent("compaction", hidden=True),
        ]
        self.rule_list = [PermissionRule(permission="*", pattern="*", action="allow")]
        self.command_map: dict[str, Command] = {}
        self.renewed: list[str] = []

    def agent(self, name: str) -> Agent | None:
        return next((agent for agent in self.agent_list if agent.name == name), None)

    def agents(self) -> list[Agent]:
        return self.agent_list

    def default_agent(self) -> str:
        return "build"

    def rules(self, agent: Agent) -> list[PermissionRule]:
        return [*self.rule_list, *agent.permission]

    def instructions(self) -> list[str]:
        return ["Be kind."]

    def commands(self) -> dict[str, Command]:
        return self.command_map

    def skills(self) -> list[Skill]:
        return []

    def find_model(self, provider_id: str, model_id: str) -> tuple[Model, Endpoint]:
        if provider_id != "fake" or model_id not in self.models:
            raise UnknownName(f"Model not found: {provider_id}/{model_id}.")
        return self.models[model_id], Endpoint(protocol="demo")

    def default_model(self) -> ModelReference:
        return ModelReference(provider_id="fake", model_id="fake-1")

    def small_model(self, provider_id: str) -> ModelReference | None:
        return None

    def references(self) -> list[Reference]:
        return []

    async def renew(self, provider_id: str) -> None:
        self.renewed.append(provider_id)

    def client_for(self, endpoint: Endpoint) -> FakeModel:
        return self.model

    def cost_of(self, model: Model, tokens: Tokens) -> float:
        return tokens.input * model.cost.input / 1e6 + tokens.output * model.cost.output / 1e6

    def tools(self, model: Model, agent: Agent) -> dict[str, Tool[Any]]:
        return {tool.name: tool for tool in self.tool_list}


class FakeSurroundings:
    def __init__(self, scene: FakeScene) -> None:
        self.one = scene

    async def scene(self, directory: str, credentials: dict[str, Any]) -> FakeScene:
        return self.one


class FakeExec:
    """Prints what it is told to; a program called ``sleep`` lasts until it is cancelled."""

    def __init__(self) -> None:
        self.programs: list[Program] = []
        self.output = b"out\n"
        self.started = trio.Event()

    async def run(
        self,
        command: Program,
        *,
        on_stdout: Chunk,
        on_stderr: Chunk | None = None,
        timeout_s: float | None = None,
        grace_s: float = 0.2,
    ) -> Outcome:
        self.programs.append(command)
        await on_stdout(self.output)
        self.started.set()
        if "sleep" in command.argv[-1]:
            await trio.sleep_forever()
        return Outcome(exit=0)


class FakeLink:
    """The daemon: keeps what it is told, as JSON, and hands it back when a turn begins."""

    def __init__(self, directory: Path, *, title: str = "t", **fields: Any) -> None:
        now = now_ms()
        self.session = Session(
            id=SESSION,
            slug="s",
            project_id="global",
            directory=str(directory),
            title=title,
            version="1",
            time=SessionTime(created=now, updated=now),
            **fields,
        )
        self.events: list[tuple[str, Any, bool]] = []
        self.infos: dict[str, Any] = {}
        self.parts: dict[str, Any] = {}
        self.calls: list[tuple[str, dict[str, str], Any]] = []
        self.replies: dict[str, Callable[[Any], Awaitable[Any]]] = {}
        self.hook: Callable[[str, Any], None] | None = None
        self._news = trio.Condition()

    async def publish(self, type: str, properties: Any, *, durable: bool = True) -> None:
        await trio.lowlevel.checkpoint()
        plain = msgspec.json.decode(msgspec.json.encode(properties))
        self.events.append((type, plain, durable))
        self._keep(type, plain, durable)
        if self.hook is not None:
            self.hook(type, plain)
        with trio.CancelScope(shield=True):
            async with self._news:
                self._news.notify_all()

    def _keep(self, type: str, plain: Any, durable: bool) -> None:
        if type == "message.updated":
            self.infos[plain["info"]["id"]] = plain["info"]
        elif type == "message.part.updated" and durable:
            self.parts[plain["part"]["id"]] = plain["part"]
        elif type == "message.removed":
            del self.infos[plain["messageID"]]
        elif type == "session.patched":
            record = {**msgspec.to_builtins(self.session), **plain["patch"]}
            self.session = msgspec.convert({key: value for key, value in record.items() if value is not None}, Session)

    async def call(self, op: str, params: dict[str, str], body: bytes = b"", *, deadline_s: float = 0.0) -> bytes:
        await trio.lowlevel.checkpoint()
        asked = msgspec.json.decode(body) if body else None
        self.calls.append((op, params, asked))
        if op == "daemon.turn":
            return msgspec.json.encode({"session": self.session, "messages": self.messages(), "credentials": {}})
        if op in self.replies:
            return msgspec.json.encode(await self.replies[op](asked))
        raise ApiError(404, {"name": "NotFoundError", "data": {"message": op}})

    def messages(self) -> list[Any]:
        def parts(id: str) -> list[Any]:
            return [part for part in self.parts.values() if part["messageID"] == id]

        return [{"info": info, "parts": parts(id)} for id, info in self.infos.items()]

    async def seen(self, wanted: Callable[[str, Any], bool]) -> None:
        """Waits until such an event was published."""
        async with self._news:
            while not any(wanted(type, properties) for type, properties, _ in self.events):
                await self._news.wait()

    async def counted(self, number: int) -> None:
        """Waits for so many events, or until nothing happens any more."""
        with trio.move_on_after(1):
            async with self._news:
                while len(self.events) < number:
                    await self._news.wait()

    def types(self, since: int = 0) -> list[str]:
        return [brief(type, properties) for type, properties, _ in self.events[since:]]


def brief(type: str, properties: Any) -> str:
    """An event in a word or two."""
    short = type.removeprefix("session.").removeprefix("message.")
    if type == "session.status":
        return properties["status"]["type"]
    if type == "message.updated":
        info = properties["info"]
        marks = [info["role"], info.get("finish", ""), "done" if info["time"].get("completed") else ""]
        marks += ["summary" if info.get("summary") is True else "", info.get("error", {}).get("name", "")]
        return " ".join(mark for mark in marks if mark)
    if type == "message.part.updated":
        part = properties["part"]
        if part["type"] == "tool":
            return f"{part['tool']}:{part['state']['status']}"
        whole = "." if part.get("time", {}).get("end") else ""
        return f"part:{part['type']}{whole}"
    return short


class World:
    """A worker with all its surroundings; ``async with nursery`` of the test runs it."""

    def __init__(
        self,
        directory: Path,
        *scripts: Script,
        tools: list[Any] | None = None,
        exec: Exec | None = None,
        snapshots: Snapshots | None = None,
        **session: Any,
    ) -> None:
        self.model = FakeModel(*scripts)
        self.link = FakeLink(directory, **session)
        self.scene = FakeScene(directory, self.model, tools)
        self.exec = FakeExec()
        spec = WorkerSpec(
            kind="session",
            name=SESSION,
            directory=str(directory),
            endpoint="",
            scratch=str(directory / "scratch"),
            writable=[],
        )
        self.idles: list[int] = []
        surroundings = FakeSurroundings(self.scene)
        self.worker = SessionWorker(
            self.link, exec or self.exec, spec, surroundings, on_idle=self.idles.append, snapshots=snapshots
        )

    async def do(self, op: str, body: Any) -> Any:
        answer = await self.worker.handle(f"session.{op}", {}, msgspec.json.encode(body))
        return msgspec.json.decode(answer.body) if answer.body else answer.status

    async def prompt(self, text: str = "hello", **fields: Any) -> Any:
        return await self.do("prompt", {"parts": [{"type": "text", "text": text}], **fields})

    def open_things(self) -> list[Any]:
        """What must not exist once the session is idle."""
        tools = [
            p
            for p in self.link.parts.values()
            if p["type"] == "tool" and p["state"]["status"] in {"pending", "running"}
        ]
        answers = [i for i in self.link.infos.values() if i["role"] == "assistant" and "completed" not in i["time"]]
        return tools + answers


def tool_parts(world: World) -> list[Any]:
    return [part for part in world.link.parts.values() if part["type"] == "tool"]


def texts_sent(world: World, number: int) -> list[str]:
    """What a model call said, without calls and outcomes."""
    messages = world.model.requests[number].messages
    return [item.text for message in messages for item in message.content if isinstance(item, TextContent)]
