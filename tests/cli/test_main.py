import pytest

from oad.cli.main import fill_cors


@pytest.mark.parametrize(
    ("typed", "parsed"),
    [
        (["serve", "--cors"], ["serve", "--cors="]),
        (["serve", "--cors", "--port", "1"], ["serve", "--cors=", "--port", "1"]),
        (["serve", "--cors", "http://a", "--cors"], ["serve", "--cors", "http://a", "--cors="]),
        (["serve", "--cors=http://a"], ["serve", "--cors=http://a"]),
        ([], []),
    ],
)
def test_a_bare_cors_names_no_origin(typed: list[str], parsed: list[str]) -> None:
    assert fill_cors(typed) == parsed
