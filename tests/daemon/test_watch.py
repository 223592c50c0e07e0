from hypothesis import given
from hypothesis import strategies as st

from oad.contract.limits import MEGABYTE, SessionLimits
from oad.daemon.process_usage import TICKS, CallUse, TreeUse
from oad.daemon.procs import Process
from oad.daemon.watch import BUSY_S, CALM_S, NEAR_S, Watch, choose


def a_call(pid: int, *, tasks: int = 1, memory_mb: int = 0, cpu_s: float = 0.0) -> CallUse:
    return CallUse(Process(pid, 1), (pid + 1,), tasks, memory_mb * 1024, round(cpu_s * TICKS), False)


def watched(limits: SessionLimits, *calls: CallUse, at: float = 0.0, watch: Watch | None = None) -> Watch:
    watch = watch or Watch()
    watch.note(at, TreeUse(calls, 0, 0), limits, busy=True)
    return watch


def test_processes_are_looked_at_first() -> None:
    limits = SessionLimits(processes=10, memory_mb=1)
    breach = watched(limits, a_call(1, tasks=3), a_call(5, tasks=9, memory_mb=3)).breach(limits, 0)
    assert breach is not None
    assert (breach.hit.limit, breach.hit.peak, breach.hit.action) == ("processes", 12, "command")
    assert breach.call is not None
    assert breach.call.holder.pid == 1  # the smallest that is enough


def test_of_the_servers_of_a_directory_the_largest_goes() -> None:
    watch = watched(
        SessionLimits(memory_mb=10), a_call(1, memory_mb=4), a_call(2, memory_mb=9), watch=Watch(largest=True)
    )
    breach = watch.breach(SessionLimits(memory_mb=10), 0)
    assert breach is not None and breach.call is not None
    assert breach.call.holder.pid == 2


def test_memory_is_to_be_looked_at_closer() -> None:
    limits = SessionLimits(memory_mb=100)
    breach = watched(limits, a_call(1, memory_mb=101)).breach(limits, 0)
    assert breach is not None
    assert not breach.exact
    assert watched(limits, a_call(1, memory_mb=100)).breach(limits, 0) is None


def test_a_worker_that_takes_too_much_itself_loses_its_turn() -> None:
    watch, limits = Watch(), SessionLimits(memory_mb=100)
    watch.note(0, TreeUse((), 200 * 1024, 0), limits, busy=True)
    breach = watch.breach(limits, 0)
    assert breach is not None
    assert breach.call is None
    assert breach.hit.action == "turn"


def test_cpu_is_judged_over_two_seconds() -> None:
    limits = SessionLimits(cpu=0.5)
    watch = Watch()
    for n in range(8):  # a quarter of a second each, one core
        watched(limits, a_call(1, cpu_s=n / 4), at=n / 4, watch=watch)
        assert watch.breach(limits, 0) is None
    watched(limits, a_call(1, cpu_s=2), at=2, watch=watch)
    breach = watch.breach(limits, 0)
    assert breach is not None
    assert abs(breach.hit.peak - 1) < 0.05


def test_what_calls_used_that_are_over_counts() -> None:
    limits = SessionLimits(cpu=0.5)
    watch = Watch()
    watch.note(0, TreeUse((a_call(1, cpu_s=0),), 0, 0), limits, busy=True)
    watch.note(2, TreeUse((a_call(9, cpu_s=0.2),), 0, 2 * TICKS), limits, busy=True)
    assert watch.breach(limits, 0) is not None


def test_only_who_writes_on_is_stopped_for_the_disk() -> None:
    limits = SessionLimits(written_mb=5)
    watch = watched(limits, a_call(1), a_call(5))
    assert watch.note_written({Process(1, 1): 6 * MEGABYTE, Process(5, 1): 0}) == 6 * MEGABYTE
    breach = watch.breach(limits, 6)
    assert breach is not None
    assert breach.call is not None
    assert breach.call.holder.pid == 1
    assert watch.note_written({Process(1, 1): 6 * MEGABYTE, Process(5, 1): 0}) == 0
    assert watch.breach(limits, 6) is None


def test_how_soon_it_looks_again() -> None:
    limits = SessionLimits(processes=10)
    assert watched(limits, a_call(1, tasks=2)).due == BUSY_S
    assert watched(limits, a_call(1, tasks=6)).due == NEAR_S
    assert watched(SessionLimits(), a_call(1, tasks=99)).due == CALM_S  # there is nothing to enforce
    resting = Watch()
    resting.note(0, TreeUse((), 0, 0), limits, busy=False)
    assert resting.due == CALM_S


@given(st.dictionaries(st.integers(1, 20), st.floats(0, 100), max_size=8), st.floats(0, 200))
def test_who_is_chosen(shares: dict[int, float], excess: float) -> None:
    given_ = {Process(pid, 1): share for pid, share in shares.items()}
    chosen = choose(given_, excess)
    taking = [share for share in given_.values() if share > 0]
    if chosen is None:
        assert not taking
        return
    enough = [share for share in taking if share >= excess]
    assert given_[chosen] == (min(enough) if enough else max(taking))
