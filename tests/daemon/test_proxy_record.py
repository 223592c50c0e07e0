"""Decisions of a proxy, as lines; the proxy here is a socket that says what the test wants."""

import socket
from pathlib import Path
from typing import Any

import msgspec
import trio
import trio.testing

from oad.contract.policy import AuditPolicy
from oad.contract.proxy import Decision, Watch, Watching, decode_request, frame
from oad.daemon.audit.log import AuditLog
from oad.daemon.audit.writer import AuditWriter
from oad.daemon.proxy_record import ProxyRecord

ALLOWED = Decision("ses_a", "git.example.org", 443, allowed=True, address="192.0.2.1")
DENIED = Decision("ses_b", "evil.example.org", 80, allowed=False, reason="not on the allow list")


async def test_decisions_are_recorded_also_of_the_next_proxy(tmp_path: Path) -> None:
    audit = AuditLog(AuditWriter(tmp_path / "audit", AuditPolicy()))
    record = ProxyRecord(audit, tmp_path / "proxy.sock")
    with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as proxy:
        await proxy.bind(str(tmp_path / "proxy.sock"))
        proxy.listen()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(record.run)
            record.want()
            with trio.fail_after(10):
                for decision in (ALLOWED, DENIED):
                    watcher, _ = await proxy.accept()
                    assert decode_request(await watcher.recv(4096)) == Watch()
                    data = frame(Watching()) + frame(decision)
                    await watcher.send(data[:-3])  # a frame may come in pieces
                    await watcher.send(data[-3:])
                    watcher.close()
                watcher, _ = await proxy.accept()  # it has read everything of the last one
            watcher.close()
            nursery.cancel_scope.cancel()
    lines = [msgspec.json.decode(line) for line in (tmp_path / "audit/audit.jsonl").read_bytes().splitlines()]
    assert [_told(line) for line in lines] == [
        ("network.decision", "ses_a", "allowed", "git.example.org", {"address": "192.0.2.1"}),
        ("network.decision", "ses_b", "denied", "evil.example.org", {"reason": "not on the allow list"}),
    ]


def _told(line: dict[str, Any]) -> tuple[Any, ...]:
    assert line["who"] == f"session:{line['session']}"
    return line["action"], line["session"], line["decision"], line["host"], line["detail"]


async def test_nobody_is_asked_while_no_session_needs_the_proxy(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    record = ProxyRecord(AuditLog(None), tmp_path / "none.sock")
    with trio.move_on_after(60) as scope:
        await record.run()
    assert scope.cancelled_caught
