from pathlib import Path

from books import open_books
from records import a_session, a_text, a_tool, an_answer, of_message, of_part, of_session


async def test_recovery_closes_what_the_last_daemon_left_open(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        for name in ("ses_a", "ses_b", "ses_c"):
            books.sessions.save(a_session(name), created=True)
        books.put("message.updated", of_message(an_answer()))
        books.put("message.part.updated", of_part(a_tool("prt_1", "running")))
        books.put("message.updated", of_message(an_answer(session="ses_b", completed=3)), "ses_b")
        books.put("message.part.updated", of_part(a_text("prt_2", session="ses_b")), "ses_b")
        await books.journal.settled()
    async with open_books(tmp_path) as books:
        assert await books.keeper.recover() == 2
        assert books.store.open_sessions() == []
        errors = {p["sessionID"]: p["error"]["name"] for p in books.of_type("session.error")}
        assert errors == {"ses_a": "MessageAbortedError", "ses_b": "MessageAbortedError"}
        assert b"Interrupted by a restart" in (books.store.message("ses_a", "msg_2") or b"")
        assert await books.keeper.recover() == 0


async def test_what_is_left_of_a_session_that_is_gone_does_not_stop_the_start(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        books.put("message.updated", of_message(an_answer(session="ses_x")), "ses_x")
        books.put("session.created", of_session(a_session("ses_y")), "ses_y")
        await books.journal.settled()
        await books.keeper.recover()
        assert books.of_type("session.error") == []
