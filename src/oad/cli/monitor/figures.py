"""Numbers as people read them, in few columns."""

_UNITS = ("", "K", "M", "G", "T", "P")


def size(count: float) -> str:
    """Bytes, in at most five characters: ``980``, ``12.3M``."""
    return _scaled(count, 1024)


def number(count: float) -> str:
    """At most five characters: ``12``, ``3.4K``."""
    return _scaled(count, 1000)


def _scaled(count: float, step: int) -> str:
    unit = 0
    while count >= 999.5 and unit < len(_UNITS) - 1:
        count /= step
        unit += 1
    digits = 1 if unit and count < 99.95 else 0
    return f"{count:.{digits}f}{_UNITS[unit]}"


def duration(seconds: float) -> str:
    """At most six characters: ``3.2s``, ``12m04s``, ``3h04m``, ``12d3h``."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f}s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    days, hours = whole // 86_400, whole % 86_400 // 3600
    return f"{days}d{hours}h" if days < 1000 else f"{days}d"


def percent(share: float | None) -> str:
    """Of one core; nothing is known before the second look."""
    if share is None:
        return "-"
    return f"{share:.1f}" if share < 100 else f"{share:.0f}"
