from pathlib import Path

from oad.workers.formatters.probes import Probes
from oad.workers.formatters.table import Formatter, Probe

from ..tools.conftest import LocalExec


def air(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


FORMATTER = Formatter("air", ("air",), (".R",), probe=Probe(("--help",), "R language"))


async def test_right_text_and_a_good_end(tmp_path: Path) -> None:
    probes = Probes(LocalExec(), str(tmp_path))
    assert await probes(FORMATTER, air(tmp_path / "a", 'test "$1" = --help && echo for the R language'))
    assert not await probes(FORMATTER, air(tmp_path / "b", "echo live reload"))
    assert not await probes(FORMATTER, air(tmp_path / "c", "echo R language; exit 1"))
    assert not await probes(FORMATTER, str(tmp_path / "missing"))


async def test_asked_once_per_program_and_again_when_it_changes(tmp_path: Path) -> None:
    exec = LocalExec()
    probes = Probes(exec, str(tmp_path))
    program = air(tmp_path / "a", "echo nothing")
    for _ in range(3):
        assert not await probes(FORMATTER, program)
    assert len(exec.commands) == 1
    assert exec.commands[0].profile == "read-only"
    air(tmp_path / "a", "echo now it is the R language")
    assert await probes(FORMATTER, program)
