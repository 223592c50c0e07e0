"""``oad top``, ``oad ps`` and ``oad logs``, as the command line has them."""

from typing import Annotated

import typer

from .options import USUAL, AsJson, DataDir, takes_target
from .target_options import TargetOptions


def register(app: typer.Typer) -> None:
    app.command("top")(show_top)
    app.command("ps")(show_processes)
    app.command("logs")(show_logs)


@takes_target
def show_top(
    target: TargetOptions = USUAL,
    every: Annotated[float, typer.Option("--every", "-d", min=0.5, help="Seconds between two looks.")] = 2.0,
    sort: Annotated[str, typer.Option(help="state, cpu, memory, tokens, age or used")] = "state",
    once: Annotated[bool, typer.Option("--once", help="Print the table and leave.")] = False,
    as_json: AsJson = False,
) -> None:
    """Watch the sessions of a running server: what they do and what it takes. Keys abort one and change the order."""
    from .monitor.top import TopOptions, top

    options = TopOptions(every_s=every, sort=sort, once=once, as_json=as_json)
    raise typer.Exit(top(target, options))


@takes_target
def show_processes(
    session: Annotated[str | None, typer.Argument(help="Only those of this session.")] = None,
    target: TargetOptions = USUAL,
    as_json: AsJson = False,
) -> None:
    """List the processes of the service and of each session, with CPU time, memory and age."""
    from .monitor.tree import print_processes

    raise typer.Exit(print_processes(target, session, as_json=as_json))


def show_logs(
    session: Annotated[str, typer.Argument(help="Id of a session or of a request (X-Request-Id); else all.")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is added.")] = False,
    level: Annotated[str, typer.Option(help="At least this: debug, info, warn or error.")] = "debug",
    since: Annotated[str | None, typer.Option(help="15m, 2h, 1d, or a time such as 2026-01-31T12:00.")] = None,
    data_dir: DataDir = None,
    journal: Annotated[
        bool | None, typer.Option("--journal/--file", help="Where to look; else the journal if there is no file.")
    ] = None,
    user: Annotated[bool, typer.Option("--user", help="The journal of this user's own service.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what the log says of a session, from all processes."""
    from .monitor.logs import LogOptions, print_logs

    options = LogOptions(
        id=session,
        level=level,
        since=since,
        follow=follow,
        as_json=as_json,
        journal=journal,
        user=user,
        data_dir=data_dir,
    )
    raise typer.Exit(print_logs(options))
