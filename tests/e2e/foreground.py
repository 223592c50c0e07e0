"""``oad serve`` with everything it prints, for tests of the command itself."""

import os
import subprocess
import sys
from pathlib import Path

import httpx2
import psutil

from .server import until


class Command:
    """One ``oad serve`` with everything it prints."""

    def __init__(self, place: Path, *options: str, **environment: str) -> None:
        self.data = place / "data"
        passed = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LANG") if name in os.environ}
        (place / "home").mkdir(exist_ok=True)
        self._out, self._err = place / "out", place / "err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "oad.cli.main", "serve", "--data-dir", str(self.data), *options],
                env={**passed, "HOME": str(place / "home"), **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=place,
            )

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    async def ended(self) -> int:
        await until(lambda: self.process.poll() is not None, "the command ends")
        return int(self.process.returncode)

    async def ready(self) -> str:
        """Its URL, once the daemon answers behind it."""
        await until(lambda: " listening on " in self.out or self.process.poll() is not None, "it greets")
        assert self.process.poll() is None, self.err
        url = self.out.splitlines()[0].rpartition(" ")[2]
        async with httpx2.AsyncClient(trust_env=False) as client:

            async def is_ready() -> bool:
                return (await client.get(f"{url}/readyz", timeout=10)).status_code == 200

            await until(is_ready, "it is ready")
        return url

    def tree(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)
