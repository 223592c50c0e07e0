"""``oad config``: its options. What they do is in .configuration."""

from pathlib import Path
from typing import Annotated

import typer

from .options import AsJson, Config, Setting

config = typer.Typer(no_args_is_help=True, help="Read and check the server's settings.")


@config.command("check")
def config_check(
    config: Config = None,
    settings: Setting = None,
    directory: Annotated[
        Path | None, typer.Option("--directory", help="Also the opencode.json and agents that apply to this directory.")
    ] = None,
) -> None:
    """Say all that is wrong, as FILE:LINE: TEXT. Status 0 if nothing is, else 2."""
    from .configuration import check

    raise typer.Exit(check(config, settings or (), directory))


@config.command("show")
def config_show(
    config: Config = None,
    settings: Setting = None,
    as_json: AsJson = False,
    origin: Annotated[bool, typer.Option("--origin", help="And where each value comes from.")] = False,
) -> None:
    """Print what is in force: every key, after files, environment and options. Secrets are masked."""
    from .configuration import show

    raise typer.Exit(show(config, settings or (), as_json=as_json, origin=origin))
