import os
import tempfile
from pathlib import Path

import pytest

from oad.cli.places import UnsafePlace, find_places


def test_the_default_follows_xdg(tmp_path: Path) -> None:
    places = find_places(None, {"HOME": "/home/ann", "XDG_RUNTIME_DIR": str(tmp_path)})
    assert places.data == Path("/home/ann/.local/share/oad")
    assert places.log_file == Path("/home/ann/.local/state/oad/log/oad.log")
    assert places.runtime == tmp_path / "oad" or len(str(tmp_path)) > 60


def test_data_elsewhere_has_sockets_of_its_own(tmp_path: Path) -> None:
    environment = {"HOME": "/home/ann", "XDG_DATA_HOME": "/data", "XDG_RUNTIME_DIR": str(tmp_path)}
    assert find_places(None, environment).runtime == Path("/data/oad/run")
    places = find_places(Path("/elsewhere"), environment)
    assert (places.runtime, places.log_file) == (Path("/elsewhere/run"), Path("/elsewhere/log/oad.log"))


def test_a_service_uses_the_directories_that_systemd_made() -> None:
    environment = {"STATE_DIRECTORY": "/var/lib/oad", "RUNTIME_DIRECTORY": "/run/oad"}
    places = find_places(None, environment)
    assert (places.data, places.runtime) == (Path("/var/lib/oad"), Path("/run/oad"))


def test_a_long_path_gets_short_sockets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    deep = Path("/" + "d" * 60 + "/" + "e" * 60)
    found = find_places(deep, {}).runtime
    assert found.parent == tmp_path / f"oad-{os.getuid()}"
    assert found != find_places(deep / "x", {}).runtime
    assert found.parent.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_others_may_enter_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    shared = tmp_path / f"oad-{os.getuid()}"
    shared.mkdir()
    shared.chmod(0o777)
    with pytest.raises(UnsafePlace, match="not private"):
        find_places(Path("/" + "d" * 100), {})
