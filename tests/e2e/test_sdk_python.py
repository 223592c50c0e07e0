"""The Python SDK from PyPI, which speaks an older dialect than the server's other clients."""

from collections.abc import AsyncIterator

import opencode_ai
import pytest
import trio

from .model import Model
from .server import Server, until


@pytest.fixture
async def client(shared: Server) -> AsyncIterator[opencode_ai.AsyncOpencode]:
    async with opencode_ai.AsyncOpencode(base_url=shared.url, max_retries=0, timeout=30) as client:
        yield client


async def create(client: opencode_ai.AsyncOpencode) -> str:
    return (await client.session.create(extra_body={})).id


async def test_chat(client: opencode_ai.AsyncOpencode, model: Model) -> None:
    model.register(py_chat=[{"text": "Hello from afar"}])
    session = await create(client)
    message = await client.session.chat(
        session,
        provider_id="fake",
        model_id="fake-2",
        mode="plan",
        parts=[{"type": "text", "text": "script:py_chat"}],
    )
    assert message.id.startswith("msg_")
    assert (message.provider_id, message.api_model_id, message.mode) == ("fake", "fake-2", "plan")
    assert message.tokens.output == 20
    assert message.error is None
    assert message.time.completed is not None
    [asked, answered] = await client.session.messages(session)
    assert (asked.info.role, answered.info.role) == ("user", "assistant")
    texts = [part.text for part in answered.parts if part.type == "text"]
    assert texts == ["Hello from afar"]
    assert answered.info.id == message.id


async def test_a_tools_part(client: opencode_ai.AsyncOpencode, model: Model) -> None:
    call = {"name": "bash", "args": {"command": "echo from python", "description": "echo"}}
    model.register(py_tool=[{"tools": [call]}, {"text": "ok"}])
    session = await create(client)
    parts = [{"type": "text", "text": "script:py_tool"}]
    await client.session.chat(session, provider_id="fake", model_id="fake-1", parts=parts)  # type: ignore[arg-type]
    messages = await client.session.messages(session)
    (part,) = [part for message in messages for part in message.parts if part.type == "tool"]
    assert part.tool == "bash"
    assert part.state.status == "completed"
    assert part.state.output.strip() == "from python"


async def test_sessions(client: opencode_ai.AsyncOpencode) -> None:
    session = await create(client)
    listed = await client.session.list()
    assert session in [one.id for one in listed]
    assert all(one.title and one.time.created for one in listed)
    assert await client.session.delete(session) is True
    with pytest.raises(opencode_ai.NotFoundError, match="Session not found"):
        await client.session.messages(session)


async def test_abort(client: opencode_ai.AsyncOpencode, shared: Server, model: Model) -> None:
    model.register(py_hang=[{"text": "begun", "hang": True}])
    session = await create(client)
    await shared.prompt_async(session, "script:py_hang")
    await until(lambda: model.statistics()["open"] > 0, "the model is asked")
    assert await client.session.abort(session) is True
    (last,) = (await client.session.messages(session))[-1:]
    assert last.info.role == "assistant"
    assert last.info.error is not None
    assert last.info.error.name == "MessageAbortedError"


async def test_summarize_and_init(client: opencode_ai.AsyncOpencode) -> None:
    session = await create(client)
    parts = [{"type": "text", "text": "one"}]
    await client.session.chat(session, provider_id="fake", model_id="fake-1", parts=parts)  # type: ignore[arg-type]
    assert await client.session.summarize(session, provider_id="fake", model_id="fake-1") is True
    message_id = "msg_ffffffffffff00000000000002"
    done = await client.session.init(session, provider_id="fake", model_id="fake-1", message_id=message_id)
    assert done is True


async def test_configuration(client: opencode_ai.AsyncOpencode) -> None:
    config = await client.config.get()
    assert config.model == "fake/fake-1"
    providers = await client.app.providers()
    (fake,) = [provider for provider in providers.providers if provider.id == "fake"]
    assert fake.models["fake-1"].limit.context == 200_000
    assert providers.default["fake"] == "fake-1"
    assert await client.app.log(level="info", message="hello", service="test") is True


async def test_the_app(client: opencode_ai.AsyncOpencode, shared: Server) -> None:
    app = await client.app.get()
    assert (app.path.cwd, app.git) == (str(shared.project), False)
    assert await client.app.init() is True
    modes = {mode.name: mode for mode in await client.app.modes()}
    assert {"build", "plan", "terse"} <= set(modes)
    assert (modes["terse"].prompt, modes["build"].tools) == ("Be terse.", {})


async def test_events(client: opencode_ai.AsyncOpencode) -> None:
    stream = await client.event.list()
    types: list[str] = []
    ids: list[str] = []
    async with trio.open_nursery() as nursery:

        async def read() -> None:
            async for event in stream:
                types.append(event.type)  # noqa: PERF401  others look at the list meanwhile

        nursery.start_soon(read)
        await until(lambda: bool(types), "the stream is open")
        ids.append(await create(client))
        parts = [{"type": "text", "text": "one"}]
        await client.session.chat(ids[0], provider_id="fake", model_id="fake-1", parts=parts)  # type: ignore[arg-type]
        await until(lambda: "session.idle" in types, "the turn's end is told")
        nursery.cancel_scope.cancel()
    with trio.CancelScope(shield=True):
        await stream.close()
    assert {"message.updated", "message.part.updated", "session.updated"} <= set(types)
