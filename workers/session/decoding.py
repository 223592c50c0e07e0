"""Bodies of requests as what they are meant to be."""

from typing import Any

import msgspec

from oad.contract.errors import bad_request


def decode(body: bytes, type: type[Any]) -> Any:
    """Raises ApiError 400."""
    try:
        return msgspec.json.decode(body or b"{}", type=type)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_request(str(error)) from error
