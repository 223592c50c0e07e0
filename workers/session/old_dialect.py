"""The dialect of older clients: model and mode at the top of a prompt's body, a message's fields at that of the answer.

Both are additions: who speaks the newer dialect sees nothing of this.
"""

import msgspec

from oad.contract.message import MessageWithParts, ModelReference
from oad.contract.prompt import PromptInput
from oad.contract.wire_model import WireModel


class OldPrompt(WireModel):
    """What an older client's body has where a newer one's has ``model`` and ``agent``."""

    provider_id: str | None = None
    model_id: str | None = None
    mode: str | None = None


def is_old(old: OldPrompt) -> bool:
    """Older clients always choose the model."""
    return old.provider_id is not None and old.model_id is not None


def translate(input: PromptInput, old: OldPrompt) -> PromptInput:
    """What is said in the newer dialect wins."""
    model = ModelReference(provider_id=old.provider_id or "", model_id=old.model_id or "")
    return msgspec.structs.replace(input, model=input.model or model, agent=input.agent or old.mode)


def flatten(message: MessageWithParts) -> bytes:
    """The answer with the message's fields beside ``info`` and ``parts``, in JSON."""
    return msgspec.json.encode({**msgspec.to_builtins(message.info), **msgspec.to_builtins(message)})
