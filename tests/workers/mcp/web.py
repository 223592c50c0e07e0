"""A remote MCP server with an authorization server beside it, on this host's loopback: streamable HTTP at /mcp, the
older events at /sse, OAuth 2.1 with registration, PKCE and refresh."""

import base64
import hashlib
import json
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import trio
from hypercorn.config import Config
from hypercorn.trio import serve

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
TOOLS = [{"name": "echo", "description": "says it again", "inputSchema": {"type": "object"}}]


class Web:
    """``secured``: an access token is needed. ``registers``: new clients are taken. ``streams``: /mcp is there."""

    def __init__(self, *, secured: bool = False, registers: bool = True, streams: bool = True) -> None:
        self.secured, self.registers, self.streams = secured, registers, streams
        self.base = ""
        self.valid: set[str] = set()  # access tokens
        self.refreshing: set[str] = set()
        self.codes: dict[str, str] = {}  # with the challenge of each
        self.asked: list[str] = []  # paths
        self.headers: list[dict[str, str]] = []  # of the requests for /mcp
        self.lives_s = 3600
        self.gone = False  # the session is not known any more
        self.silent = False  # calls are not answered
        self.hangs = trio.Event()  # one is not
        self._events: trio.MemorySendChannel[bytes] | None = None

    @property
    def url(self) -> str:
        return f"{self.base}/mcp"

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        if scope["type"] != "http":
            return
        path, body = scope["path"], b""
        self.asked.append(path)
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        if self.silent and b"tools/call" in body:
            self.hangs.set()
            await trio.sleep_forever()
        if path == "/sse" and scope["method"] == "GET":
            await self._stream(send)
            return
        status, answer, more = self._answer(scope["method"], path, headers, body)
        data = json.dumps(answer).encode() if answer is not None else b""
        found = [(b"content-type", b"application/json"), *((k.encode(), v.encode()) for k, v in more.items())]
        await send({"type": "http.response.start", "status": status, "headers": found})
        await send({"type": "http.response.body", "body": data})

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any, dict[str, str]]:
        match path:
            case "/mcp" if self.streams:
                return self._mcp(method, headers, body)
            case "/messages":
                assert self._events is not None
                if (reply := self._reply(json.loads(body))) is not None:
                    self._events.send_nowait(b"event: message\ndata: " + json.dumps(reply).encode() + b"\n\n")
                return 202, None, {}
            case "/.well-known/oauth-protected-resource" | "/.well-known/oauth-protected-resource/mcp":
                return 200, {"resource": self.url, "authorization_servers": [f"{self.base}/"]}, {}
            case "/.well-known/oauth-authorization-server":
                return 200, self._metadata(), {}
            case "/register":
                return self._register(json.loads(body))
            case "/token":
                return self._token({name: values[0] for name, values in parse_qs(body.decode()).items()})
            case _:
                return 404, {"error": "not found"}, {}

    def _metadata(self) -> dict[str, Any]:
        found = {
            "issuer": f"{self.base}/",
            "authorization_endpoint": f"{self.base}/authorize",
            "token_endpoint": f"{self.base}/token",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
        }
        return found | ({"registration_endpoint": f"{self.base}/register"} if self.registers else {})

    def _register(self, wanted: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        if not self.registers:
            return 403, {"error": "invalid_client_metadata"}, {}
        return 201, {**wanted, "client_id": "client-1", "token_endpoint_auth_method": "none"}, {}

    def visit(self, url: str) -> str:
        """What a person does in a browser: says yes. Returns where the browser is sent."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert url.startswith(f"{self.base}/authorize?")
        code = secrets.token_urlsafe(8)
        self.codes[code] = query["code_challenge"]
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def _token(self, form: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        if form["grant_type"] == "authorization_code":
            challenge = self.codes.pop(form["code"], None)
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            if challenge != base64.urlsafe_b64encode(digest).decode().rstrip("="):
                return 400, {"error": "invalid_grant"}, {}
        elif form["refresh_token"] not in self.refreshing:
            return 400, {"error": "invalid_grant"}, {}
        access, refresh = f"access-{secrets.token_hex(12)}", f"refresh-{secrets.token_hex(12)}"
        self.valid.add(access)
        self.refreshing.add(refresh)
        token = {"access_token": access, "token_type": "bearer", "expires_in": self.lives_s, "refresh_token": refresh}
        return 200, token, {}

    def _mcp(self, method: str, headers: dict[str, str], body: bytes) -> tuple[int, Any, dict[str, str]]:
        self.headers.append(headers)
        if self.secured and headers.get("authorization", "").removeprefix("Bearer ") not in self.valid:
            where = f'Bearer resource_metadata="{self.base}/.well-known/oauth-protected-resource"'
            return 401, {"error": "unauthorized"}, {"www-authenticate": where}
        if self.gone:
            return 404, {"error": "no such session"}, {}
        if method != "POST":
            return (200 if method == "DELETE" else 405), None, {}
        reply = self._reply(json.loads(body))
        return (202, None, {}) if reply is None else (200, reply, {"mcp-session-id": "session-1"})

    def _reply(self, message: dict[str, Any]) -> dict[str, Any] | None:
        if "id" not in message:
            return None
        params = message.get("params", {})
        match message["method"]:
            case "initialize":
                info = {"name": "web", "version": "1"}
                result = {
                    "protocolVersion": params["protocolVersion"],
                    "capabilities": {"tools": {}},
                    "serverInfo": info,
                }
            case "tools/list":
                result = {"tools": TOOLS}
            case _:
                result = {"content": [{"type": "text", "text": json.dumps(params["arguments"])}]}
        return {"jsonrpc": "2.0", "id": message["id"], "result": result}

    async def _stream(self, send: Send) -> None:
        self._events, events = trio.open_memory_channel[bytes](100)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        first = b"event: endpoint\ndata: /messages\n\n"
        await send({"type": "http.response.body", "body": first, "more_body": True})
        async for event in events:
            await send({"type": "http.response.body", "body": event, "more_body": True})


@asynccontextmanager
async def serving(web: Web) -> AsyncGenerator[Web]:
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.graceful_timeout = 0.1
    config.errorlog = None
    async with trio.open_nursery() as nursery:
        (address,) = await nursery.start(serve, web, config)
        web.base = address
        yield web
        nursery.cancel_scope.cancel()
