"""``oad gc``, ``oad backup``, ``oad restore``: their options. What they do is in .sweeping and .backing_up."""

from pathlib import Path
from typing import Annotated

import typer

from .options import USUAL, AsJson, Config, DataDir, takes_target
from .target_options import TargetOptions


def add_storage_commands(app: typer.Typer) -> None:
    app.command("gc")(collect_garbage)
    app.command("backup")(back_up)
    app.command("restore")(restore)


@takes_target
def collect_garbage(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Remove nothing; say what would go.")] = False,
    as_json: AsJson = False,
    config: Config = None,
    target: TargetOptions = USUAL,
) -> None:
    """Remove what is left over, too old or too much of the server's own data; whether it runs or not."""
    from .sweeping import sweep

    raise typer.Exit(sweep(target, config, dry=dry_run, as_json=as_json))


def back_up(
    file: Annotated[Path, typer.Argument(help="The backup to be written (tar.gz).")],
    credentials: Annotated[
        bool, typer.Option("--credentials", help="With keys of providers and the server's.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Write all sessions to one file; also while the server runs."""
    from .backing_up import back_up

    raise typer.Exit(back_up(data_dir, file, config, credentials=credentials, force=force))


def restore(
    file: Annotated[Path, typer.Argument(help="A backup.")],
    force: Annotated[bool, typer.Option("--force", help="Put what is there aside.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Put a backup in the place of the data; the server must not run."""
    from .backing_up import restore

    raise typer.Exit(restore(data_dir, file, force=force))
