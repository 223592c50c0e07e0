import pytest

from oad.contract.message import MessageWithParts
from oad.workers.session.tail import choose_tail

from .fakes import Compacting, make_model
from .test_history import answer, said, user

# Three turns of about 300, 3000 and 30 tokens.
CONVERSATION: list[MessageWithParts] = [
    user(said("x" * 1200), id="msg_1"),
    answer(said("a"), id="msg_2"),
    user(said("y" * 12_000), id="msg_3"),
    answer(said("b"), id="msg_4"),
    user(said("z" * 20), id="msg_5"),
    answer(said("c"), id="msg_6"),
]


@pytest.mark.parametrize(
    ("turns", "tokens", "start"),
    [
        (None, 500, 4),
        (None, 3200, 2),
        (None, 100_000, 6),  # all of it: nothing would be left to sum up
        (1, 100_000, 4),
        (2, 100_000, 2),
        (2, 500, 4),
        (0, 100_000, 6),
        (None, 0, 6),
        (None, 5, 6),
    ],
)
def test_whole_turns_are_kept_while_there_is_room(turns: int | None, tokens: int, start: int) -> None:
    settings = Compacting(tail_turns=turns, preserve_recent_tokens=tokens)
    assert choose_tail(CONVERSATION, make_model(), settings, 100_000) == start


def test_the_room_is_a_share_of_the_context() -> None:
    two = Compacting(tail_turns=2)
    assert choose_tail(CONVERSATION, make_model(), two, 100) == 4  # 2000 tokens at least
    assert choose_tail(CONVERSATION, make_model(), two, 13_000) == 2
    long = [*CONVERSATION, user(said("w" * 40_000), id="msg_7")]
    assert choose_tail(long, make_model(), two, 10**6) == len(long)  # 8000 at most


def test_nothing_is_kept_unless_it_is_asked_for() -> None:
    assert choose_tail(CONVERSATION, make_model(), Compacting(), 100_000) == len(CONVERSATION)


def test_nothing_to_keep() -> None:
    assert choose_tail([], make_model(), Compacting(tail_turns=2), 100) == 0
