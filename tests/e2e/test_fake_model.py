"""The scripted model answers in every protocol as the vendors' own clients read them."""

import anthropic
import openai
import pytest

from .model import Model
from .server import until

TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
# The client abandons its inner generators at [DONE], which trio tells of.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
STEPS = [{"text": "Hello there", "chunks": 3, "tools": [{"name": "look", "args": {"at": 1}}]}, {"text": "Done"}]


async def test_chat_completions(model: Model) -> None:
    model.register(greet=STEPS)
    async with openai.AsyncOpenAI(base_url=model.url + "/v1", api_key="x", max_retries=0) as client:
        stream = await client.chat.completions.create(
            model="m", stream=True, messages=[{"role": "user", "content": '"do script:greet"'}]
        )
        chunks = [chunk async for chunk in stream]
    said = [c.choices[0].delta.content for c in chunks if c.choices[0].delta.content]
    calls = [call for c in chunks for call in c.choices[0].delta.tool_calls or []]
    assert said == ["Hell", "o th", "ere"]
    assert [(c.function.name, c.function.arguments) for c in calls if c.function] == [("look", '{"at": 1}')]
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 120


async def test_the_second_step_answers_the_tools_result(model: Model) -> None:
    model.register(greet=STEPS)
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    async with openai.AsyncOpenAI(base_url=model.url + "/v1", api_key="x", max_retries=0) as client:
        answer = await client.chat.completions.create(
            model="m",
            messages=[
                {"role": "user", "content": "script:greet"},
                {"role": "assistant", "content": "Hello there", "tool_calls": [call]},  # type: ignore[list-item]
                {"role": "tool", "tool_call_id": "call_1", "content": "seen"},
            ],
        )
    assert answer.choices[0].message.content == "Done"


async def test_responses(model: Model) -> None:
    model.register(greet=STEPS)
    async with openai.AsyncOpenAI(base_url=model.url + "/v1", api_key="x", max_retries=0) as client:
        stream = await client.responses.create(model="m", stream=True, input="script:greet")
        events = [event async for event in stream]
    final = events[-1]
    assert final.type == "response.completed"
    assert final.response.output_text == "Hello there"
    assert final.response.output[1].type == "function_call"
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == "Hello there"


async def test_messages(model: Model) -> None:
    model.register(greet=STEPS)
    asked = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "script:greet"}]}
    async with (
        anthropic.AsyncAnthropic(base_url=model.url, api_key="x", max_retries=0) as client,
        client.messages.stream(**asked) as stream,  # type: ignore[arg-type]
    ):
        message = await stream.get_final_message()
    assert [block.type for block in message.content] == ["text", "tool_use"]
    assert message.stop_reason == "tool_use"


async def test_attempts_and_errors(model: Model) -> None:
    model.register(flaky=[{"attempts": [{"status": 429, "headers": {"retry-after": "1"}}, {"text": "recovered"}]}])
    async with openai.AsyncOpenAI(base_url=model.url + "/v1", api_key="x", max_retries=0) as client:
        ask = client.chat.completions.create
        try:
            await ask(model="m", messages=[{"role": "user", "content": "script:flaky"}])
        except openai.RateLimitError as error:
            assert error.response.headers["retry-after"] == "1"
        answer = await ask(model="m", messages=[{"role": "user", "content": "script:flaky"}])
    assert answer.choices[0].message.content == "recovered"


async def test_a_client_that_leaves_is_noticed(model: Model) -> None:
    before = len(model.statistics()["disconnects"])
    async with openai.AsyncOpenAI(base_url=model.url + "/v1", api_key="x", max_retries=0) as client:
        content = '<<script [{"text": "begun", "hang": true}] >>'
        stream = await client.chat.completions.create(
            model="m", stream=True, messages=[{"role": "user", "content": content}]
        )
        chunks = aiter(stream)
        while (await anext(chunks)).choices[0].delta.content != "begun":
            pass
        assert model.statistics()["open"] == 1
        await chunks.aclose()  # type: ignore[attr-defined]
    await until(lambda: len(model.statistics()["disconnects"]) == before + 1, "the model server notices")
    assert model.statistics()["open"] == 0
