import hashlib
import os
import stat
from pathlib import Path

import pytest

from oad.daemon.config_file import FileChanged, NotWritable, replace_global, replace_in_project


def digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def write(directory: Path, file: Path, text: bytes = b"{}", seen: bytes | None = None) -> None:
    replace_in_project(file, text, "" if seen is None else digest(seen), directory=directory)


def test_a_file_is_made_and_replaced(tmp_path: Path) -> None:
    file = tmp_path / "opencode.json"
    write(tmp_path, file, b"1")
    file.chmod(0o640)
    write(tmp_path / "a" / "b", file, b"2", seen=b"1")
    assert file.read_bytes() == b"2"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["opencode.json"]


def test_the_inner_folder(tmp_path: Path) -> None:
    (tmp_path / ".opencode").mkdir()
    write(tmp_path, tmp_path / ".opencode" / "opencode.jsonc")
    assert (tmp_path / ".opencode" / "opencode.jsonc").read_bytes() == b"{}"


def test_what_somebody_else_wrote_is_not_lost(tmp_path: Path) -> None:
    file = tmp_path / "opencode.json"
    file.write_bytes(b"theirs")
    for seen in (None, b"older"):
        with pytest.raises(FileChanged):
            write(tmp_path, file, seen=seen)
    assert file.read_bytes() == b"theirs"
    file.unlink()
    with pytest.raises(FileChanged):
        write(tmp_path, file, seen=b"theirs")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["../x/opencode.json", "package.json", "sub/opencode.json", ".git/opencode.json"])
def test_other_places_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".git").mkdir()
    with pytest.raises(NotWritable):
        write(tmp_path, Path(os.path.normpath(tmp_path / name)))


def test_no_link_leads_out(tmp_path: Path) -> None:
    repo, outside = tmp_path / "repo", tmp_path / "outside"
    repo.mkdir()
    outside.mkdir()
    (outside / "opencode.json").write_bytes(b"mine")
    (repo / "opencode.json").symlink_to(outside / "opencode.json")
    (repo / ".opencode").symlink_to(outside)
    for file in (repo / "opencode.json", repo / ".opencode" / "opencode.json"):
        with pytest.raises(NotWritable):
            write(repo, file, seen=b"mine")
    assert (outside / "opencode.json").read_bytes() == b"mine"


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "opencode.json")
    with pytest.raises(NotWritable):
        write(tmp_path, tmp_path / "opencode.json")


def test_the_users_own_file_is_made_private_and_a_link_stays_one(tmp_path: Path) -> None:
    folder, real = tmp_path / "config" / "opencode", tmp_path / "dotfiles" / "oc.json"
    replace_global(folder / "opencode.json", b"1", "", folder=folder)
    assert stat.S_IMODE((folder / "opencode.json").stat().st_mode) & 0o077 == 0
    real.parent.mkdir()
    real.write_bytes(b"a")
    (folder / "opencode.jsonc").symlink_to(real)
    replace_global(folder / "opencode.jsonc", b"b", digest(b"a"), folder=folder)
    assert (folder / "opencode.jsonc").is_symlink()
    assert real.read_bytes() == b"b"
    with pytest.raises(NotWritable):
        replace_global(tmp_path / "opencode.json", b"1", "", folder=folder)
