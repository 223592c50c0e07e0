import signal

import pytest
import trio
from trio.testing import MockClock

from oad.contract.limits import MEGABYTE, LimitHit, SessionLimits
from oad.workers.allowance import FLOW_S, Allowance

CHUNK = b"x" * (MEGABYTE // 2)


class Taken:
    def __init__(self) -> None:
        self.bytes = 0

    async def __call__(self, chunk: bytes) -> None:
        self.bytes += len(chunk)


def allowance(**limits: float) -> Allowance:
    made = Allowance()
    made.begin(SessionLimits(**limits), 0)  # type: ignore[arg-type]
    return made


async def test_output_is_handed_on_up_to_the_limit_of_a_command() -> None:
    made, taken = allowance(command_output_mb=1), Taken()
    meter = made.open(1)
    count = meter.counted(taken)
    for _ in range(2):
        await count(CHUNK)
    assert not meter.over.is_set()
    await count(CHUNK)
    assert meter.over.is_set()
    assert taken.bytes == MEGABYTE
    assert meter.hit == LimitHit(limit="commandOutputMb", value=1, peak=1.5, action="command")


async def test_output_of_all_commands_counts_for_the_session() -> None:
    made = allowance(session_output_mb=1)
    await made.open(1).counted(Taken())(CHUNK)
    meter = made.open(2)
    await meter.counted(Taken())(CHUNK)
    assert meter.hit is None
    await meter.counted(Taken())(b"x")
    assert meter.hit is not None
    assert meter.hit.limit == "sessionOutputMb"


def test_a_turn_goes_on_counting_where_the_daemon_left_off() -> None:
    made = allowance()
    made.begin(SessionLimits(), 700)
    made.begin(SessionLimits(), 500)  # what it knows may be older than what we know
    assert made.output == 700


@pytest.mark.parametrize(
    ("asked", "most", "given", "blamed"),
    [(None, 5, 5, True), (3, 5, 3, False), (9, 5, 5, True), (9, None, 9, False), (None, None, None, False)],
)
def test_time(asked: float | None, most: float | None, given: float | None, blamed: bool) -> None:
    meter = allowance(**({} if most is None else {"command_s": most})).open(1)
    assert meter.time(asked) == given
    meter.ran_out(asked)
    assert (meter.hit is not None) == blamed


@pytest.mark.parametrize("status", [-signal.SIGXFSZ, 128 + signal.SIGXFSZ])
def test_a_file_that_grew_too_large(status: int) -> None:
    meter = allowance(file_size_mb=2).open(1)
    meter.ended(status)
    assert meter.hit is not None
    assert meter.hit.limit == "fileSizeMb"
    other = allowance().open(1)
    other.ended(status)  # by a limit of somebody else's
    assert other.hit is None


async def test_what_was_reached_is_reported_once_and_not_when_the_daemon_has() -> None:
    told: list[str] = []

    async def report(hit: LimitHit) -> None:
        told.append(hit.limit)

    made = Allowance(report)
    made.begin(SessionLimits(command_s=1), 0)
    meter = made.open(1)
    meter.ran_out(None)
    await meter.tell()
    await meter.tell()
    assert told == ["commandS"]
    stopped = made.open(2)
    made.stopped(2, LimitHit(limit="memoryMb", value=1, peak=2, action="command"))
    hit = await stopped.tell()
    assert hit is not None
    assert hit.limit == "memoryMb"
    assert told == ["commandS"]


async def test_what_is_too_much_in_all_may_be_fine_over_time(autojump_clock: MockClock) -> None:
    meter = allowance(command_output_mb=1).open_flow(1)
    for _ in range(10):
        meter.count(MEGABYTE // 2)
        await trio.sleep(FLOW_S / 2)
    assert not meter.over.is_set()
    for _ in range(3):
        meter.count(MEGABYTE // 2)
    assert meter.over.is_set()
    assert meter.hit is not None
    assert (meter.hit.limit, meter.hit.value) == ("commandOutputMb", 1)


async def test_what_long_lived_programs_write_counts_for_the_session() -> None:
    made = allowance(session_output_mb=1)
    made.open_flow(1).count(MEGABYTE)
    meter = made.open_flow(2)
    meter.count(1)
    assert meter.hit is not None
    assert meter.hit.limit == "sessionOutputMb"
