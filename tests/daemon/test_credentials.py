from pathlib import Path

import pytest

from oad.daemon.credentials import Credentials, CredentialsUnreadable

ENTRY = {"type": "api", "key": "secret"}


def test_entries_survive_a_restart_in_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "data" / "auth.json"
    Credentials(path).set("openai", ENTRY)
    assert path.stat().st_mode & 0o777 == 0o600
    again = Credentials(path)
    assert again.all() == {"openai": ENTRY}
    again.remove("openai")
    again.remove("unknown")
    assert Credentials(path).all() == {}


def test_a_leftover_that_others_may_read_is_not_written_to(tmp_path: Path) -> None:
    leftover = tmp_path / "auth.tmp"
    leftover.write_text("")
    leftover.chmod(0o644)
    Credentials(tmp_path / "auth.json").set("openai", ENTRY)
    assert (tmp_path / "auth.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"a":1}', b'{"a":{"k":"\xff"}}'])
def test_a_file_that_is_something_else_is_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "auth.json"
    path.write_bytes(content)
    with pytest.raises(CredentialsUnreadable):
        Credentials(path)
    assert path.read_bytes() == content


def test_what_could_not_be_written_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = Credentials(tmp_path / "auth.json")
    credentials.set("a", ENTRY)

    def fail(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        credentials.set("b", ENTRY)
    with pytest.raises(OSError, match="No space"):
        credentials.remove("a")
    assert credentials.all() == {"a": ENTRY}
