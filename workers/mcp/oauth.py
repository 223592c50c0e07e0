"""Authorization of remote servers by OAuth 2.1, as the SDK does it: discovery, registration, PKCE, refresh.

What is granted is kept in the daemon's store. Imports the SDK: see ``sdk``.
"""

import time
from collections.abc import AsyncGenerator
from typing import Any, Final

import httpx2
from mcp.client.auth import OAuthClientProvider, OAuthRegistrationError
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthMetadata,
    OAuthToken,
)
from pydantic import AnyUrl, ValidationError

from oad.contract.mcp import McpOAuth, McpRemote

from .authorization import Authorization
from .callback import redirect_uri
from .credentials import Entry, ServerCredentials

_EARLY_S: Final = 30.0  # before its end a token counts as ended


class AuthorizationNeeded(Exception):
    """The server wants an authorization, and nobody is there to give it."""


class Storage:
    """Implements the SDK's TokenStorage. Only the token, not what it was got with, is known to the SDK's own."""

    def __init__(self, credentials: ServerCredentials, oauth: McpOAuth) -> None:
        self._credentials = credentials
        self._oauth = oauth
        self.provider: OAuthClientProvider | None = None

    async def get_tokens(self) -> OAuthToken | None:
        entry = await self._credentials.read()
        if not isinstance(entry.get("access"), str):
            return None
        self._restore(entry)
        return OAuthToken(access_token=entry["access"], refresh_token=entry.get("refresh"), scope=entry.get("scope"))

    def _restore(self, entry: Entry) -> None:
        """After a restart a token that has ended is refreshed, at the place where it was got."""
        assert self.provider is not None
        context = self.provider.context
        context.token_expiry_time = entry.get("expires")
        if metadata := entry.get("metadata"):
            try:
                context.oauth_metadata = OAuthMetadata.model_validate(metadata)
            except ValidationError:
                return  # of an older version: found out anew

    async def set_tokens(self, tokens: OAuthToken) -> None:
        assert self.provider is not None
        metadata = self.provider.context.oauth_metadata
        await self._credentials.change(
            type="mcp",
            access=tokens.access_token,
            refresh=tokens.refresh_token,
            scope=tokens.scope,
            expires=time.time() + tokens.expires_in - _EARLY_S if tokens.expires_in else None,
            metadata=metadata.model_dump(mode="json", exclude_none=True) if metadata else None,
        )

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        if self._oauth.client_id:
            return OAuthClientInformationFull(
                client_id=self._oauth.client_id,
                client_secret=self._oauth.client_secret,
                token_endpoint_auth_method="client_secret_post" if self._oauth.client_secret else "none",
            )
        entry = await self._credentials.read()
        client: dict[str, Any] | None = entry.get("client")
        if client is None:
            return None
        return OAuthClientInformationFull.model_validate({**client, "client_secret": entry.get("token")})

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        client = client_info.model_dump(mode="json", exclude_none=True, exclude={"client_secret"})
        await self._credentials.change(type="mcp", client=client, token=client_info.client_secret)


class Guard(httpx2.Auth):
    """The SDK's flow; ``unregistered`` says why the authorization server wants no client of ours, ``needed`` that
    somebody has to authorize it: the transports tell neither."""

    requires_response_body = True

    def __init__(self, config: McpRemote, credentials: ServerCredentials, authorization: Authorization | None) -> None:
        self.needed = False
        self.unregistered = ""
        self._authorization = authorization
        oauth = config.oauth if isinstance(config.oauth, McpOAuth) else McpOAuth()
        storage = Storage(credentials, oauth)
        self._scope = oauth.scope
        self._provider = OAuthClientProvider(
            server_url=config.url,
            client_metadata=OAuthClientMetadata(
                redirect_uris=[AnyUrl(place_of_return(config))], client_name="oad", scope=oauth.scope
            ),
            storage=storage,
            redirect_handler=self._show,
            callback_handler=self._wait,
        )
        storage.provider = self._provider

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        flow = self._provider.async_auth_flow(request)
        try:
            outgoing = await anext(flow)
            while True:
                outgoing = await flow.asend((yield outgoing))
        except StopAsyncIteration:
            return
        except OAuthRegistrationError as error:
            self.unregistered = str(error) or "the authorization server registers no clients"
            raise
        finally:
            await flow.aclose()

    async def _show(self, url: str) -> None:
        if self._authorization is None:
            self.needed = True
            raise AuthorizationNeeded("the server wants to be authorized")
        await self._authorization.show(_with_scope(url, self._scope))

    async def _wait(self) -> AuthorizationCodeResult:
        assert self._authorization is not None
        code = await self._authorization.wait()
        return AuthorizationCodeResult(code=code.value, state=code.state, iss=code.issuer)


def place_of_return(config: McpRemote) -> str:
    """Where the browser is sent when it has authorized us."""
    oauth = config.oauth if isinstance(config.oauth, McpOAuth) else McpOAuth()
    return oauth.redirect_uri or redirect_uri(oauth.callback_port)


def _with_scope(url: str, scope: str | None) -> str:
    """The configured scope, where the SDK would take what the server names."""
    return url if scope is None else str(httpx2.URL(url).copy_set_param("scope", scope))
