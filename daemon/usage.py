"""What the processes below a call's holder use, read from ``/proc``: time, memory, listening ports.

This is the init's to find out: Landlock keeps the worker from seeing the descriptors of processes outside its domain.
"""

import os
import socket
import sys
from itertools import islice
from pathlib import Path
from typing import Final, Literal

from oad.contract.job import Port, Usage

from . import procs

_TICK: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_MOST_PROCESSES: Final = 256  # a fork bomb must not keep the init from killing it
_MOST_DESCRIPTORS: Final = 1024
_LISTENING: Final = {"tcp": "0A", "udp": "07"}  # as /proc/net has the states; a UDP socket without a peer is "closed"


def measure(holder: int) -> Usage:
    """Of everything below ``holder``, and what that has collected. Blocks for some milliseconds; not a snapshot."""
    pids = procs.descendants(holder)
    looked_into = pids[:_MOST_PROCESSES]
    ticks = sum(map(_ticks, looked_into)) + _ticks(holder, own=False)
    return Usage(len(pids), round(ticks / _TICK, 2), sum(map(_resident, looked_into)), _ports(looked_into))


def _ticks(pid: int, *, own: bool = True) -> int:
    """Clock ticks of a process and of the children it has waited for, or of these alone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15] if own else fields[13:15]))


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except OSError:
        return 0


def _ports(pids: list[int]) -> list[Port]:
    """Sockets are listed by network namespace; which of them are a process's own its descriptors tell."""
    found: set[tuple[str, str, int]] = set()
    tables: dict[str, dict[int, tuple[str, str, int]]] = {}
    for pid in pids:
        inodes = _sockets(pid)
        if not inodes:
            continue
        try:
            space = str(Path(f"/proc/{pid}/ns/net").readlink())
        except OSError:
            continue
        if space not in tables:
            tables[space] = _listening(pid)
        found |= {port for inode, port in tables[space].items() if inode in inodes}
    return [Port(_protocol(name), address, number) for name, address, number in sorted(found)]


def _protocol(name: str) -> Literal["tcp", "udp"]:
    return "tcp" if name == "tcp" else "udp"


def _sockets(pid: int) -> set[int]:
    """Inodes; none of a process whose descriptors we may not see."""
    found: set[int] = set()
    try:
        for entry in islice(Path(f"/proc/{pid}/fd").iterdir(), _MOST_DESCRIPTORS):
            target = str(entry.readlink())
            if target.startswith("socket:["):
                found.add(int(target[8:-1]))
    except OSError:
        pass
    return found


def _listening(pid: int) -> dict[int, tuple[str, str, int]]:
    found: dict[int, tuple[str, str, int]] = {}
    for table in ("tcp", "tcp6", "udp", "udp6"):
        try:
            lines = Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
        except OSError:
            continue
        protocol = table[:3]
        for fields in map(str.split, lines):
            if fields[3] == _LISTENING[protocol]:
                address, _, port = fields[1].partition(":")
                found[int(fields[9])] = (protocol, _address(address), int(port, 16))
    return found


def _address(text: str) -> str:
    """Words of 32 bits in the machine's order."""
    raw = b"".join(int(text[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(text), 8))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)
