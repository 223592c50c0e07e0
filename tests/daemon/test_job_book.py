import pytest
from msgspec import DecodeError

from oad.daemon.job_book import JobBook


def test_jobs_from_start_to_end() -> None:
    book = JobBook()
    for id in ("job_1", "job_2"):
        book.observe("job.started", "ses_a", b'{"job":{"id":"%b","more":1}}' % id.encode())
    book.observe("message.updated", "ses_a", b"not looked at")
    assert (book.of("ses_a"), book.of("ses_b")) == (["job_1", "job_2"], [])
    book.observe("job.ended", "ses_a", b'{"jobID":"job_1"}')
    book.observe("job.ended", "ses_a", b'{"jobID":"job_9"}')
    assert book.of("ses_a") == ["job_2"]
    assert book.close("ses_a") == ["job_2"]
    assert book.close("ses_a") == book.of("ses_a") == []


def test_what_is_no_job() -> None:
    with pytest.raises(DecodeError):
        JobBook().observe("job.started", "ses_a", b"{}")
