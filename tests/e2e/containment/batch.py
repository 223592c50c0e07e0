"""Many escapes as one program, so that an entrance is passed once for all of them."""

import json
from collections.abc import Iterable, Mapping

import msgspec

from .cell import environment
from .scene import Scene

_MARK = "@@oad "
_PROGRAM = """import json, os, subprocess
os.environ.update({environment!r})
os.chdir({workspace!r})
for name, script in {scripts!r}:
    try:
        done = subprocess.run(["/bin/bash", "-c", script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=20, start_new_session=True)
        status, output = done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired:
        status, output = -1, "it took too long"
    print({mark!r} + json.dumps([name, status, output[-300:]]), flush=True)
print({mark!r} + "null", flush=True)
"""


class Attempt(msgspec.Struct):
    status: int
    output: str


def write_batch(scene: Scene, scripts: Mapping[str, str]) -> str:
    """The command that runs them, one after another, and prints how each ended. Its file lies in the workspace, for
    some entrances take short commands only."""
    variables = environment(scene)
    del variables["PATH"], variables["HOME"]  # those of the session are part of what is tried
    program = _PROGRAM.format(
        environment=variables, workspace=str(scene.workspace), scripts=list(scripts.items()), mark=_MARK
    )
    file = scene.workspace / "batch.py"
    file.write_text(program)
    return f"/usr/bin/python3 {file}"


def read_batch(printed: str) -> dict[str, Attempt]:
    """From whatever else was printed; a terminal adds carriage returns."""
    found = [json.loads(line.partition(_MARK)[2]) for line in _marked(printed.splitlines())]
    assert found, f"the program did not run: {printed[-2000:]}"
    assert found[-1] is None, f"the program did not come to its end: {printed[-2000:]}"
    return {name: Attempt(status, output) for name, status, output in found[:-1]}


def _marked(lines: Iterable[str]) -> Iterable[str]:
    return (line for line in lines if _MARK in line)
