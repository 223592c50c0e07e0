"""Options that several commands have, and those that say which server is meant, as one."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from .target_options import TargetOptions

DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Where the server keeps its data.")]
Attach = Annotated[str | None, typer.Option("--attach", help="URL of a running server.")]
Username = Annotated[str | None, typer.Option("--username", "-u", help="User for Basic authentication.")]
Password = Annotated[str | None, typer.Option("--password", "-p", help="Password for Basic authentication.")]
Token = Annotated[str | None, typer.Option("--token", help="Token for Bearer authentication.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Config = Annotated[Path | None, typer.Option("--config", help="The server's own settings; else the usual file.")]
Setting = Annotated[
    list[str] | None, typer.Option("--set", help="SECTION.KEY=VALUE; wins over files. May be given several times.")
]

USUAL: Final = TargetOptions()
_OF_TARGET: Final = {"attach": Attach, "username": Username, "password": Password, "token": Token, "data_dir": DataDir}


def takes_target(command: Callable[..., None]) -> Callable[..., None]:
    """On the command line the parameter ``target`` is the options that it is made of."""

    @functools.wraps(command)
    def run(**given: Any) -> None:
        url, *others = [given.pop(name) for name in _OF_TARGET]
        command(target=TargetOptions(url, *others), **given)

    parameters = [
        shown
        for each in inspect.signature(command).parameters.values()
        for shown in (_of_target() if each.name == "target" else [each])
    ]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _of_target() -> list[inspect.Parameter]:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return [inspect.Parameter(name, kind, default=None, annotation=option) for name, option in _OF_TARGET.items()]
