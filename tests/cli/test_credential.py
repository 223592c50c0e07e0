from pathlib import Path

import pytest

from oad.cli.credential import (
    Credential,
    CredentialUnreadable,
    configured_credential,
    generated_credential,
    read_secret,
)


def test_is_made_once_and_private(tmp_path: Path) -> None:
    file = tmp_path / "data" / "credential"
    first = generated_credential(file)
    assert first == generated_credential(file)
    assert first.password == first.token == file.read_text().strip()
    assert len(first.password) >= 32
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_file_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    file = tmp_path / "credential"
    file.write_text("secret\n")
    file.chmod(0o644)
    assert generated_credential(file) == Credential(password="secret", token="secret")
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_empty_file_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "credential"
    file.touch()
    assert read_secret(file) is None
    assert generated_credential(file)


def test_a_file_without_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "credential"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(CredentialUnreadable, match=str(file)):
        generated_credential(file)


def test_the_environment_names_user_password_and_token() -> None:
    assert not configured_credential({"OPENCODE_SERVER_USERNAME": "ann"})
    assert configured_credential({"OPENCODE_SERVER_PASSWORD": "p"}) == Credential(password="p")
    assert configured_credential({"OPENCODE_SERVER_USERNAME": "ann", "OA_SERVER_TOKEN": "t"}) == Credential(
        "ann", "", "t"
    )
