from benchmarks.soak.footprint import Footprint, Kind
from benchmarks.soak.verdict import KINDS, Sample, judge, table


def a_footprint(*, daemon_mb: float = 50.0, workers: int = 2, descriptors: int = 30) -> Footprint:
    found = Footprint(
        {
            **{kind: Kind(1, 60.0, 10, 1) for kind in KINDS},
            "oad-daemon": Kind(1, daemon_mb, descriptors, 4),
            "session worker": Kind(workers, 70.0 * workers, 20 * workers, 4 * workers),
        }
    )
    found.bytes["oad.db"] = 2**20
    return found


REST = a_footprint()
SAMPLES = [Sample(turns, a_footprint()) for turns in range(0, 1000, 10)]


def test_what_is_flat() -> None:
    findings = judge(SAMPLES, (REST, REST))
    assert findings
    assert not [finding.name for finding in findings if finding.grows]


def test_memory_that_grows_is_named() -> None:
    samples = [Sample(turns, a_footprint(daemon_mb=50 + turns / 100)) for turns in range(0, 1000, 10)]
    findings = judge(samples, (REST, REST))
    assert [finding.name for finding in findings if finding.grows] == ["memory of oad-daemon"]
    assert "GROWS" in table(findings)


def test_how_many_workers_there_are_is_no_growth_of_one() -> None:
    samples = [Sample(turns, a_footprint(workers=1 + turns // 100)) for turns in range(0, 1000, 10)]
    assert not [finding.name for finding in judge(samples, (REST, REST)) if finding.grows]


def test_what_is_left_over_is_named() -> None:
    left = a_footprint(workers=3, descriptors=40)
    grown = [finding.name for finding in judge(SAMPLES, (REST, left)) if finding.grows]
    assert grown == ["descriptors: oad-daemon", "processes: session worker", "descriptors: session worker",
                     "threads: session worker"]  # fmt: skip
