"""The ``oad`` command."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from oad import __version__

from .credential import read_secret
from .places import find_places
from .serve import ServeOptions
from .serve import serve as serve_foreground

app = typer.Typer(
    name="oad",
    help="Many coding-agent sessions on one host, each in its own process tree.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Where the server keeps its data.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"oad {__version__}")
        raise typer.Exit


@app.callback()
def top(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Options that come before a command."""


@app.command()
def serve(
    hostname: Annotated[str | None, typer.Option("--hostname", "--host", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="0: 4096 if it is free, else any.")] = None,
    cors: Annotated[list[str] | None, typer.Option(help="A further origin that may use the API.")] = None,
    data_dir: DataDir = None,
    config: Annotated[Path | None, typer.Option(help="oad.toml")] = None,
    gateways: Annotated[int | None, typer.Option(min=1, max=64, help="Number of gateway processes.")] = None,
    no_auth: Annotated[bool, typer.Option("--no-auth", help="Generate no credential (loopback only).")] = False,
    print_logs: Annotated[bool, typer.Option("--print-logs", help="Logs also go to standard error.")] = False,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warn or error")] = None,
) -> None:
    """Run the server in the foreground."""
    options = ServeOptions(
        host=hostname,
        port=port,
        cors=tuple(origin for origin in cors or () if origin),
        data_dir=data_dir,
        config=config,
        gateways=gateways,
        no_auth=no_auth,
        print_logs=print_logs,
        log_level=log_level,
    )
    raise typer.Exit(serve_foreground(options))


@app.command()
def token(data_dir: DataDir = None) -> None:
    """Print the credential that the server generated."""
    file = find_places(data_dir).credential_file
    secret = read_secret(file)
    if secret is None:
        print(f"oad: no credential at {file}: start the server once", file=sys.stderr)
        raise typer.Exit(1)
    print(secret)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
