"""``oad doctor``: what this host can enforce, tried out."""

import msgspec

from oad.contract.worker import Level
from oad.daemon.doctor import Probe, examine_host, find_level


class Findings(msgspec.Struct, frozen=True):
    """``level``: how the processes of a session are held together; ``weakness``: why it is not "pidns"."""

    level: Level
    weakness: str
    probes: list[Probe]


def examine(*, as_json: bool) -> int:
    """Prints the findings; 0 only if sessions get the full level."""
    level, weakness = find_level()
    findings = Findings(level, weakness, examine_host())
    print(msgspec.json.encode(findings).decode() if as_json else "\n".join(_lines(findings)))
    return 0 if level == "pidns" else 1


def _lines(findings: Findings) -> list[str]:
    lines = [line for probe in findings.probes for line in _describe(probe)]
    if findings.level == "pidns":
        return [*lines, "", "level: pidns. The kernel ends every process of a session with its first one."]
    return [
        *lines,
        "",
        f"level: subreaper, the weaker one ({findings.weakness}).",
        "A stop freezes, walks and kills the processes of a session; nothing in the kernel vouches for it.",
    ]


def _describe(probe: Probe) -> list[str]:
    if probe.ok:
        return [f"ok       {probe.name}" + (f" ({probe.detail})" if probe.detail else "")]
    return [f"missing  {probe.name}: {probe.step}", f"         to have it: {probe.remedy}"]
