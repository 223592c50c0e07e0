import msgspec

from oad.daemon.tally import Tally


def test_counts_what_passes() -> None:
    tally = Tally()
    hit = msgspec.json.encode({"sessionID": "ses_1", "limit": "memoryMb", "value": 1, "peak": 2, "action": "command"})
    for _ in range(2):
        tally.observe("session.limit", hit, "ses_1")
    tally.observe("oad.session.aborted", b"{}", "ses_1")
    tally.observe("permission.asked", b"{}", "ses_1")
    tally.observe("question.asked", b"{}", "ses_1")
    tally.observe("message.updated", b"not looked at", "ses_1")
    assert tally.limits == {("memoryMb", "command"): 2}
    assert (tally.aborts, tally.asks) == (1, {"permission": 1, "question": 1})
