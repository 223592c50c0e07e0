"""What methods of both clients take, made into the bodies that operations carry, and the types of lists."""

from collections.abc import Sequence

from oad.contract.message import MessageWithParts, ModelReference
from oad.contract.permission import PermissionRequest
from oad.contract.prompt import FileInput, PartInput, PromptInput, TextInput
from oad.contract.session import QuestionRequest, Session

# Methods are called ``list``, which hides the type inside their classes.
SessionList = list[Session]
MessageList = list[MessageWithParts]
PermissionList = list[PermissionRequest]
QuestionList = list[QuestionRequest]
Answers = list[list[str]]


def make_prompt(
    text: str,
    *,
    files: Sequence[FileInput] = (),
    agent: str | None = None,
    model: str | None = None,
    variant: str | None = None,
    system: str | None = None,
) -> PromptInput:
    """``model`` is "provider/model". Raises ValueError if it is not."""
    parts: list[PartInput] = [*files, TextInput(text=text)]
    return PromptInput(
        parts=parts,
        agent=agent,
        model=parse_model(model) if model is not None else None,
        variant=variant,
        system=system,
    )


def parse_model(text: str) -> ModelReference:
    """ "provider/model"; the model's own name may hold slashes. Raises ValueError."""
    provider, _, model = text.partition("/")
    if not provider or not model:
        raise ValueError(f"{text!r} is not provider/model")
    return ModelReference(provider_id=provider, model_id=model)


def list_query(*, search: str | None, roots: bool, limit: int | None) -> dict[str, str]:
    query = {"search": search or "", "roots": "true" if roots else "", "limit": "" if limit is None else str(limit)}
    return {name: value for name, value in query.items() if value}
