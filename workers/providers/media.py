"""Which attachments a model can be given, and what it is told about the others."""

from base64 import b64decode

from oad.contract.catalogue import Model

from .model import MediaContent

_TEXTUAL = frozenset({"application/json", "application/xml", "application/yaml", "application/x-ndjson"})


def media_kind(mime: str) -> str:
    """image, pdf, audio, video, text or other."""
    head = mime.partition("/")[0]
    if mime == "application/pdf":
        return "pdf"
    if head == "text" or mime in _TEXTUAL:
        return "text"
    return head if head in {"image", "audio", "video"} else "other"


def accepts(model: Model, media: MediaContent) -> bool:
    return bool(getattr(model.capabilities.input, media_kind(media.mime), False))


def data_url(media: MediaContent) -> str:
    return f"data:{media.mime};base64,{media.data}"


def as_text(media: MediaContent) -> str:
    """The text of a textual attachment; else a note that the model cannot see it, so that it can say so."""
    if media_kind(media.mime) == "text":
        return b64decode(media.data).decode(errors="replace")
    return (
        f"[The attachment {media.filename or 'without a name'} ({media.mime}) was left out: "
        "this model cannot read it. Tell the user.]"
    )
