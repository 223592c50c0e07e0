"""The line by itself: random users come, run, give up and go, and at every step the rules hold."""

from collections import deque
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from oad.daemon.turnstile.line import Line, Obstacle, Rules

USERS = ("ann", "bob", "cy")


def sessions_of(user: str) -> st.SearchStrategy[str]:
    return st.integers(0, 5).map(lambda number: f"{user}{number}")


class AnyLine(RuleBasedStateMachine):
    """``model``: what should wait, each user's in order. ``stuck``: sessions that can't get a worker now."""

    def __init__(self) -> None:
        super().__init__()
        self.line = Line()
        self.rules = Rules(turns=2, turns_per_user=2, waiting=12)
        self.model: dict[str, deque[str]] = {user: deque() for user in USERS}
        self.prompts: dict[str, int] = {}
        self.running: set[str] = set()
        self.stuck: set[str] = set()

    def check(self, session: str, user: str) -> Obstacle | None:
        assert session.startswith(user)
        return Obstacle("freeMemoryMb", 1, 0) if session in self.stuck else None

    @rule(data=st.data(), user=st.sampled_from(USERS))
    def come(self, data: st.DataObject, user: str) -> None:
        session = data.draw(sessions_of(user))
        if session in self.running:
            return
        full = self.line.is_full(user, self.rules)
        assert full == (sum(self.prompts.values()) >= 12)
        if full:
            return
        self.line.join(session, user)
        if session not in self.model[user]:
            self.model[user].append(session)
        self.prompts[session] = self.prompts.get(session, 0) + 1

    @rule()
    def advance(self) -> None:
        for session in self.line.advance(self.rules, self.check):
            user = session[:-1]
            assert self.model[user].popleft() == session  # first come, first served
            assert session not in self.stuck
            del self.prompts[session]
            self.running.add(session)
        for user in USERS:  # nobody waits who could run
            if self.model[user]:
                own = sum(1 for session in self.running if session[:-1] == user)
                head = self.model[user][0]
                assert len(self.running) >= 2 or own >= 2 or head in self.stuck
                assert self.line.why(head) is not None

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        session = data.draw(st.sampled_from(sorted(self.running)))
        assert self.line.end(session)
        self.running.discard(session)
        assert not self.line.end(session)

    @precondition(lambda self: self.prompts)
    @rule(data=st.data(), all=st.booleans())
    def go_away(self, data: st.DataObject, all: bool) -> None:
        session = data.draw(st.sampled_from(sorted(self.prompts)))
        if all:
            assert self.line.withdraw(session)
            self.prompts[session] = 0
        else:
            self.line.give_up(session)
            self.prompts[session] -= 1
        if not self.prompts[session]:
            del self.prompts[session]
            self.model[session[:-1]].remove(session)

    @rule(data=st.data(), user=st.sampled_from(USERS))
    def begin_by_itself(self, data: st.DataObject, user: str) -> None:
        """Seen to run, whatever the rules say."""
        session = data.draw(sessions_of(user))
        self.line.begin(session, user)
        self.running.add(session)
        if self.prompts.pop(session, None):
            self.model[user].remove(session)

    @rule(data=st.data(), user=st.sampled_from(USERS))
    def get_stuck_or_free(self, data: st.DataObject, user: str) -> None:
        self.stuck ^= {data.draw(sessions_of(user))}

    @invariant()
    def agrees(self) -> None:
        assert set(self.line.running) == self.running
        assert len(self.line) == sum(self.prompts.values())
        order = list(self.line.order())
        assert sorted(order) == sorted(self.prompts)
        for user in USERS:
            assert [session for session in order if session[:-1] == user] == list(self.model[user])
            assert self.line.of_user(user) == sum(n for session, n in self.prompts.items() if session[:-1] == user)


TestAnyLine = AnyLine.TestCase
TestAnyLine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.lists(st.tuples(st.sampled_from(USERS), st.integers(0, 30)), max_size=40, unique=True), st.integers(1, 3))
def test_everybody_gets_a_turn_and_nobody_two_before_another_has_one(comers: list[tuple[str, int]], turns: int) -> None:
    line, rules = Line(), Rules(turns=turns)
    for user, number in comers:
        line.join(f"{user} {number}", user)
    foretold = list(line.order())
    served: list[str] = []
    while len(line):
        served += line.advance(rules)
        for session in list(line.running):
            line.end(session)
    assert served == foretold  # the positions that were told come true
    left = {user: sum(1 for each, _ in comers if each == user) for user in USERS}
    for before, after in pairwise(served):
        left[before.split()[0]] -= 1
        others = any(left[user] for user in USERS if user != before.split()[0])
        assert not others or before.split()[0] != after.split()[0]


def test_no_trace_is_left_of_those_who_have_gone() -> None:
    line = Line()
    for number in range(100):
        line.join(f"s{number}", f"u{number}")
        line.advance(Rules())
        line.end(f"s{number}")
    assert not any(vars(line)[name] for name in ("running", "_waiting", "_prompts", "_owner", "_served"))


def test_the_limit_that_holds_is_named() -> None:
    line, rules = Line(), Rules(turns=2, turns_per_user=1)
    for session, user in (("a1", "ann"), ("a2", "ann"), ("b1", "bob"), ("c1", "cy")):
        line.join(session, user)
    assert line.advance(rules) == ["a1", "b1"]
    assert line.why("a2") == Obstacle("runningTurns", 2, 2)
    line.end("b1")
    assert line.advance(rules) == ["c1"]
    line.end("c1")
    assert line.advance(rules) == []
    assert line.why("a2") == Obstacle("runningTurnsPerUser", 1, 1)
