"""Logging in to providers: the methods there are, the beginning and the end of a login."""

from typing import Any, Final

import msgspec

from oad.contract.oauth import AuthorizeInput, CallbackInput, OAuthMethod
from oad.link import Answer

from .context import TRUE, Operation, Request, json_answer


async def list_methods(request: Request) -> Answer:
    """Logins first, as their positions are what clients name them by; then keys, as the directory's worker knows."""
    params = request.params
    answer = await request.services.supervisor.call_project(params["directory"], request.op, params, b"")
    keys: dict[str, list[Any]] = msgspec.json.decode(answer.body)
    logins = request.services.renewal.logins
    methods = {provider: list[Any](map(_shown, logins.methods(provider))) for provider in logins.providers()}
    return json_answer({id: methods.get(id, []) + keys.get(id, []) for id in {**keys, **methods}})


def _shown(method: OAuthMethod) -> dict[str, Any]:
    prompts = {"prompts": method.prompts} if method.prompts else {}
    return {"type": "oauth", "label": method.label, **prompts}


async def authorize(request: Request) -> Answer:
    asked: AuthorizeInput = request.decode(AuthorizeInput)
    provider = request.params["providerID"]
    return json_answer(await request.services.renewal.logins.authorize(provider, asked.method, asked.inputs))


async def callback(request: Request) -> Answer:
    given: CallbackInput = request.decode(CallbackInput)
    await request.services.renewal.logins.callback(request.params["providerID"], given.method, given.code)
    return TRUE


PROVIDER_AUTH: Final[dict[str, Operation]] = {
    "provider.auth": list_methods,
    "provider.oauth.authorize": authorize,
    "provider.oauth.callback": callback,
}
