"""``oad attach``: opencode's terminal interface on the running server."""

import os
import shutil
import sys

from .exit_status import FAILED, UNREACHABLE
from .target import Target, Unreachable, find_target
from .target_options import TargetOptions


def attach(options: TargetOptions, directory: str | None) -> int:
    """Becomes the client; returns only if that is impossible."""
    try:
        target = find_target(options)
    except Unreachable as error:
        print(f"oad: {error}", file=sys.stderr)
        return UNREACHABLE
    if program := shutil.which("opencode"):
        os.execve(program, _command(target, directory), _environment(target))  # noqa: S606  it replaces this process
    print("oad: there is no opencode on the PATH; get it with: npm install -g opencode-ai", file=sys.stderr)
    print(f"oad: the server is {target.url}", file=sys.stderr)
    return FAILED


def _command(target: Target, directory: str | None) -> list[str]:
    return ["opencode", "attach", target.url, *(["--dir", directory] if directory else [])]


def _environment(target: Target) -> dict[str, str]:
    """The credential goes this way rather than on the command line, which everybody on the host may read."""
    credential = target.credential
    if not credential:
        return dict(os.environ)
    return os.environ | {
        "OPENCODE_SERVER_USERNAME": credential.username,
        "OPENCODE_SERVER_PASSWORD": credential.password or credential.token,
    }
