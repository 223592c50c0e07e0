"""``oad config``: settings checked and shown, with or without a running server."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from oad.daemon.enforceable import probe_host

from .exit_status import OK, USAGE
from .refusal import refuse
from .settings.load import Loaded, find_sources, load_settings, parse_settings
from .settings.origin import BadConfig
from .settings.show import as_json as write_json
from .settings.show import as_toml, list_settings

# A process of its own: what reads the configuration of projects belongs to the workers, which share nothing with us.
_INSPECTION: Final = "oad.workers.config.inspection"


def check(config: Path | None, settings: Sequence[str], directory: Path | None = None) -> int:
    problems = [*_problems(config, settings), *(_problems_of_project(directory) if directory is not None else [])]
    for problem in problems:
        print(problem)
    return USAGE if problems else OK


def show(config: Path | None, settings: Sequence[str], *, as_json: bool, origin: bool) -> int:
    try:
        shown = list_settings(_load(config, settings))
    except BadConfig as error:
        return refuse(str(error), USAGE)
    print(write_json(shown, origins=origin) if as_json else "\n".join(as_toml(shown, origins=origin)))
    return OK


def _load(config: Path | None, settings: Sequence[str]) -> Loaded:
    return load_settings(find_sources(config, os.environ, parse_settings(settings)))


def _problems(config: Path | None, settings: Sequence[str]) -> Iterator[str]:
    try:
        loaded = _load(config, settings)
    except BadConfig as error:
        yield from map(str, error.problems)
        return
    for name, why in probe_host().lacking.items():
        if getattr(loaded.settings.limits, name) is not None:
            origin = loaded.origins_of(("limits", name))[-1]
            yield f"{origin}: limits.{name}: can't be enforced on this host: {why}"


def _problems_of_project(directory: Path) -> list[str]:
    """What is ignored of it, it says itself on standard error."""
    command = [sys.executable, "-m", _INSPECTION, str(directory)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.splitlines() or ([f"{directory}: its configuration can't be read"] if done.returncode else [])
