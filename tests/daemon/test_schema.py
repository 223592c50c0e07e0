from pathlib import Path

from oad.daemon.schema import READ_CACHE_KB, WRITE_CACHE_KB, connect


def test_a_new_file_can_shrink_and_is_written_ahead(tmp_path: Path) -> None:
    connection = connect(tmp_path / "a.db")
    connection.execute("CREATE TABLE a (x)")
    assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_pages_are_kept_in_little_memory(tmp_path: Path) -> None:
    for readonly, kept in ((False, WRITE_CACHE_KB), (True, READ_CACHE_KB)):
        connection = connect(tmp_path / "a.db", readonly=readonly)
        assert connection.execute("PRAGMA cache_size").fetchone() == (-kept,)
        connection.execute("CREATE TABLE IF NOT EXISTS a (x)") if not readonly else None
        connection.close()


def test_a_name_may_have_any_character(tmp_path: Path) -> None:
    file = tmp_path / "a b?mode=ro%20#.db"
    connection = connect(file)
    connection.execute("CREATE TABLE a (x)")
    connection.close()
    assert file.stat().st_size
