from oad.contract.proxy import Decision
from oad.workers.egress import OPEN, Egress
from oad.workers.exec import Outcome
from oad.workers.tools.network_note import network_notes

DENIED = Decision("ses_1", "b.test", 443, False, "not on the allow list")
ALLOW = Egress("ses_1", "allow", "/p", (("a.test", "*.c.test"),))


def test_what_was_denied_is_named_also_when_the_command_succeeded() -> None:
    (note,) = network_notes(ALLOW, Outcome(0, denied=(DENIED,)), "")
    assert "b.test:443 (not on the allow list)" in note
    assert "Allowed: a.test, *.c.test." in note


def test_many_denials_are_counted() -> None:
    many = tuple(Decision("ses_1", f"h{n}.test", 80, False, "x") for n in range(11))
    assert "and 3 more" in network_notes(ALLOW, Outcome(1, denied=many), "")[0]


def test_a_failure_that_looks_like_no_network_is_explained() -> None:
    output = "curl: (6) Could not resolve host: a.test"
    assert "'off'" in network_notes(Egress(mode="off"), Outcome(6), output)[0]
    assert "HTTPS_PROXY" in network_notes(ALLOW, Outcome(6), output)[0]
    assert "No host is allowed" in network_notes(Egress(mode="allow", allow=((),)), Outcome(6), output)[0]


def test_otherwise_nothing_is_said() -> None:
    output = "curl: (6) Could not resolve host: a.test"
    assert network_notes(OPEN, Outcome(6), output) == []
    assert network_notes(Egress(mode="off"), Outcome(0), output) == []
    assert network_notes(Egress(mode="off"), Outcome(1), "assertion failed") == []
