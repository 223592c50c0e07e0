"""``oad config``: settings checked and shown, with or without a running server."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from oad.daemon.enforceable import probe_host

from .exit_status import OK, USAGE
from .refusal import refuse
from .settings.load import Loaded, find_sources, load_settings, parse_settings
from .settings.origin import BadConfig
from .settings.show import as_json as write_json
from .settings.show import as_toml, list_settings


def check(config: Path | None, settings: Sequence[str]) -> int:
    problems = list(_problems(config, settings))
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
