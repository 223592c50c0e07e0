import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from oad.cli.target import Unreachable, find_target
from oad.cli.target_options import TargetOptions
from oad.daemon.instance_lock import PARENT_LOCK, is_served

HOLD = """
import sys
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from oad.daemon.instance_lock import InstanceLock, PARENT_LOCK
with InstanceLock(Path(sys.argv[1]), PARENT_LOCK):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENCODE_SERVER_PASSWORD", "OPENCODE_SERVER_USERNAME", "OA_SERVER_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def served() -> Iterator[Path]:
    """A data directory that another process holds, as a server would. Its path is short: where sockets would not fit,
    the runtime directory lies elsewhere."""
    with tempfile.TemporaryDirectory(prefix="oad-t-") as name:
        data = Path(name)
        (data / "run").mkdir()
        (data / "run" / "address").write_text("http://127.0.0.1:5000\n")
        (data / "credential").write_text("secret\n")
        command = [sys.executable, "-c", HOLD, str(data)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            yield data
            process.kill()


def test_the_running_server_is_found_with_its_credential(served: Path) -> None:
    target = find_target(TargetOptions(data_dir=served))
    assert (target.url, target.login.password, target.is_local) == ("http://127.0.0.1:5000", "secret", True)


def test_the_credential_is_shown_to_no_other_server(served: Path) -> None:
    assert find_target(TargetOptions("http://127.0.0.1:5000/", data_dir=served)).credential
    assert not find_target(TargetOptions("http://elsewhere:5000", data_dir=served)).credential


def test_options_win_over_the_environment(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENCODE_SERVER_PASSWORD", "p")
    assert find_target(TargetOptions("http://x", username="ann", data_dir=served)).credential.username == "ann"
    assert find_target(TargetOptions("http://x", token="t", data_dir=served)).credential.token == "t"


def test_an_address_that_a_killed_server_left_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "address").write_text("http://127.0.0.1:5000\n")
    (tmp_path / PARENT_LOCK).touch()
    assert not is_served(tmp_path)
    with pytest.raises(Unreachable, match="no server runs on"):
        find_target(TargetOptions(data_dir=tmp_path))
