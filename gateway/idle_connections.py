"""Closing connections that clients have left."""

import hypercorn.trio.run
from hypercorn.trio.tcp_server import TCPServer


class PromptServer(TCPServer):
    """Hypercorn keeps the socket of a client that has gone for as long as it would have waited for its next request,
    75 s here: as many descriptors as there were short-lived clients in that time."""

    async def _read_data(self) -> None:
        await super()._read_data()
        await self.idle_task.stop()


def close_promptly() -> None:
    """For all servers of this process. Hypercorn has no setting for it."""
    setattr(hypercorn.trio.run, "TCPServer", PromptServer)  # noqa: B010  its stubs do not export the name
