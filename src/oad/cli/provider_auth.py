"""``oad auth``: credentials of providers, taken over from opencode or got by a login. The running server keeps them."""

import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from oad.client import Client
from oad.client.operation import Operation
from oad.contract.oauth import Authorization, AuthorizeInput, CallbackInput
from oad.contract.requests import Auth

from .exit_status import FAILED, OK
from .inspect_server import with_client
from .target_options import TargetOptions

_METHODS = dict[str, list[dict[str, Any]]]


def import_credentials(options: TargetOptions, file: Path | None) -> int:
    """Every usable entry of opencode's auth.json; the others are named. Entries of the same name are replaced."""
    path = file or _foreign_file()
    try:
        entries = msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        print(f"oad: {path}: {error}", file=sys.stderr)
        return FAILED
    return with_client(options, lambda client: _store(client, entries))


def _foreign_file() -> Path:
    data = os.environ.get("XDG_DATA_HOME") or Path(os.environ.get("HOME") or Path.home(), ".local", "share")
    return Path(data, "opencode", "auth.json")


def _store(client: Client, entries: dict[str, msgspec.Raw]) -> int:
    status = OK
    for provider, raw in entries.items():
        try:
            entry = msgspec.json.decode(raw, type=Auth)
        except msgspec.DecodeError as error:
            print(f"oad: {provider} is left out: {error}", file=sys.stderr)
            status = FAILED
            continue
        client.send(Operation[bool]("PUT", f"/auth/{provider}", bool, entry))
        print(f"{provider}: stored")
    return status


def log_in(options: TargetOptions, provider: str, method: int | None) -> int:
    return with_client(options, lambda client: _log_in(client, provider, method))


def _log_in(client: Client, provider: str, number: int | None) -> int:
    methods = client.send(Operation[_METHODS]("GET", "/provider/auth", _METHODS)).get(provider, [])
    logins = [index for index, method in enumerate(methods) if method["type"] == "oauth"]
    chosen = number if number is not None else next(iter(logins), -1)
    if chosen not in logins:
        offered = ", ".join(f"{index} ({methods[index]['label']})" for index in logins) or "none"
        print(f"oad: no such login to {provider}; there are: {offered}", file=sys.stderr)
        return FAILED
    asked = AuthorizeInput(chosen, _answers(methods[chosen].get("prompts", [])))
    path = f"/provider/{provider}/oauth"
    begun = client.send(Operation[Authorization]("POST", f"{path}/authorize", Authorization, asked))
    print(f"{begun.url}\n{begun.instructions}", flush=True)
    code = input("code: ").strip() if begun.method == "code" else None
    client.send(Operation[bool]("POST", f"{path}/callback", bool, CallbackInput(chosen, code), takes_long=True))
    print(f"{provider}: logged in")
    return OK


def _answers(prompts: list[dict[str, Any]]) -> dict[str, str]:
    answers: dict[str, str] = {}
    for prompt in prompts:
        condition = prompt.get("when")
        if condition and (answers.get(condition["key"]) == condition["value"]) != (condition["op"] == "eq"):
            continue
        options = "/".join(option["value"] for option in prompt.get("options", []))
        answers[prompt["key"]] = input(f"{prompt['message']} {f'({options}) ' if options else ''}").strip()
    return answers
