"""A recording of this server against one of the reference's, by a kit that lies beside the sources or is named.

``OAD_CONFORMANCE_KIT`` names its folder, else it is looked for in ``../shared/conformance``. Recording takes a minute
and wants the machine for itself, so it is only done with ``OAD_RUN_CONFORMANCE=1``.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

TREE: Final = Path(__file__).parents[2]
WANTED: Final = Path(__file__).with_name("allow-oad.json")
BEYOND_SPECIFICATION: Final = Path(__file__).with_name("allow-spec-oad.json")
DOCUMENT: Final = TREE / "docs" / "COMPATIBILITY.md"
SCENARIOS: Final = "prompt_text,prompt_tool,permission_once,abort_text,question,todo,session_crud"
SERVER: Final = f"{sys.executable} -m oad.cli.main serve --no-auth --port {{port}} {{args}}"


@pytest.fixture
def kit() -> Path:
    found = Path(os.environ.get("OAD_CONFORMANCE_KIT") or TREE.parent / "shared" / "conformance")
    if not (found / "record.py").is_file():
        pytest.skip(f"there is no conformance kit in {found} (OAD_CONFORMANCE_KIT names another folder)")
    if os.environ.get("OAD_RUN_CONFORMANCE") != "1":
        pytest.skip("takes a minute; OAD_RUN_CONFORMANCE=1 runs it")
    return found


@pytest.fixture
def place() -> Iterator[Path]:
    """Short, for the sockets that the server makes below it."""
    path = Path(tempfile.mkdtemp(prefix="oad-kit-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@contextmanager
def scripted_model(kit: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen([sys.executable, kit / "fake_llm.py", "--port", str(port)]) as model:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            model.kill()


def run(kit: Path, script: str, *arguments: str | Path) -> str:
    """The output of one of the kit's programs; fails the test if the program does."""
    environment = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
    done = subprocess.run(
        [sys.executable, kit / script, *arguments],
        cwd=kit,
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-3000:]
    return done.stdout


def entries(allowed: Path) -> list[dict[str, str]]:
    return json.loads(allowed.read_text())  # type: ignore[no-any-return]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_part_of_the_scenarios_is_equal(kit: Path, place: Path) -> None:
    rec = place / "rec"
    with scripted_model(kit) as model:
        where = ["--workdir", place / "work", "--out", rec, "--only", SCENARIOS]
        run(kit, "record.py", "--llm", model, *where, "--server-command", SERVER)
    allowed = ["--allow", kit / "allow-wanted.json", "--allow", WANTED]
    run(kit, "compare.py", kit.parent / "contract" / "transcripts", rec, *allowed, "--only", SCENARIOS)
    both = place / "allow-spec.json"  # the program takes one list
    both.write_text(json.dumps([*entries(kit / "allow-spec.json"), *entries(BEYOND_SPECIFICATION)]))
    run(kit, "validate.py", rec, "--allow", both)


def test_every_wanted_difference_is_documented() -> None:
    rows = {line.split("|")[1].strip() for line in DOCUMENT.read_text().splitlines() if line.startswith("| ")}
    reasons = {entry["why"] for entry in entries(WANTED)}
    assert reasons | {entry["why"] for entry in entries(BEYOND_SPECIFICATION)} <= rows
    assert {row for row in rows if not row.endswith("†")} - reasons <= {"difference", "---"}
