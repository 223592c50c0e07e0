from oad.contract.pty_ticket import new_ticket, user_of_ticket


def test_a_ticket_names_its_user() -> None:
    assert user_of_ticket(new_ticket("ann.b@example")) == "ann.b@example"
    assert user_of_ticket(new_ticket()) == user_of_ticket("") == ""
    assert new_ticket("ann") != new_ticket("ann")
