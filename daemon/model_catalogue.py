"""A catalogue of models that the operator names, for all workers: a file, or an address that is asked every hour.

The variables are the reference's: OPENCODE_MODELS_PATH (a file), OPENCODE_MODELS_URL (where ``api.json`` of models.dev
is served), OPENCODE_DISABLE_MODELS_FETCH. Without the first two nothing is read and nobody is asked.
"""

import hashlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog
import trio

from oad.contract.oauth import is_safe

if TYPE_CHECKING:
    from http.client import HTTPMessage
    from urllib.request import Request

_log = structlog.get_logger("oad.models")

_EVERY_S: Final = 3600.0
_AGAIN_S: Final = 300.0  # after a failure
_LOOK_S: Final = 5.0
_TIMEOUT_S: Final = 20.0
_MAX_BYTES: Final = 32 * 1024 * 1024

Stamp = tuple[int, int, int]
Changed = Callable[[], Awaitable[None]]


class Unusable(Exception):
    """The text says why no catalogue came of it."""


class ModelCatalogue:
    """``version`` is empty while there is none, and changes with ``content``, which is JSON."""

    def __init__(self, environment: Mapping[str, str], data: Path) -> None:
        named = environment.get("OPENCODE_MODELS_PATH", "")
        self._url = "" if named else environment.get("OPENCODE_MODELS_URL", "")
        self._fetches = environment.get("OPENCODE_DISABLE_MODELS_FETCH", "").lower() not in ("1", "true")
        self._environment = environment
        self._file: Path | None = None
        if named:
            self._file = Path(named).expanduser().absolute()
        elif self._url:
            self._file = data / "models.json"  # what was fetched is kept: a start needs no network
        self._stamp: Stamp | None = None
        self.version = ""
        self.content = b""
        self._look()

    async def run(self, changed: Changed) -> None:
        """``changed`` is called after each change. Returns at once where nothing is configured."""
        if self._url and self._fetches:
            await self._follow_address(changed)
        elif self._file is not None:
            await self._follow_file(changed)

    async def _follow_file(self, changed: Changed) -> None:
        while True:
            await trio.sleep(_LOOK_S)
            if self._look():
                await changed()

    async def _follow_address(self, changed: Changed) -> None:
        while True:
            pause = _EVERY_S
            try:
                await trio.to_thread.run_sync(self._fetch, abandon_on_cancel=True)
                if self._look():
                    await changed()
            except (Unusable, OSError) as error:
                pause = _AGAIN_S
                _log.warning("no catalogue of models came", reason=str(error), again_in_s=pause)
            await trio.sleep(pause)

    def _look(self) -> bool:
        """Whether the file's content is another one than before. What is unusable is told, and changes nothing."""
        if self._file is None or (stamp := _stamp(self._file)) == self._stamp:
            return False
        self._stamp = stamp
        try:
            content = b"" if stamp is None else _checked(self._file.read_bytes())
        except (OSError, Unusable) as error:
            _log.error("the catalogue of models can't be used", file=str(self._file), reason=str(error))
            return False
        version = hashlib.sha256(content).hexdigest()[:16] if content else ""
        if version == self.version:
            return False
        self.version, self.content = version, content
        _log.info("catalogue of models taken over", file=str(self._file), version=version)
        return True

    def _fetch(self) -> None:
        """In a thread. Raises Unusable, OSError."""
        assert self._file is not None
        address = self._url if self._url.endswith(".json") else f"{self._url.rstrip('/')}/api.json"
        if not is_safe(address):
            # It says where keys are sent.
            raise Unusable("OPENCODE_MODELS_URL must be https, or on this host")
        content = _checked(_download(address, _proxies(self._environment)))
        if not self._file.exists() or self._file.read_bytes() != content:
            new = self._file.with_suffix(".new")
            new.write_bytes(content)
            new.replace(self._file)


def _stamp(file: Path) -> Stamp | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _checked(content: bytes) -> bytes:
    """Raises Unusable."""
    try:
        providers = msgspec.json.decode(content, type=dict[str, dict[str, msgspec.Raw]])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unusable(f"no catalogue: {error}") from error
    if not any("models" in provider for provider in providers.values()):
        raise Unusable("no catalogue: it lists no models")
    return content


def _proxies(environment: Mapping[str, str]) -> dict[str, str]:
    names = {"http": ("http_proxy", "HTTP_PROXY"), "https": ("https_proxy", "HTTPS_PROXY")}
    return {scheme: environment[name] for scheme, several in names.items() for name in several if name in environment}


def _download(address: str, proxies: dict[str, str]) -> bytes:
    # Only where an address is configured are these imports paid for.
    from http.client import HTTPException
    from urllib.error import URLError
    from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, build_opener

    class Careful(HTTPRedirectHandler):
        def redirect_request(
            self, req: "Request", fp: Any, code: int, msg: str, headers: "HTTPMessage", newurl: str
        ) -> "Request | None":
            return super().redirect_request(req, fp, code, msg, headers, newurl) if is_safe(newurl) else None

    opener = build_opener(ProxyHandler(proxies), Careful, HTTPSHandler(context=ssl.create_default_context()))
    opener.addheaders = [("user-agent", "oad"), ("accept", "application/json")]
    try:
        with opener.open(address, timeout=_TIMEOUT_S) as answer:
            content = answer.read(_MAX_BYTES + 1)
    except (URLError, HTTPException, OSError, ValueError) as error:
        raise Unusable(str(error)) from error
    if len(content) > _MAX_BYTES:
        raise Unusable(f"more than {_MAX_BYTES} bytes")
    return bytes(content)
