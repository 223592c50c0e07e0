"""A terminal that nobody sees: a program in tmux, the keys it is sent, and the screen it draws."""

import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

import trio

COLUMNS, ROWS = 130, 60
POLL_S = 0.04


class Terminal:
    """One program at a time. ``place`` must have a short path: tmux's socket is made in it."""

    def __init__(self, place: Path, columns: int = COLUMNS, rows: int = ROWS) -> None:
        self._socket = place / "tmux"
        self._size = ("-x", str(columns), "-y", str(rows))
        self._started = False

    async def run(self, command: list[str], *, environment: Mapping[str, str], cwd: Path) -> None:
        """Ends what ran before. The variables given are all that the program gets, with those of the terminal."""
        variables = {**environment, "TERM": "tmux-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        given = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
        line = f"env -i {given} {shlex.join(command)}; echo; echo ended with status $?; exec sleep 600"
        if self._started:
            await self._tmux("respawn-pane", "-k", "-c", str(cwd), line)
        else:
            await self._tmux("new-session", "-d", *self._size, "-c", str(cwd), line)
            self._started = True

    async def keys(self, *names: str) -> None:
        """By tmux's names: Enter, Escape, Down, C-x, n."""
        await self._tmux("send-keys", *names)

    async def type(self, text: str) -> None:
        """Returns when the text is drawn; it must fit on one line."""
        await self._tmux("send-keys", "-l", "--", text)
        await self.until(text)

    async def screen(self) -> str:
        drawn = (await self._tmux("capture-pane", "-p")).splitlines()
        return "\n".join(line.rstrip() for line in drawn if line.strip())

    async def until(self, *drawn: str, without: str | None = None, timeout_s: float = 20) -> str:
        """The screen as soon as all of ``drawn`` is on it, word for word or as a regular expression after "re:", and
        ``without`` is not. Fails with the screen as it is when that takes too long."""
        screen = ""
        with trio.move_on_after(timeout_s):
            while True:
                screen = await self.screen()
                found = all(re.search(pattern, screen) for pattern in map(_expression, drawn))
                if found and not (without and re.search(_expression(without), screen)):
                    return screen
                await trio.sleep(POLL_S)
        raise AssertionError(f"in {timeout_s} s not drawn: {drawn}, without {without!r}:\n{screen}")

    async def shows(self, pattern: str) -> bool:
        return re.search(_expression(pattern), await self.screen()) is not None

    def close(self) -> None:
        """Ends the terminal and the program in it."""
        subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], capture_output=True, check=False)

    async def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-u", "-f", "/dev/null", "-S", str(self._socket), *arguments]
        return (await trio.run_process(command, capture_stdout=True)).stdout.decode()


def _expression(pattern: str) -> str:
    return pattern.removeprefix("re:") if pattern.startswith("re:") else re.escape(pattern)
