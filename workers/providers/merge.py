"""Fewer events for the same text: neighbours that arrived together are one."""

from collections.abc import Iterable, Iterator

from .model import ProviderEvent, ReasoningDelta, TextDelta, ToolInputDelta

_DELTAS = (TextDelta, ReasoningDelta, ToolInputDelta)


def merge_deltas(events: Iterable[ProviderEvent]) -> Iterator[ProviderEvent]:
    """Joins runs of deltas of one block. Nobody waits longer for it: all of them came in the same read."""
    pending: TextDelta | ReasoningDelta | ToolInputDelta | None = None
    texts: list[str] = []
    for event in events:
        if isinstance(event, _DELTAS):
            if pending is not None and type(event) is type(pending) and event.id == pending.id:
                texts.append(event.text)
                continue
            if pending is not None:
                yield _joined(pending, texts)
            pending, texts = event, [event.text]
        else:
            if pending is not None:
                yield _joined(pending, texts)
                pending = None
            yield event
    if pending is not None:
        yield _joined(pending, texts)


def _joined(first: TextDelta | ReasoningDelta | ToolInputDelta, texts: list[str]) -> ProviderEvent:
    if len(texts) > 1:
        first.text = "".join(texts)
    return first
