import msgspec
from hypothesis import given
from hypothesis import strategies as st

from oad.contract.limits import NAMES, CommandLimits, SessionLimits, effective, for_commands
from oad.contract.policy import LimitPolicy

_AMOUNT = st.none() | st.integers(1, 100)
_FIELDS = st.fixed_dictionaries(dict.fromkeys(NAMES, _AMOUNT))
_WISHES = st.lists(st.none() | _FIELDS.map(lambda fields: SessionLimits(**fields)), max_size=4)
_POLICIES = _FIELDS.map(lambda fields: LimitPolicy(**fields))


@given(_WISHES, _POLICIES)
def test_the_strictest_holds_and_nothing_is_invented(wishes: list[SessionLimits | None], policy: LimitPolicy) -> None:
    made = effective(wishes, policy)
    for name in NAMES:
        asked = [getattr(each, name) for each in [*wishes, policy] if each is not None]
        given_ = [value for value in asked if value is not None]
        assert getattr(made, name) == (min(given_) if given_ else None)


@given(_WISHES, _POLICIES)
def test_no_wish_raises_what_the_operator_allows(wishes: list[SessionLimits | None], policy: LimitPolicy) -> None:
    made = effective(wishes, policy)
    for name in NAMES:
        ceiling = getattr(policy, name)
        assert ceiling is None or getattr(made, name) <= ceiling


@given(_WISHES, _POLICIES)
def test_order_does_not_matter_and_twice_is_once(wishes: list[SessionLimits | None], policy: LimitPolicy) -> None:
    made = effective(wishes, policy)
    assert effective(wishes[::-1], policy) == made
    assert effective([made, *wishes], policy) == made


def test_what_the_operator_names_for_sessions_is_what_a_session_may_wish() -> None:
    of_service = {"sessions", "live_sessions", "priority"}
    assert set(LimitPolicy.__struct_fields__) - of_service == set(NAMES)


def test_a_command_gets_the_stricter_of_what_its_worker_says_and_the_operator_allows() -> None:
    asked = for_commands(SessionLimits(open_files=50, processes=9))
    assert asked.within(CommandLimits(open_files=20, file_size_mb=3)) == CommandLimits(20, 3, 9)
    assert CommandLimits(open_files=500).within(CommandLimits(open_files=20)).open_files == 20


def test_names_on_the_wire() -> None:
    wish = msgspec.json.decode(b'{"memoryMb": 5, "commandS": 0.5}', type=SessionLimits)
    assert wish == SessionLimits(memory_mb=5, command_s=0.5)
    assert msgspec.json.encode(wish) == b'{"memoryMb":5,"commandS":0.5}'
