"""GET /livez and /readyz: open to everyone, and silent unless something is missing that the operator must see to."""

from typing import Final

from oad.contract.errors import ApiError

from .asgi import Receive, Scope, Send, answer
from .link import DaemonLink

_DEADLINE_S: Final = 2.0


class Probes:
    """Alive is a gateway that answers; ready is one that has a daemon which can do its work."""

    def __init__(self, link: DaemonLink) -> None:
        self._link = link

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await answer(send, 405, headers=[(b"allow", b"GET, HEAD")])
        elif scope["path"] == "/readyz":
            await self._answer_readiness(send)
        else:
            await answer(send, 200)

    async def _answer_readiness(self, send: Send) -> None:
        status, body = 503, b""
        if self._link.is_up:
            try:
                reply, body = await self._link.call("oad.ready", {}, deadline_s=_DEADLINE_S)
                status = reply.status
            except ApiError as error:
                body = error.encode()
        if status == 200:
            await answer(send, 200)
        else:
            await answer(send, 503, body, headers=[(b"retry-after", b"1")])
