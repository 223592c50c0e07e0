"""Ways to log in to a provider of models: what the operator writes, and what clients are asked and told."""

import re
from typing import Final, Literal
from urllib.parse import urlsplit

import msgspec

_PLACE: Final = re.compile(r"{(\w+)}")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Asked only if another answer is, or is not, this value."""

    key: str
    op: Literal["eq", "neq"]
    value: str


class Option(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    label: str
    value: str
    hint: str | None = None


class TextPrompt(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type", tag="text"
):
    key: str
    message: str
    placeholder: str | None = None
    when: When | None = None


class SelectPrompt(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type", tag="select"
):
    key: str
    message: str
    options: tuple[Option, ...]
    when: When | None = None


Prompt = TextPrompt | SelectPrompt


class OAuthMethod(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[[oauth.PROVIDER]]`` of oad.toml. ``{name}`` in an address stands for the answer to the prompt of that key.

    ``flow``: "loopback", the browser comes back to this host; "code", the person copies what the provider's page shows;
    "device", the person enters a short code on the provider's page. ``style`` "key-exchange": the code becomes an API
    key that lasts, as OpenRouter has it; there is no client id then."""

    label: str
    token_url: str
    authorize_url: str = ""
    device_url: str = ""
    client_id: str = ""
    client_secret_file: str = ""
    flow: Literal["loopback", "code", "device"] = "loopback"
    style: Literal["oauth2", "key-exchange"] = "oauth2"
    redirect_uri: str = "http://localhost/oauth/callback"  # loopback: without a port, any that is free
    scopes: tuple[str, ...] = ()
    parameters: dict[str, str] = {}  # further ones of the address that the browser opens
    body: Literal["form", "json"] = "form"  # of requests for tokens
    instructions: str = ""  # for the person who logs in
    prompts: tuple[Prompt, ...] = ()


Methods = dict[str, tuple[OAuthMethod, ...]]


class BadMethod(Exception):
    """The text says what is wrong with an operator's method."""


def check_methods(methods: Methods) -> None:
    """Raises BadMethod."""
    for provider, several in methods.items():
        for method in several:
            if problem := _problem(method):
                raise BadMethod(f"[[oauth.{provider}]] {method.label}: {problem}")


def _problem(method: OAuthMethod) -> str:
    page = method.device_url if method.flow == "device" else method.authorize_url
    if not page:
        return "device_url is missing" if method.flow == "device" else "authorize_url is missing"
    if method.style == "oauth2" and not method.client_id:
        return "client_id is missing"
    unsafe = [url for url in (page, method.token_url) if not _PLACE.match(url) and not is_safe(url)]
    if unsafe:
        return f"{unsafe[0]} is neither https nor on this host"
    known = {prompt.key for prompt in method.prompts}
    asked = set(_PLACE.findall(page + method.token_url))
    return f"nobody is asked for {sorted(asked - known)}" if asked - known else ""


def is_safe(url: str) -> bool:
    """Tokens may go there: encrypted, or to this host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    loopback = parts.scheme == "http" and parts.hostname in _LOOPBACK
    return bool(parts.hostname) and (parts.scheme == "https" or loopback)


def fill_in(url: str, answers: dict[str, str]) -> str:
    """An address with the answers to its prompts."""
    return _PLACE.sub(lambda place: answers.get(place[1], "").rstrip("/"), url)


class Authorization(msgspec.Struct, frozen=True):
    """What a client shows: an address to open; with method "code" it then asks for what is shown there."""

    url: str
    method: Literal["auto", "code"]
    instructions: str


class AuthorizeInput(msgspec.Struct, frozen=True):
    """``method``: position in the provider's list of methods."""

    method: int
    inputs: dict[str, str] | None = None


class CallbackInput(msgspec.Struct, frozen=True):
    method: int
    code: str | None = None
