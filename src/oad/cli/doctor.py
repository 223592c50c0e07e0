"""``oad doctor``: what this host can enforce, tried out."""

import os
from pathlib import Path

import msgspec

from oad.contract.network import describe_policy
from oad.contract.worker import Level
from oad.daemon.doctor import Probe, examine_host, find_level
from oad.daemon.sandbox_probe import probe_profiles

from .exit_status import USAGE
from .refusal import refuse
from .settings.load import find_sources, load_settings
from .settings.origin import BadConfig


class Findings(msgspec.Struct, frozen=True):
    """``level``: how the processes of a session are held together; ``weakness``: why it is not "pidns"; ``sandbox``
    and ``network``: what the configuration puts in force."""

    level: Level
    weakness: str
    probes: list[Probe]
    sandbox: str = "namespaces"
    network: str = "on"


def examine(*, as_json: bool, config: Path | None = None) -> int:
    """Prints the findings; 0 only if sessions get the full level and the sandbox that ``config`` wants. 2 for a
    configuration that can't be read."""
    try:
        policy = load_settings(find_sources(config, os.environ)).settings.policy()
    except BadConfig as error:
        return refuse(str(error), USAGE)
    level, weakness = find_level()
    profiles = probe_profiles(policy.sandbox)
    findings = Findings(
        level, weakness, [*examine_host(), *profiles], policy.sandbox.level, describe_policy(policy.network)
    )
    print(msgspec.json.encode(findings).decode() if as_json else "\n".join(_lines(findings)))
    return 0 if level == "pidns" and all(probe.ok for probe in profiles) else 1


def _lines(findings: Findings) -> list[str]:
    lines = [line for probe in findings.probes for line in _describe(probe)]
    lines += ["", f"in force: sandbox {findings.sandbox}, network {findings.network}"]
    if any(probe.name == "network namespace" and not probe.ok for probe in findings.probes):
        lines.append("refused: network off and allow. Sessions with that policy run nothing.")
    refused = [probe.name for probe in findings.probes if probe.name.startswith("sandbox ") and not probe.ok]
    lines += [f"refused: {name}. Sessions run nothing under it." for name in refused]
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
