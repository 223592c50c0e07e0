"""What is recorded, what is not, and what happens when it can't be."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from oad.contract.errors import ApiError
from oad.contract.policy import AuditPolicy
from oad.contract.redact import MARK, Redactor
from oad.contract.wire import Call, Origin, ProtocolError
from oad.daemon.audit import log as log_module
from oad.daemon.audit.happenings import record_event
from oad.daemon.audit.log import AuditLog, bounded
from oad.daemon.audit.logins import Logins
from oad.daemon.audit.recording import record_request
from oad.daemon.audit.reports import read_report, write_report
from oad.daemon.audit.requests import is_recorded
from oad.daemon.audit.writer import AuditWriter
from oad.link import Answer

ALICE = Origin("alice (basic)", "192.0.2.1", "POST")


def written(place: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in (place / "audit.jsonl").read_bytes().splitlines()]


def opened(place: Path, *, required: bool = False) -> AuditLog:
    return AuditLog(AuditWriter(place, AuditPolicy()), required=required)


def break_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("oad.daemon.audit.writer.os.write", fail)


async def test_a_request_is_two_lines(tmp_path: Path) -> None:
    async def carry_out(call: Call, body: bytes) -> Answer:
        raise ApiError(404, {})

    call = Call(1, "session.prompt", {"sessionID": "ses_a"}, origin=ALICE)
    body = msgspec.json.encode({"parts": [{"type": "text", "text": "private"}], "agent": "build"})
    with pytest.raises(ApiError):
        await record_request(opened(tmp_path), call, body, carry_out)
    before, after = written(tmp_path)
    assert (before["action"], before["who"], before["session"], before["address"]) == (
        "prompt", "alice (basic)", "ses_a", "192.0.2.1",
    )  # fmt: skip
    assert before["values"] == {"agent": "build"}
    assert before["parts"] == [{"type": "text", "bytes": 7}]
    assert "private" not in (tmp_path / "audit.jsonl").read_text()
    assert (after["action"], after["request"], after["status"]) == ("answer", before["seq"], 404)


async def test_what_must_be_recorded_and_cannot_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    async def carry_out(call: Call, body: bytes) -> Answer:
        done.append(call.op)
        return Answer(b"true")

    strict, lax = opened(tmp_path / "a", required=True), opened(tmp_path / "b")
    call = Call(1, "session.delete", {"sessionID": "ses_a"}, origin=ALICE)
    with monkeypatch.context() as broken:
        break_disk(broken)
        with pytest.raises(ApiError) as caught:
            await record_request(strict, call, b"", carry_out)
        assert caught.value.status == 503
        assert caught.value.body["name"] == "AuditUnavailableError"
        assert done == []
        await record_request(lax, call, b"", carry_out)
        assert done == ["session.delete"]
    lax.record("next")
    assert [line["action"] for line in written(tmp_path / "b")] == ["audit.lost", "next"]
    assert written(tmp_path / "b")[0]["lines"] == 2
    await record_request(strict, call, b"", carry_out)  # the disk is mended


def test_only_what_may_change_something_is_recorded() -> None:
    assert is_recorded(Call(1, "session.create", {}, origin=ALICE))
    assert not is_recorded(Call(1, "session.list", {}, origin=Origin("a", "b", "GET")))
    assert not is_recorded(Call(1, "event.replay", {}))


def test_no_secret_gets_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "KNOWN", Redactor(["sk-tried-1234"]))
    opened(tmp_path).record("exec.started", argv=["curl", "-H", "key: sk-tried-1234"])
    assert written(tmp_path)[0]["argv"][2] == f"key: {MARK}"


def test_own_fields_can_not_be_overwritten(tmp_path: Path) -> None:
    opened(tmp_path).record("a", ALICE, "ses_a", who="bob", session="ses_b", origin=1)
    line = written(tmp_path)[0]
    assert (line["who"], line["session"], line["origin"]) == ("alice (basic)", "ses_a", 1)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"action":"login.succeeded"}', b'{"action":"exec.started","fields":{"who":"root"}}', b"x" * 300_000],
)
def test_workers_may_report_only_what_they_do(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_report(body)


def test_a_report_is_its_workers_own(tmp_path: Path) -> None:
    report = read_report(b'{"action":"exec.ended","fields":{"exit":1}}')
    write_report(opened(tmp_path), "session", "ses_a", report)
    line = written(tmp_path)[0]
    assert (line["who"], line["session"], line["exit"]) == ("session:ses_a", "ses_a", 1)


def test_a_flood_of_failures_is_counted(tmp_path: Path) -> None:
    now = [1000.0]
    logins = Logins(opened(tmp_path), lambda: now[0])
    for _ in range(500):
        logins.report({"outcome": "failed", "path": "/"}, Origin("", "192.0.2.1"))
    now[0] += 61
    logins.report({"outcome": "failed", "path": "/", "before": "7"}, Origin("", "192.0.2.1"))
    lines = written(tmp_path)
    assert len(lines) == 62
    assert lines[60]["count"] == 440
    logins.report({"outcome": "succeeded"}, ALICE)
    assert written(tmp_path)[-1]["action"] == "login.succeeded"


def test_events_that_are_audit_lines(tmp_path: Path) -> None:
    audit = opened(tmp_path)
    record_event(audit, "message.updated", b"{}", "ses_a")
    record_event(audit, "permission.replied", b'{"requestID":"per_1","reply":"once","sessionID":"ses_a"}', "ses_a")
    record_event(audit, "oad.session.aborted", b'{"rung":"asked"}', "ses_a")
    assert [(line["action"], line["detail"]) for line in written(tmp_path)] == [
        ("permission.replied", {"requestID": "per_1", "reply": "once"}),
        ("abort", {"rung": "asked"}),
    ]


def test_long_values_are_cut() -> None:
    assert bounded("x" * 5000).startswith("x" * 4096 + "…")
    assert len(bounded(["y"] * 500)) == 101
    assert bounded({"a": [1, None, True]}) == {"a": [1, None, True]}


async def test_without_a_log_nothing_is_recorded_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    audit = AuditLog(None, required=True)
    assert audit.mode == "off"
    assert audit.record("x") == 0
    await audit.secured()
