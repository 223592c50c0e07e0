"""Stores as earlier versions of the schema left them."""

import contextlib
from pathlib import Path

from oad.daemon.migration import statements
from oad.daemon.schema import MIGRATIONS, connect

EVENTS = 1200


def make_old(path: Path, version: int) -> None:
    """With a session, a message, a part, a list of things to do, and events of which the oldest are forgotten."""
    with contextlib.closing(connect(path)) as db:
        db.execute("PRAGMA auto_vacuum = NONE")
        db.execute("VACUUM")  # as files were before they could shrink
        for script in MIGRATIONS[:version]:
            for statement in statements(script):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {version}")
        db.execute("INSERT INTO session VALUES ('ses_a','global','/p',NULL,NULL,'t',1,2,NULL,X'7B7D')")
        db.execute("INSERT INTO message VALUES ('ses_a','msg_1',1,0,X'7B7D')")
        columns = "(session, id, message, data)"
        db.execute(f"INSERT INTO part {columns} VALUES ('ses_a','prt_1','msg_1',X'7B7D')")
        db.execute("INSERT INTO todo VALUES ('ses_a', CAST('[1]' AS BLOB))")
        first = 1
        if version >= 2:
            db.execute("UPDATE horizon SET seq = 100")
            db.execute("INSERT INTO event VALUES (7,'evt_7','x','/p','global','ses_old',3,X'7B7D')")
            first = 101
        rows = [(n, f"evt_{n}", "x", "/p", "global", "ses_a", n, b"{}") for n in range(first, EVENTS + 1)]
        db.executemany("INSERT INTO event VALUES (?,?,?,?,?,?,?,?)", rows)
