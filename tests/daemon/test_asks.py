from pathlib import Path
from typing import Any

import pytest
from books import Books, open_books
from records import a_permission, a_question

from oad.contract.errors import ApiError
from oad.contract.permission import PermissionRequest
from oad.daemon.journal import Place


def place(session: str = "ses_a", directory: str = "/p") -> Place:
    return Place(directory, "global", session)


class Asker:
    """Collects what each of its asks came to."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.outcomes: dict[str, Any] = {}

    def permission(self, request: PermissionRequest, directory: str = "/p", asking: list[str] | None = None) -> None:
        where = place(request.session_id, directory)
        patterns = asking if asking is not None else request.patterns
        self._books.asks.ask_permission(request, patterns, where, lambda o: self._settle(request.id, o))

    def question(self, id: str = "que_1", session: str = "ses_a") -> None:
        self._books.asks.ask_question(a_question(id, session), place(session), lambda o: self._settle(id, o))

    def _settle(self, id: str, outcome: Any) -> None:
        assert id not in self.outcomes, "settled twice"
        self.outcomes[id] = outcome


def pending(books: Books, kind: str = "permission") -> list[str]:
    return [request.id for request in books.asks.listing(kind)]


async def test_once_settles_that_one_and_tells_everybody(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        asker = Asker(books)
        asker.permission(a_permission("per_1"))
        asker.permission(a_permission("per_2"))
        books.asks.reply_permission("per_1", "once", None)
        assert asker.outcomes == {"per_1": {"reply": "once"}}
        assert pending(books) == ["per_2"]
        await books.journal.settled()
        assert books.types() == ["permission.asked", "permission.asked", "permission.replied"]
        assert books.of_type("permission.replied") == [{"sessionID": "ses_a", "requestID": "per_1", "reply": "once"}]


async def test_always_settles_what_it_covers_in_the_directory_and_holds_for_later_asks(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        asker = Asker(books)
        asker.permission(a_permission("per_1", "ses_a", "ls -l"))
        asker.permission(a_permission("per_2", "ses_b", "ls"))
        asker.permission(a_permission("per_3", "ses_b", "rm x"))
        asker.permission(a_permission("per_4", "ses_c", "ls"), directory="/other")
        books.asks.reply_permission("per_1", "always", None)
        assert asker.outcomes == {"per_1": {"reply": "always"}, "per_2": {"reply": "always"}}
        assert pending(books) == ["per_3", "per_4"]
        asker.permission(a_permission("per_5", "ses_z", "ls -a"))
        assert asker.outcomes["per_5"] == {"reply": "once"}
        asker.permission(a_permission("per_6", "ses_c", "ls"), directory="/other")
        assert "per_6" in pending(books)
        books.asks.forget_directory("/p")
        asker.permission(a_permission("per_7", "ses_z", "ls -a"))
        assert "per_7" in pending(books)


async def test_always_settles_an_ask_whose_other_patterns_were_allowed_by_rule(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        asker = Asker(books)
        asker.permission(a_permission("per_1", "ses_a", "ls"))
        asker.permission(a_permission("per_2", "ses_b", "pwd", "ls"), asking=["ls"])
        books.asks.reply_permission("per_1", "always", None)
        assert asker.outcomes["per_2"] == {"reply": "always"}


async def test_reject_takes_all_of_the_session_along(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        asker = Asker(books)
        for number, session in enumerate(["ses_a", "ses_a", "ses_b"]):
            asker.permission(a_permission(f"per_{number}", session))
        books.asks.reply_permission("per_0", "reject", "no, thanks")
        assert asker.outcomes == {"per_0": {"reply": "reject", "message": "no, thanks"}, "per_1": {"reply": "reject"}}
        assert pending(books) == ["per_2"]


@pytest.mark.parametrize("reply", ["once", "always", "reject"])
async def test_a_second_reply_is_not_found(tmp_path: Path, reply: Any) -> None:
    async with open_books(tmp_path) as books:
        Asker(books).permission(a_permission())
        books.asks.reply_permission("per_1", reply, None)
        with pytest.raises(ApiError) as failure:
            books.asks.reply_permission("per_1", "once", None)
        assert failure.value.status == 404
        expected = {"_tag": "PermissionNotFoundError", "requestID": "per_1"}
        assert failure.value.body == {**expected, "message": "Permission request not found: per_1"}


async def test_a_question_is_answered_once(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        asker = Asker(books)
        asker.question()
        assert pending(books, "question") == ["que_1"]
        assert books.asks.question("que_1").id == "que_1"
        books.asks.reply_question("que_1", [["A"]])
        assert asker.outcomes == {"que_1": {"answers": [["A"]]}}
        for again in (lambda: books.asks.reply_question("que_1", []), lambda: books.asks.reject_question("que_1")):
            with pytest.raises(ApiError) as failure:
                again()
            assert failure.value.body["_tag"] == "QuestionNotFoundError"
        await books.journal.settled()
        assert books.of_type("question.replied") == [{"sessionID": "ses_a", "requestID": "que_1", "answers": [["A"]]}]


async def test_a_permissions_id_answers_no_question(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        asker = Asker(books)
        asker.permission(a_permission())
        asker.question()
        with pytest.raises(ApiError):
            books.asks.reply_question("per_1", [])
        with pytest.raises(ApiError):
            books.asks.reply_permission("que_1", "once", None)


async def test_a_rejected_question_is_an_error_for_its_asker(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        asker = Asker(books)
        asker.question()
        books.asks.reject_question("que_1")
        assert isinstance(asker.outcomes["que_1"], ApiError)
        await books.journal.settled()
        assert books.types()[-1] == "question.rejected"


async def test_the_end_of_a_turn_drops_its_asks(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        asker = Asker(books)
        asker.permission(a_permission("per_1"))
        asker.question("que_1")
        asker.permission(a_permission("per_2", "ses_b"))
        books.asks.drop("ses_a")
        assert asker.outcomes["per_1"]["reply"] == "reject"
        assert isinstance(asker.outcomes["que_1"], ApiError)
        assert pending(books) == ["per_2"]
        assert pending(books, "question") == []


async def test_an_asker_that_gave_up_leaves_nothing_pending(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        asker = Asker(books)
        asker.permission(a_permission("per_1"))
        asker.question("que_1")
        books.asks.withdraw("per_1")
        books.asks.withdraw("que_1")
        books.asks.withdraw("per_unknown")
        assert pending(books) == pending(books, "question") == []


async def test_an_id_in_use_is_refused(tmp_path: Path) -> None:
    """Else a worker could have another session's request answered in its stead."""
    async with open_books(tmp_path) as books:
        asker, thief = Asker(books), Asker(books)
        asker.permission(a_permission("per_1"))
        with pytest.raises(ApiError) as failure:
            thief.permission(a_permission("per_1", "ses_b"))
        assert failure.value.status == 409
        books.asks.reply_permission("per_1", "once", None)
        assert asker.outcomes == {"per_1": {"reply": "once"}}
        assert thief.outcomes == {}


async def test_lists_are_narrowed(tmp_path: Path) -> None:
    async with open_books(tmp_path) as books:
        asker = Asker(books)
        asker.permission(a_permission("per_1", "ses_a"))
        asker.permission(a_permission("per_2", "ses_b"), directory="/q")
        listing = books.asks.listing
        assert [r.id for r in listing("permission", "/q")] == ["per_2"]
        assert [r.id for r in listing("permission", session="ses_a")] == ["per_1"]
        assert listing("question") == []
        assert books.asks.session_of("per_2") == "ses_b"
        assert books.asks.session_of("per_9") == ""
