"""What a server takes at one moment: memory, descriptors, threads and processes by kind, and its files."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .. import processes

_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20
# Grow by design until they are rotated: shown, and not judged.
_ROTATED = ("audit", "log")
_OF = {"ses_": "session", "pty_": "terminal"}


@dataclass
class Kind:
    """Of all processes of one kind together."""

    count: int = 0
    memory_mb: float = 0.0
    descriptors: int = 0
    threads: int = 0


@dataclass
class Footprint:
    kinds: dict[str, Kind] = field(default_factory=dict)
    files: Counter[str] = field(default_factory=Counter)  # number, by top name in the data directory
    bytes: Counter[str] = field(default_factory=Counter)

    def store_mb(self) -> float:
        return sum(size for name, size in self.bytes.items() if name.startswith("oad.db")) / 2**20

    def rotated_mb(self) -> float:
        return sum(self.bytes[name] for name in _ROTATED) / 2**20

    def other_files(self) -> int:
        return sum(count for name, count in self.files.items() if not name.startswith(("oad.db", *_ROTATED)))


def take(pids: list[int], data: Path) -> Footprint:
    found = Footprint()
    for pid in pids:
        _add_process(found, pid)
    for folder, _, names in os.walk(data):
        for name in names:
            _add_file(found, data, Path(folder, name))
    return found


def kind_of(title: str) -> str:
    """From the title that a process gives itself; programs of sessions keep their own, and are all one kind."""
    words = title.split()
    if words[:1] == ["oad-session"]:
        return f"{_OF.get(words[1][:4], 'directory')} {'call' if words[-1].isdigit() else words[-1]}"
    if words[:2] == ["oad", "serve"]:
        return "parent"
    return words[0] if words and words[0].startswith("oad-") else "command"


def _add_process(found: Footprint, pid: int) -> None:
    try:
        resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        threads = len(os.listdir(f"/proc/{pid}/task"))
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        title = processes.title(pid)
    except OSError:
        return  # it has ended meanwhile
    if not title:
        return  # so has this one
    kind = found.kinds.setdefault(kind_of(title), Kind())
    kind.count += 1
    kind.memory_mb += resident * _PAGE_MB
    kind.descriptors += descriptors
    kind.threads += threads


def _add_file(found: Footprint, data: Path, file: Path) -> None:
    try:
        size = file.lstat().st_blocks * 512
    except OSError:
        return
    top = file.relative_to(data).parts[0]
    found.files[top] += 1
    found.bytes[top] += size
