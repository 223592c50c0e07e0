from pathlib import Path

import pytest

from oad.cli.refusal import Refused
from oad.cli.users import read_users

ANN, BOB = "ann-token-0123456789", "bob-token-0123456789"


def written(place: Path, text: str, mode: int = 0o640) -> str:
    file = place / "users"
    file.write_text(text)
    file.chmod(mode)
    return str(file)


def test_users_with_their_tokens(tmp_path: Path) -> None:
    text = f"# who may\n\nann {ANN}\n  bob.b@example\t{BOB}  # the other\n"
    assert read_users(written(tmp_path, text)) == {"ann": ANN, "bob.b@example": BOB}
    assert read_users("") == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ann", "line 1: expected a name and a token"),
        (f"ann {ANN} more", "expected a name and a token"),
        (f"a:b {ANN}", "expected a name and a token"),
        ("ann short", "the token of ann has less than 16 characters"),
        (f"ann {ANN}\nann {BOB}", "line 2: the name or the token of ann is there already"),
        (f"ann {ANN}\nbob {ANN}", "the name or the token of bob is there already"),
    ],
)
def test_what_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=reason):
        read_users(written(tmp_path, text))


def test_a_file_that_anybody_can_read_or_nobody(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="chmod o="):
        read_users(written(tmp_path, f"ann {ANN}", 0o644))
    with pytest.raises(Refused, match="No such file"):
        read_users(str(tmp_path / "none"))
