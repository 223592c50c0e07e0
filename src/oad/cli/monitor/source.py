"""Where the figures come from: the server on the data, found again whenever it was restarted."""

import threading
from collections.abc import Callable

from oad.client import Client, Failure
from oad.contract.activity import Activity

from ..target import Unreachable, find_target
from ..target_options import TargetOptions


class Source:
    """Not for several threads at a time."""

    def __init__(self, options: TargetOptions) -> None:
        self._options = options
        self._client: Client | None = None
        self.url = ""

    def look(self) -> Activity:
        """Raises Unreachable, Failure; the next look tries anew."""
        try:
            return self._connected().activity()
        except Failure:
            self.close()
            raise

    def abort(self, session: str) -> str:
        """What is to be said of it. Raises Unreachable, Failure."""
        client = self._connected()
        client.sessions.abort(session)
        receipt = client.sessions.abort_receipt(session)
        survivors = receipt.get("survivors", 0)
        left = f", {survivors} processes are left" if survivors else ""
        return f"{session} aborted in {receipt.get('tookMs', 0):.0f} ms ({receipt.get('rung')}){left}"

    def _connected(self) -> Client:
        if self._client is None:
            target = find_target(self._options)
            self.url = target.url
            self._client = Client(target.url, target.login)
        return self._client

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


class Poller:
    """Looks in a thread, so that a server which does not answer does not stop the keys. ``found`` and ``failed`` are
    called in it."""

    def __init__(
        self, source: Source, every_s: float, found: Callable[[Activity], None], failed: Callable[[str], None]
    ) -> None:
        self._source = source
        self._every_s = every_s
        self._found = found
        self._failed = failed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._found(self._source.look())
            except (Unreachable, Failure) as error:
                self._failed(str(error))
            self._stop.wait(self._every_s)
