"""GET /livez and /readyz: open to everyone, and silent about everything but their status."""

from .asgi import Receive, Scope, Send, answer
from .link import DaemonLink


class Probes:
    """Alive is a gateway that answers; ready is one that has a daemon."""

    def __init__(self, link: DaemonLink) -> None:
        self._link = link

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await answer(send, 405, headers=[(b"allow", b"GET, HEAD")])
        elif scope["path"] == "/readyz" and not self._link.is_up:
            await answer(send, 503, headers=[(b"retry-after", b"1")])
        else:
            await answer(send, 200)
