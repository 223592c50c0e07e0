import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from oad.contract.errors import ApiError
from oad.workers.project.enclosure import Missing, open_to_read, open_within, shown


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "src").mkdir(parents=True)
    (root / "src/a.txt").write_text("a")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "root-beside").mkdir()
    (tmp_path / "root-beside/b").write_text("b")
    return root


def refusal(root: Path, path: str) -> str:
    with pytest.raises(ApiError) as caught, open_within(str(root), path) as opened:
        open_to_read(opened)
    assert caught.value.status == 400
    assert caught.value.body["data"]["kind"] == "Query"
    return str(caught.value.body["data"]["message"])


@pytest.mark.parametrize(
    "path", ["src/a.txt", "./src//a.txt", "src/../src/a.txt", "{root}/src/a.txt", "../root/src/a.txt"]
)
def test_within(root: Path, path: str) -> None:
    with open_within(str(root), path.format(root=root)) as opened:
        assert (opened.path, opened.real, opened.is_file) == ("src/a.txt", f"{root}/src/a.txt", True)
        descriptor = open_to_read(opened)
        assert os.read(descriptor, 9) == b"a"
        os.close(descriptor)


@pytest.mark.parametrize(
    "path",
    ["..", "../secret", "src/../../secret", "/etc/passwd", "/", "../root-beside/b", "{root}/../secret", "~/x/../../.."],
)
def test_what_leads_out_is_refused(root: Path, path: str) -> None:
    assert "leads out" in refusal(root, path.format(root=root))


@pytest.mark.parametrize("target", ["../secret", "/etc", "..", "{root}/../secret"])
def test_symbolic_links_that_lead_out(root: Path, target: str) -> None:
    (root / "link").symlink_to(target.format(root=root))
    assert "leads out" in refusal(root, "link")


def test_symbolic_links_that_stay(root: Path, tmp_path: Path) -> None:
    (root / "link").symlink_to(root / "src")
    (tmp_path / "other").symlink_to(root)
    with open_within(str(tmp_path / "other"), "link/a.txt") as opened:
        assert (opened.path, opened.real) == ("link/a.txt", f"{root}/src/a.txt")


def test_an_exchange_while_it_is_opened_does_not_lead_out(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_open: Callable[..., int] = os.open

    def exchange(path: str, flags: int, *more: int) -> int:
        if path.endswith("src/a.txt"):
            (root / "src").rename(tmp_path / "moved")
            (tmp_path / "moved/a.txt").unlink()
            (tmp_path / "moved/a.txt").write_text("secret")
            (root / "src").symlink_to(tmp_path / "moved")
        return real_open(path, flags, *more)

    monkeypatch.setattr(os, "open", exchange)
    assert "leads out" in refusal(root, "src/a.txt")


def test_paths_that_are_none(root: Path) -> None:
    assert "NUL" in refusal(root, "a\0b")
    assert "too long" in refusal(root, "x" * 300)
    assert "too long" in refusal(root, "x/" * 3000)
    assert "not a directory" in refusal(root, "src/a.txt/b")
    (root / "circle").symlink_to("circle")
    assert "circle" in refusal(root, "circle")


def test_missing(root: Path) -> None:
    with pytest.raises(Missing), open_within(str(root), "src/none"):
        raise AssertionError("opened")


def test_only_files_are_read(root: Path) -> None:
    os.mkfifo(root / "fifo")
    assert refusal(root, "fifo") == "fifo is neither a file nor a directory"
    assert refusal(root, "src") == "src is a directory"
    assert refusal(root, "") == ". is a directory"
    with open_within("/dev", "zero") as opened, pytest.raises(ApiError):
        assert stat.S_ISCHR(opened.status.st_mode)
        open_to_read(opened)


def test_names_that_are_no_text() -> None:
    assert shown(os.fsdecode(b"caf\xe9")) == "caf�"
