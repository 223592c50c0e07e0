"""The ``oad`` command. What a command needs is imported when it runs: `oad --version` should not load a server."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from oad import __version__

from . import monitor_commands
from .config_commands import config as configuration
from .exit_status import FAILED
from .options import USUAL, AsJson, DataDir, Password, Setting, Token, Username, takes_target
from .storage_commands import add_storage_commands
from .target_options import TargetOptions

app = typer.Typer(
    name="oad",
    help="Many coding-agent sessions on one host, each in its own process tree.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(configuration, name="config")
monitor_commands.register(app)


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
    cors: Annotated[
        list[str] | None, typer.Option(help="A further origin that may use the API; may be given several times.")
    ] = None,
    data_dir: DataDir = None,
    config: Annotated[Path | None, typer.Option(help="The server's own settings, in TOML.")] = None,
    gateways: Annotated[int | None, typer.Option(min=1, max=64, help="Number of gateway processes.")] = None,
    no_auth: Annotated[bool, typer.Option("--no-auth", help="Generate no credential (loopback only).")] = False,
    print_logs: Annotated[bool, typer.Option("--print-logs", help="Logs also go to standard error.")] = False,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warn or error")] = None,
    mdns: Annotated[
        bool | None, typer.Option("--mdns/--no-mdns", help="Announce it in the local network (and listen to it).")
    ] = None,
    mdns_domain: Annotated[str | None, typer.Option(help="The name of this host there: opencode.local.")] = None,
    settings: Setting = None,
) -> None:
    """Run the server in the foreground."""
    from .serve import ServeOptions
    from .serve import serve as serve_foreground

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
        mdns=mdns,
        mdns_domain=mdns_domain,
        settings=tuple(settings or ()),
    )
    raise typer.Exit(serve_foreground(options))


@app.command()
def unit(
    program: Annotated[str, typer.Argument(help="daemon, gateway or proxy; stop: for ExecStop=.")],
    name: Annotated[str, typer.Option(help="Of a gateway, in its logs.")] = "",
    config: Annotated[Path | None, typer.Option(help="The server's own settings; else /etc/oad/oad.toml.")] = None,
    data_dir: DataDir = None,
    settings: Setting = None,
) -> None:
    """Run one process of the service, as the units of systemd do."""
    if program == "stop":
        from .stop_unit import stop_main_process

        raise typer.Exit(stop_main_process(os.environ))
    from .unit import UnitOptions, run_unit

    raise typer.Exit(run_unit(UnitOptions(program, name, config, data_dir, tuple(settings or ()))))


@app.command()
@takes_target
def run(
    message: Annotated[list[str] | None, typer.Argument(help="The prompt; piped input is added to it.")] = None,
    target: TargetOptions = USUAL,
    session: Annotated[str | None, typer.Option("--session", "-s", help="Go on with this session.")] = None,
    last: Annotated[bool, typer.Option("--continue", "-c", help="Go on with the last session.")] = False,
    title: Annotated[str | None, typer.Option(help="Title of a new session.")] = None,
    agent: Annotated[str | None, typer.Option(help="Agent to use.")] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="provider/model")] = None,
    variant: Annotated[str | None, typer.Option(help="Variant of the model, such as high.")] = None,
    file: Annotated[list[Path] | None, typer.Option("--file", "-f", help="A file to send along.")] = None,
    directory: Annotated[str | None, typer.Option("--dir", help="Directory to work in.")] = None,
    format: Annotated[str, typer.Option(help="default or json (one event per line)")] = "default",
    auto: Annotated[bool, typer.Option("--auto", help="Allow, once, whatever asks for permission.")] = False,
) -> None:
    """Send one prompt and print the answer while it comes."""
    from .run import RunOptions
    from .run import run as run_prompt

    options = RunOptions(
        message=tuple(message or ()),
        session=session,
        last=last,
        title=title,
        agent=agent,
        model=model,
        variant=variant,
        files=tuple(file or ()),
        directory=directory,
        format=format,
        auto=auto,
    )
    raise typer.Exit(run_prompt(options, target))


@app.command()
def attach(
    directory: Annotated[str | None, typer.Option("--dir", help="Directory to work in.")] = None,
    attach: Annotated[str | None, typer.Argument(help="URL of a running server; else the one of the data.")] = None,
    username: Username = None,
    password: Password = None,
    token: Token = None,
    data_dir: DataDir = None,
) -> None:
    """Open opencode's terminal interface on the running server."""
    from .attach import attach as attach_client

    raise typer.Exit(attach_client(TargetOptions(attach, username, password, token, data_dir), directory))


@app.command()
@takes_target
def sessions(
    target: TargetOptions = USUAL,
    directory: Annotated[str | None, typer.Option("--dir", help="Directory whose sessions are wanted.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="So many of the newest.")] = 50,
) -> None:
    """List the sessions of this directory, the newest first."""
    from .inspect_server import list_sessions

    raise typer.Exit(list_sessions(target, directory, limit))


@app.command()
@takes_target
def abort(
    session: Annotated[str, typer.Argument(help="Its id.")],
    target: TargetOptions = USUAL,
) -> None:
    """Stop what a session is doing, and print the receipt: how it ended and that nothing is left."""
    from .inspect_server import abort_session

    raise typer.Exit(abort_session(target, session))


@app.command("export")
@takes_target
def export_command(
    session: Annotated[str, typer.Argument(help="Its id.")],
    format: Annotated[str, typer.Option(help="json, as opencode's own, or markdown")] = "json",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; else standard output.")] = None,
    children: Annotated[bool, typer.Option("--children", help="With the sessions of its subagents.")] = False,
    target: TargetOptions = USUAL,
) -> None:
    """Write a session to a file, for another server or to read."""
    from .session_files import ExportOptions, export_session

    raise typer.Exit(export_session(target, ExportOptions(session, format, output, children)))


@app.command("import")
@takes_target
def import_command(
    files: Annotated[list[str], typer.Argument(help="Exports of oad or opencode; - is standard input.")],
    directory: Annotated[str | None, typer.Option("--dir", help="Where the sessions are to work.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Instead of those that are there already.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave those that are there already as they are.")] = False,
    target: TargetOptions = USUAL,
) -> None:
    """Take in sessions from files, all or none. One that is there already is taken in under a new id."""
    from .session_files import ImportOptions, import_sessions

    raise typer.Exit(import_sessions(target, ImportOptions(tuple(files), directory, replace, keep)))


@app.command()
def token(data_dir: DataDir = None) -> None:
    """Print the credential that the server generated."""
    from .credential import CredentialUnreadable, read_secret
    from .places import UnsafePlace, find_places

    try:
        file = find_places(data_dir).credential_file
        secret = read_secret(file)
    except (OSError, CredentialUnreadable, UnsafePlace) as error:
        print(f"oad: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    if secret is None:
        print(f"oad: no credential at {file}: start the server once", file=sys.stderr)
        raise typer.Exit(1)
    print(secret)


@app.command()
def doctor(
    as_json: AsJson = False,
    config: Annotated[Path | None, typer.Option(help="The server's configuration file (TOML).")] = None,
) -> None:
    """Try out what this host can enforce. Status 0 only if sessions get the full level, in the configured sandbox."""
    from .doctor import examine

    raise typer.Exit(examine(as_json=as_json, config=config))


auth = typer.Typer(no_args_is_help=True, help="Credentials of providers of models.")
app.add_typer(auth, name="auth")


@auth.command("import")
@takes_target
def auth_import(
    file: Annotated[Path | None, typer.Argument(help="opencode's auth.json; else the user's own.")] = None,
    target: TargetOptions = USUAL,
) -> None:
    """Take over credentials from opencode."""
    from .provider_auth import import_credentials

    raise typer.Exit(import_credentials(target, file))


@auth.command("login")
@takes_target
def auth_login(
    provider: Annotated[str, typer.Argument(help="Its id, as in `provider/model`.")],
    method: Annotated[int | None, typer.Option(help="Number of the login, if there are several.")] = None,
    target: TargetOptions = USUAL,
) -> None:
    """Log in to a provider of models."""
    from .provider_auth import log_in

    raise typer.Exit(log_in(target, provider, method))


audit = typer.Typer(no_args_is_help=True, help="Read and check the audit log.")
app.add_typer(audit, name="audit")


@audit.command("tail")
def audit_tail(
    data_dir: DataDir = None,
    count: Annotated[int, typer.Option("--lines", "-n", min=0, help="So many of the last lines.")] = 10,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is added.")] = False,
) -> None:
    """Print the last lines of the audit log."""
    from .audit import print_tail
    from .places import find_places

    raise typer.Exit(print_tail(find_places(data_dir).data / "audit", count, follow=follow))


@audit.command("verify")
def audit_verify(
    directory: Annotated[Path | None, typer.Argument(help="The log's directory; else the one of the data.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Check that no line was changed, removed or added. Status 1 with the first place where one was."""
    from .audit import check
    from .places import find_places

    raise typer.Exit(check(directory or find_places(data_dir).data / "audit"))


service = typer.Typer(no_args_is_help=True, help="Run under systemd.")
app.add_typer(service, name="service")
User = Annotated[bool, typer.Option("--user", help="For this user, without root.")]
Root = Annotated[Path, typer.Option(help="Of an image: files are written there, and nothing is started.")]


@service.command("install")
def service_install(
    user: User = False,
    root: Root = Path("/"),
    start: Annotated[bool, typer.Option(help="Start it now.")] = True,
) -> None:
    """Write the units and settings, create the service's user, and start. Existing settings are kept."""
    from .service import ServiceOptions, install

    raise typer.Exit(install(ServiceOptions("user" if user else "system", root, start)))


@service.command("uninstall")
def service_uninstall(user: User = False, root: Root = Path("/")) -> None:
    """Stop the service and remove its units. Data and settings stay."""
    from .service import ServiceOptions, uninstall

    raise typer.Exit(uninstall(ServiceOptions("user" if user else "system", root)))


@service.command("status")
def service_status(user: User = False, root: Root = Path("/")) -> None:
    """Whether the units are those of this version, and how they are. Status 0 when all is well."""
    from .service import ServiceOptions, status

    raise typer.Exit(status(ServiceOptions("user" if user else "system", root)))


add_storage_commands(app)


def fill_cors(arguments: Sequence[str]) -> list[str]:
    """A bare ``--cors``, which names no origin, with the empty value that the parser wants."""
    following = [*arguments[1:], "-"]
    return [
        "--cors=" if argument == "--cors" and after.startswith("-") else argument
        for argument, after in zip(arguments, following, strict=False)
    ]


def main() -> None:
    try:
        app(fill_cors(sys.argv[1:]))
    except* BrokenPipeError:
        # Whoever read our output, such as `head`, has seen enough. What is still buffered must not fail at exit too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
