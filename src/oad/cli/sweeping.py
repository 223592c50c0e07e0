"""``oad gc``: a sweep by the server that runs, or on its data when none does."""

import os
import sqlite3
import sys
from pathlib import Path

import msgspec

from oad.client import Client, Failure
from oad.client.operation import Operation
from oad.contract.upkeep import KINDS, SweepReport
from oad.daemon.instance_lock import AlreadyRunning, is_served
from oad.daemon.migration import SchemaTooNew, StoreUnusable
from oad.daemon.offline_sweep import sweep_alone

from .exit_status import FAILED, OK, UNREACHABLE, USAGE
from .places import UnsafePlace, find_places
from .refusal import refuse
from .settings.load import find_sources, load_settings
from .settings.origin import BadConfig
from .target import Unreachable, find_target, running_at
from .target_options import TargetOptions


def sweep(options: TargetOptions, config: Path | None, *, dry: bool, as_json: bool) -> int:
    """Returns the exit status. 1 too when something could not be removed."""
    try:
        report = (
            _ask(options, dry=dry) if options.url is not None or _is_served(options) else _alone(options, config, dry)
        )
    except BadConfig as error:
        return refuse(str(error), USAGE)
    except Unreachable as error:
        return refuse(str(error), UNREACHABLE)
    except Failure as error:
        return refuse(str(error), UNREACHABLE if error.unreachable else FAILED)
    except (AlreadyRunning, SchemaTooNew, StoreUnusable, UnsafePlace, sqlite3.Error) as error:
        return refuse(str(error), FAILED)
    except OSError as error:
        return refuse(f"{error.filename}: {error.strerror}" if error.filename else str(error), FAILED)
    _show(report, as_json=as_json)
    return FAILED if report.left else OK


def _is_served(options: TargetOptions) -> bool:
    return is_served(find_places(options.data_dir).data)


def _ask(options: TargetOptions, *, dry: bool) -> SweepReport:
    places = find_places(options.data_dir)
    if options.url is None and running_at(places) is None:
        raise Unreachable(
            f"a server works on {places.data}, but it is not known where it listens: name its URL with --attach"
        )
    target = find_target(options)
    wanted: Operation[SweepReport] = Operation(
        "POST", "/storage/sweep", SweepReport, query={"dryRun": "true" if dry else "false"}, takes_long=True
    )
    with Client(target.url, target.login) as client:
        return client.send(wanted)


def _alone(options: TargetOptions, config: Path | None, dry: bool) -> SweepReport:
    places = find_places(options.data_dir)
    policy = load_settings(find_sources(config, os.environ)).settings.policy()
    return sweep_alone(places.data, policy, places.log_file, dry=dry)


def _show(report: SweepReport, *, as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(report).decode())
        return
    print("would be removed:" if report.dry_run else "removed:")
    for each in report.removed:
        print(f"  {each.items:8}  {size(each.bytes):>9}  {each.kind:9}  {KINDS[each.kind]}")
    for text in report.left:
        print(f"oad: left: {text}", file=sys.stderr)


def size(count: int) -> str:
    """Bytes as people read them."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
