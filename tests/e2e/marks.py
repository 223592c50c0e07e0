"""Programs that can be told apart by an argument of their own, in whatever namespace they run."""

import psutil


def alive(mark: str) -> list[psutil.Process]:
    """Those that carry the mark as an argument of their own."""
    return [process for process in psutil.process_iter(["cmdline"]) if _carries(process, mark)]


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return mark in (process.info["cmdline"] or []) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
