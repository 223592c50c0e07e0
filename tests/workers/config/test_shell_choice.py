import os
from pathlib import Path

import pytest

from oad.workers.config.shell_choice import DEFAULT, find_shell


def test_none_is_wanted() -> None:
    assert find_shell(None, "/", {}) == (DEFAULT, "")


@pytest.mark.parametrize("wanted", ["sh", "/bin/sh"])
def test_a_shell_of_the_system(wanted: str) -> None:
    found, problem = find_shell(wanted, "/work", {"PATH": "/usr/bin:/bin"})
    assert (Path(found).name, Path(found).is_absolute(), problem) == ("sh", True, "")


@pytest.mark.parametrize("wanted", ["no-such-shell", "/bin/true", "python3", "fish"])
def test_what_is_not_understood(wanted: str) -> None:
    found, problem = find_shell(wanted, "/", os.environ)
    assert found == DEFAULT
    assert repr(wanted) in problem


def test_one_in_the_project_could_be_anything(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    own, link = tmp_path / "bin" / "bash", tmp_path / "zsh"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    link.symlink_to("/bin/sh")
    for wanted in (str(own), str(link)):
        assert find_shell(wanted, str(tmp_path), os.environ)[0] == DEFAULT
    assert find_shell("bash", str(tmp_path), {"PATH": str(tmp_path / "bin")})[0] == DEFAULT
