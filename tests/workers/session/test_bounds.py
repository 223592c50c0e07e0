from collections.abc import Callable

import pytest

from oad.contract.errors import ApiError
from oad.contract.limits import SessionLimits
from oad.workers.session.bounds import Bounds, TurnStopped


def bounds(**limits: int) -> Bounds:
    made = Bounds()
    made.begin(SessionLimits(**limits))
    return made


def stopped(act: Callable[[], None]) -> TurnStopped:
    with pytest.raises(TurnStopped) as caught:
        act()
    return caught.value


def test_steps_and_calls_are_counted_per_turn() -> None:
    made = bounds(steps=2, tool_calls=1)
    for _ in range(2):
        made.on_step()
    assert stopped(made.on_step).hit.peak == 3
    made.on_call("read", {"n": 1})
    assert stopped(lambda: made.on_call("read", {"n": 2})).error.name == "LimitError"
    made.begin(made.limits)
    made.on_step()
    made.on_call("read", {"n": 3})


def test_text_is_counted_per_step() -> None:
    made = bounds(step_characters=100)
    made.on_text(100)
    made.on_step()
    made.on_text(100)
    failure = stopped(lambda: made.on_text(1))
    assert failure.error.name == "RunawayError"
    assert (failure.error.data["guard"], failure.error.data["count"]) == ("stepCharacters", 101)


def test_the_same_call_is_counted_over_turns_whatever_the_order_of_its_arguments() -> None:
    made = bounds(repeated_calls=3)
    made.on_call("bash", {"a": 1, "b": 2})
    made.begin(made.limits)
    made.on_call("bash", {"b": 2, "a": 1})
    failure = stopped(lambda: made.on_call("bash", {"a": 1, "b": 2}))
    assert (failure.error.data["guard"], failure.error.data["count"]) == ("repeatedCalls", 3)
    made.on_call("bash", {"a": 1, "b": 2})  # who is told to go on may


def test_calls_in_turn() -> None:
    made = bounds(alternating_calls=3)
    for command in "ABABA":
        made.on_call("bash", {"command": command})
    assert stopped(lambda: made.on_call("bash", {"command": "B"})).hit.limit == "alternatingCalls"


def test_asks() -> None:
    made = bounds(asks=1)
    made.on_ask()
    assert stopped(made.on_ask).error.data["guard"] == "asks"


def test_prompts_wait_for_the_next_step_in_a_queue_with_an_end() -> None:
    made = bounds(queued_prompts=1)
    made.on_prompt()
    with pytest.raises(ApiError) as refused:
        made.on_prompt()
    assert refused.value.status == 429
    made.on_step()  # it reads what waits
    made.on_prompt()


def test_without_limits_nothing_is_stopped() -> None:
    made = bounds()
    for _ in range(100):
        made.on_prompt()
        made.on_step()
        made.on_call("bash", {})
        made.on_ask()
        made.on_text(10**6)
