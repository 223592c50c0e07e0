"""What SQLite and the file system say becomes a reason and a remedy."""

import sqlite3
from pathlib import Path

import pytest

from oad.daemon.store_trouble import Trouble, diagnose, free_mb


def failure(path: Path, statement: str, *before: str) -> sqlite3.Error:
    db = sqlite3.connect(path)
    try:
        for each in before:
            db.execute(each)
        with pytest.raises(sqlite3.Error) as caught:
            db.execute(statement)
        return caught.value
    finally:
        db.close()


def test_a_full_database_is_told_from_a_read_only_one(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    insert = "INSERT INTO t VALUES (zeroblob(1000000))"
    full = failure(path, insert, "CREATE TABLE t (x)", "PRAGMA max_page_count = 10")
    assert diagnose(full, path).reason == "full"
    read_only = failure(path, insert, "PRAGMA query_only = 1")
    assert diagnose(read_only, path).reason == "readonly"
    assert diagnose(sqlite3.OperationalError("strange"), path).reason == "failing"


def test_clients_are_told_what_to_do(tmp_path: Path) -> None:
    refusal = Trouble("full", "/data", "database or disk is full").refusal()
    assert refusal.status == 507
    assert refusal.body["name"] == "StorageError"
    assert refusal.body["data"]["message"] == (
        "Nothing can be stored in /data: the disk is full (database or disk is full). Remedy: free space on it, "
        "by oad gc or by deleting sessions. The service recovers by itself"
    )
    assert (refusal.body["data"]["reason"], refusal.body["data"]["remedy"]) == (
        "full",
        "free space on it, by oad gc or by deleting sessions",
    )


def test_free_space_is_that_of_ordinary_users(tmp_path: Path) -> None:
    assert (free_mb(tmp_path) or 0) > 0
    assert free_mb(tmp_path / "none") is None
