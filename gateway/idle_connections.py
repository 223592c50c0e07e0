"""Closing connections that clients have left."""

import hypercorn.trio.run
from hypercorn.events import Event
from hypercorn.trio.tcp_server import TCPServer


class PromptServer(TCPServer):
    """Hypercorn keeps the socket of a client that has gone for as long as it would have waited for its next request,
    75 s here: as many descriptors as there were short-lived clients in that time."""

    _left = False

    async def _read_data(self) -> None:
        await super()._read_data()
        self._left = True
        await self.idle_task.stop()

    async def protocol_send(self, event: Event) -> None:
        await super().protocol_send(event)
        if self._left:  # the end of an answer that nobody reads would start the wait anew
            await self.idle_task.stop()


def close_promptly() -> None:
    """For all servers of this process. Hypercorn has no setting for it."""
    setattr(hypercorn.trio.run, "TCPServer", PromptServer)  # noqa: B010  its stubs do not export the name
