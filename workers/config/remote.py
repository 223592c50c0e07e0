"""What configuration names by address: instructions, and indexes of skills. Fetched the way the session's network
policy leaves open, within a few seconds, and kept for a while; what can't be had is done without, and told once."""

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urljoin

import msgspec
import structlog
import trio

from oad.contract.ids import is_harmless

from ..egress import OPEN, Egress
from ..tools.download import download
from ..tools.tool import ToolFailed
from .instructions import Instruction
from .project import ProjectSetup, load
from .remote_folder import folder_of

_log = structlog.get_logger("oad.config")

_EACH_S: Final = 5.0
_ALL_S: Final = 20.0  # for all skills of an index
_KEPT_S: Final = 600.0
_KEPT_FAILURE_S: Final = 60.0
_MAX_SKILLS: Final = 100
_MAX_FILES: Final = 50  # of a skill
_MAIN: Final = "SKILL.md"


class _Skill(msgspec.Struct):
    name: str
    files: list[str] = []


class _Index(msgspec.Struct):
    skills: list[_Skill] = []


class Remote:
    """``cache``: a directory of one's own, for skills; without one none are fetched."""

    def __init__(self, egress: Egress = OPEN, cache: Path | None = None) -> None:
        self._egress = egress
        self._cache = cache
        self._texts: dict[str, tuple[float, str | None]] = {}  # by address: when it ends to hold, and what it is
        self._pulled: dict[str, float] = {}
        self._failed: set[str] = set()

    async def load(self, directory: str, readable: Sequence[str] = ()) -> ProjectSetup:
        """A directory's set-up, with the skills that it names by address. Raises as ``project.load`` does."""
        cache = str(self._cache or "")
        setup = load(directory, readable=readable, fetched=cache)
        if setup.config.skills.urls and cache:
            await self.pull(setup.config.skills.urls)
            setup = load(directory, readable=readable, fetched=cache)
        return setup

    async def instructions(self, addresses: Sequence[str]) -> list[Instruction]:
        """In the order of the addresses, side by side."""
        async with trio.open_nursery() as nursery:
            for address in addresses:
                nursery.start_soon(self._text, address)
        found = ((address, self._texts[address][1]) for address in addresses)
        return [Instruction(path=address, text=text) for address, text in found if text and text.strip()]

    async def pull(self, urls: Sequence[str]) -> None:
        """Brings the skills that the indexes at these addresses list into their folders, see ``folder_of``."""
        if self._cache is None:
            return
        async with trio.open_nursery() as nursery:
            for url in urls:
                if time.monotonic() >= self._pulled.get(url, 0.0):
                    nursery.start_soon(self._pull, url, self._cache)

    async def _text(self, address: str) -> str | None:
        until, text = self._texts.get(address, (0.0, None))
        if time.monotonic() < until:
            return text
        fresh = await self._fetch(address)
        kept = _KEPT_S if fresh is not None else _KEPT_FAILURE_S
        self._texts[address] = time.monotonic() + kept, text if fresh is None else fresh.decode("utf-8", "replace")
        return self._texts[address][1]

    async def _fetch(self, address: str) -> bytes | None:
        try:
            with trio.fail_after(_EACH_S):
                return (await download(address, "text", _EACH_S, _follow, self._egress)).data
        except (ToolFailed, trio.TooSlowError) as error:
            if address not in self._failed:
                self._failed.add(address)
                reason = str(error) or f"no answer within {_EACH_S:g} s"
                _log.warning("what configuration names can't be fetched", address=address, reason=reason)
            return None

    async def _pull(self, url: str, cache: Path) -> None:
        base = url.rstrip("/") + "/"
        raw = await self._fetch(urljoin(base, "index.json"))
        complete = False
        if raw is not None:
            with trio.move_on_after(_ALL_S):
                complete = await self._pull_index(url, base, raw, cache)
        self._pulled[url] = time.monotonic() + (_KEPT_S if complete else _KEPT_FAILURE_S)

    async def _pull_index(self, url: str, base: str, raw: bytes, cache: Path) -> bool:
        try:
            index = msgspec.json.decode(raw, type=_Index)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            _log.warning("no index of skills", address=url, reason=str(error))
            return False
        async with trio.open_nursery() as nursery:
            for skill in index.skills[:_MAX_SKILLS]:
                if is_harmless(skill.name) and _MAIN in skill.files and all(map(_stays_inside, skill.files)):
                    folder = cache / folder_of(url) / skill.name
                    nursery.start_soon(self._pull_skill, urljoin(base, f"{skill.name}/"), skill, folder)
        return True

    async def _pull_skill(self, base: str, skill: _Skill, folder: Path) -> None:
        others = [name for name in skill.files if name != _MAIN][: _MAX_FILES - 1]
        for name in (*others, _MAIN):  # what makes it a skill comes last: it is seen whole or not at all
            content = await self._fetch(urljoin(base, name))
            if content is None:
                return
            await trio.to_thread.run_sync(partial(_store, folder / name, content))


def _stays_inside(name: str) -> bool:
    path = Path(name)
    return bool(name) and len(name) < 200 and "\0" not in name and not path.is_absolute() and ".." not in path.parts


def _store(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists() or file.read_bytes() != content:
        file.write_bytes(content)


async def _follow(address: str) -> None:
    """Redirects to other hosts are followed: the network policy decides on each."""
