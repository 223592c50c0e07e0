from oad.daemon.tickets import LIFE_S, Tickets


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_ticket_is_for_one_connection_to_one_terminal() -> None:
    tickets = Tickets(Clock())
    text = tickets.issue("pty_a", "alice")
    found = tickets.redeem(text, "pty_a")
    assert found is not None
    assert found.who == "alice"
    assert tickets.redeem(text, "pty_a") is None


def test_trying_it_elsewhere_spends_it() -> None:
    tickets = Tickets(Clock())
    text = tickets.issue("pty_a", "alice")
    assert tickets.redeem(text, "pty_b") is None
    assert tickets.redeem(text, "pty_a") is None


def test_it_is_worth_nothing_after_its_time() -> None:
    clock = Clock()
    tickets = Tickets(clock)
    early, late = tickets.issue("pty_a", "x"), tickets.issue("pty_a", "x")
    clock.now = LIFE_S - 1
    assert tickets.redeem(early, "pty_a") is not None
    clock.now = LIFE_S + 1
    assert tickets.redeem(late, "pty_a") is None


def test_nobody_fills_the_memory_with_them() -> None:
    tickets = Tickets(Clock())
    issued = [tickets.issue("pty_a", "x") for _ in range(1001)]
    assert tickets.redeem(issued[0], "pty_a") is None
    assert tickets.redeem(issued[-1], "pty_a") is not None


def test_none_is_like_another() -> None:
    tickets = Tickets(Clock())
    assert len({tickets.issue("pty_a", "x") for _ in range(100)}) == 100
    assert tickets.redeem("", "pty_a") is None
