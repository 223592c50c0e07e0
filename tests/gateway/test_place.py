import pytest

from oad.contract.errors import ApiError
from oad.gateway.place import directory_of


@pytest.mark.parametrize(
    ("query", "header", "directory"),
    [
        (None, None, "/srv"),
        ("", "", "/srv"),
        ("/a", "/b", "/a"),
        (None, "/b%20c", "/b c"),
        (None, "/b c", "/b c"),
        ("sub/../x/", None, "/srv/x"),
        ("//a//b/./c/..", None, "/a/b"),
        ("/../..", None, "/"),
    ],
)
def test_query_beats_header_beats_own_directory(query: str | None, header: str | None, directory: str) -> None:
    assert directory_of(query, header, "/srv") == directory


@pytest.mark.parametrize("path", ["/a\0b", "/a\nb", "/" + "a" * 5000])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ApiError):
        directory_of(path, None, "/srv")
