"""``oad service``: install, remove and check the units of systemd."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from .exit_status import FAILED
from .refusal import Refused, refuse
from .service_files import ENABLED, ServiceFile, system_files, user_files
from .service_health import PROPERTIES, describe, find_problems

Scope = Literal["system", "user"]
_SHOWN: Final = {
    "system": (
        "oad.target",
        "oad.service",
        "oad-gateway.socket",
        "oad-gateway@1.service",
        "oad-proxy.socket",
        "oad-proxy.service",
    ),
    "user": ("oad.service",),
}
# The gateways see no home directories, and the service's user may not enter them.
_PRIVATE: Final = ("/home/", "/root/", "/run/user/")


class ServiceOptions(msgspec.Struct, frozen=True):
    """``root`` other than "/" is an image: files are written and nothing is started."""

    scope: Scope = "system"
    root: Path = Path("/")
    start: bool = True

    @property
    def is_live(self) -> bool:
        return self.root == Path("/")


def install(options: ServiceOptions) -> int:
    """Writes what is missing or has changed, and starts the service. Returns the exit status."""
    try:
        program = _find_program(options)
        _check_rights(options)
        for file in _files(options, program):
            _write(file)
        if options.is_live:
            _activate(options)
        return 0
    except (Refused, OSError) as error:
        return refuse(str(error), FAILED)


def uninstall(options: ServiceOptions) -> int:
    """Stops the service and removes the files that are as they were written. Data and settings stay."""
    try:
        _check_rights(options)
        if options.is_live:
            _systemctl(options, "stop", ENABLED[options.scope][0], check=False)
            _systemctl(options, "disable", *ENABLED[options.scope], check=False)
        for file in _files(options, _find_program(options)):
            _remove(file)
        if options.is_live:
            _systemctl(options, "daemon-reload")
        return 0
    except (Refused, OSError) as error:
        return refuse(str(error), FAILED)


def status(options: ServiceOptions) -> int:
    """Prints each file that is not as this version writes it, and each unit's state. 0 when all is well."""
    try:
        files = [each for each in _files(options, _find_program(options)) if not each.kept]
    except (Refused, OSError) as error:
        return refuse(str(error), FAILED)
    changed = [(each.path, each.state()) for each in files if each.state() != "current"]
    for path, state in changed:
        print(f"{path}: {state}")
    if not options.is_live:
        return FAILED if changed else 0
    units = [*_SHOWN[options.scope], *(_gateways(options) if options.scope == "system" else [])]
    failed = [unit for unit in units if not _show(options, unit)]
    return FAILED if changed or failed else 0


def _files(options: ServiceOptions, program: str) -> list[ServiceFile]:
    if options.scope == "system":
        return list(system_files(options.root, program))
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return list(user_files(Path(home), program))


def _find_program(options: ServiceOptions) -> str:
    """The ``oad`` that runs now. Raises Refused."""
    found = shutil.which(sys.argv[0]) or shutil.which("oad")
    if found is None:
        raise Refused("the oad program is not in PATH")
    program = str(Path(found).absolute())
    if options.scope == "system" and options.is_live and os.path.realpath(program).startswith(_PRIVATE):
        raise Refused(
            f"{program} lies in a home, where the service's user can't go: install oad in /opt or /usr/local"
            " (python3 -m venv /opt/oad && /opt/oad/bin/pip install oad), or use --user"
        )
    return program


def _check_rights(options: ServiceOptions) -> None:
    if options.scope == "system" and options.is_live and os.geteuid() != 0:
        raise Refused("a system service is installed by root; --user installs one for this user")
    if options.is_live and not Path("/run/systemd/system").is_dir():
        raise Refused("systemd does not run here; `oad serve` needs none")


def _write(file: ServiceFile) -> None:
    state = file.state()
    if state == "current" or (file.kept and state != "missing"):
        print(f"kept     {file.path}")
        return
    file.path.parent.mkdir(parents=True, exist_ok=True)
    new = file.path.with_name(file.path.name + ".new")
    new.write_text(file.content)
    new.chmod(0o644)
    new.replace(file.path)
    print(f"{'wrote' if state == 'missing' else 'replaced':8} {file.path}")


def _remove(file: ServiceFile) -> None:
    match file.state():
        case "current" if not file.kept:
            file.path.unlink()
            print(f"removed  {file.path}")
        case "different" if not file.kept:
            print(f"kept     {file.path}: it was changed")
        case _:
            return


def _activate(options: ServiceOptions) -> None:
    """Raises Refused with what systemd said."""
    if options.scope == "system":
        _run(["systemd-sysusers", "/etc/sysusers.d/oad.conf"])
        _run(["systemd-tmpfiles", "--create", "/etc/tmpfiles.d/oad.conf"])
    _systemctl(options, "daemon-reload")
    _systemctl(options, "enable", *ENABLED[options.scope])
    if options.start:
        _systemctl(options, "restart", "oad.service")
        if options.scope == "system":  # an upgrade: those that run are of the old version
            _systemctl(options, "try-restart", "oad-gateway@*.service", "oad-proxy.service")
        _systemctl(options, "start", *ENABLED[options.scope])
        print("started; `oad service status` tells how it is")


def _show(options: ServiceOptions, unit: str) -> bool:
    """Whether it is well: a unit that waits to be needed is."""
    shown = _systemctl(options, "show", unit, f"--property={','.join(PROPERTIES)}").stdout
    found = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    print(describe(unit, found))
    problems = find_problems(unit, found, needed=unit in ENABLED[options.scope])
    for problem in problems:
        print(f"  {problem}" if options.scope == "system" else f"  {problem.replace('ctl ', 'ctl --user ')}")
    return not problems


def _gateways(options: ServiceOptions) -> list[str]:
    """Those that run or should, besides the first."""
    listed = _systemctl(options, "list-units", "--all", "--plain", "--no-legend", "oad-gateway@*.service").stdout
    return sorted({line.split()[0] for line in listed.splitlines() if line.strip()} - set(_SHOWN["system"]))


def _systemctl(options: ServiceOptions, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    scope = ["--user"] if options.scope == "user" else []
    return _run(["systemctl", *scope, *arguments], check=check)


def _run(command: Sequence[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Raises Refused."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Refused(f"{command[0]} is not installed") from error
    if check and done.returncode:
        raise Refused(f"{' '.join(command)}: {done.stderr.strip() or f'status {done.returncode}'}")
    return done
