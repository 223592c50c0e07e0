from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oad.workers.jobs.output import JobOutput


def test_it_is_read_on_from_where_it_was_left(tmp_path: Path) -> None:
    output = JobOutput(tmp_path / "jobs" / "job_1.txt")
    assert output.read(0) == (0, 0, "")
    output.write("grün".encode()[:3])
    assert output.read(0) == (0, 2, "gr")
    output.write("grün\n".encode()[3:])
    assert output.read(2) == (2, 6, "ün\n")
    assert output.read(99) == (6, 6, "")


def test_the_rest_of_a_broken_character_is_shown_at_the_end(tmp_path: Path) -> None:
    output = JobOutput(tmp_path / "job_1.txt")
    output.write(b"x\xc3")
    assert output.read(0) == (0, 1, "x")
    assert output.read(0, final=True) == (0, 2, "x\ufffd")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.integers(0, 250), max_size=30))
def test_it_never_exceeds_its_size_and_has_the_newest(tmp_path: Path, sizes: list[int]) -> None:
    file = tmp_path / "job_1.txt"
    file.unlink(missing_ok=True)
    output, everything = JobOutput(file, max_bytes=100), b""
    for number, size in enumerate(sizes):
        data = bytes([97 + number % 26]) * size
        output.write(data)
        everything += data
        start, end, text = output.read(0)
        assert (end, text.encode()) == (len(everything), everything[start:])
        assert len(everything) <= 100 or len(text) >= 49
        assert not file.exists() or file.stat().st_size <= 100


def test_a_place_that_cannot_be_written_costs_output_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    output = JobOutput(tmp_path / "file" / "job_1.txt")
    output.write(b"lost")
    assert output.read(0) == (4, 4, "")
