import msgspec
import pytest

from oad.contract.message import Part
from oad.contract.prompt import CommandInput, PromptInput, QuestionReply
from oad.contract.session import SessionPatch
from oad.gateway.schema_errors import describe


@pytest.mark.parametrize(
    ("type", "body", "text"),
    [
        (PromptInput, b"{}", 'Missing key\n  at ["parts"]'),
        (PromptInput, b'{"parts":[],"model":{"providerID":"p"}}', 'Missing key\n  at ["model"]["modelID"]'),
        (PromptInput, b'{"parts":[5]}', 'Expected object, got 5\n  at ["parts"][0]'),
        (PromptInput, b"[" + b"[" * 5000, "Expected object, got another type"),
        (PromptInput, b'{"parts":[],"noReply":1}', 'Expected boolean | null, got 1\n  at ["noReply"]'),
        (SessionPatch, b'{"title":5}', 'Expected string | null, got 5\n  at ["title"]'),
        (CommandInput, b'{"command":"x"}', 'Missing key\n  at ["arguments"]'),
        (QuestionReply, b'{"answers":"a"}', 'Expected array, got "a"\n  at ["answers"]'),
        (Part, b"[]", "Expected object, got []"),
    ],
)
def test_texts_are_the_references(type: object, body: bytes, text: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(body, type=type)
    assert describe(str(caught.value), body, type) == text
