"""The chain holds over restarts, rotation and torn lines, and breaks where it was touched."""

import os
import random
from pathlib import Path

import msgspec
import pytest

from oad.contract.policy import AuditPolicy
from oad.daemon.audit import files
from oad.daemon.audit.chain import GENESIS, BrokenLine, Link, check_line, forge
from oad.daemon.audit.files import Break, verify
from oad.daemon.audit.writer import AuditWriter


def writer(place: Path, keep: int = 20, *, max_bytes: int = 0) -> AuditWriter:
    made = AuditWriter(place, AuditPolicy(keep_files=keep))
    if max_bytes:
        made._max_bytes = max_bytes
    return made


def fill(place: Path, count: int, *, max_bytes: int = 0, keep: int = 20) -> None:
    made = writer(place, keep, max_bytes=max_bytes)
    for number in range(count):
        made.append({"action": "tried", "number": number, "text": 'ä"\\\n'})
    made.close()


def test_a_line_carries_the_hash_of_the_one_before() -> None:
    first, link = forge(Link(), {"action": "a"})
    second, _ = forge(link, {"action": "b"})
    assert msgspec.json.decode(first)["prev"] == GENESIS
    assert msgspec.json.decode(second)["prev"] == msgspec.json.decode(first)["hash"]
    assert check_line(first[:-1]) == (Link(), link)


@pytest.mark.parametrize("line", [b"", b"{}", b"nonsense", b'{"seq":1,"prev":"","hash":""}', b"\xff"])
def test_what_is_no_line(line: bytes) -> None:
    with pytest.raises(BrokenLine):
        check_line(line)


def test_private_and_going_on_after_a_restart(tmp_path: Path) -> None:
    fill(tmp_path / "audit", 3)
    fill(tmp_path / "audit", 2)
    assert (tmp_path / "audit/audit.jsonl").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "audit").stat().st_mode & 0o777 == 0o700
    assert verify(tmp_path / "audit")[1].seq == 5


def test_rotation_keeps_the_chain_and_so_many_files(tmp_path: Path) -> None:
    fill(tmp_path, 40, max_bytes=900)
    assert len(files.files_of(tmp_path)) > 4
    assert verify(tmp_path)[0] == Link()
    fill(tmp_path, 40, max_bytes=900, keep=3)
    assert len(files.files_of(tmp_path)) == 3
    first, last = verify(tmp_path)
    assert first.seq > 40
    assert last.seq == 80


def test_a_start_between_rotation_and_the_next_line(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    (tmp_path / files.CURRENT).rename(tmp_path / files.name_of_full(1))
    fill(tmp_path, 1)
    assert verify(tmp_path)[1].seq == 4


def test_a_torn_last_line_is_mended(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    with (tmp_path / files.CURRENT).open("ab") as file:
        file.write(b'{"seq":4,"act')
    with pytest.raises(Break, match="torn"):
        verify(tmp_path)
    made = writer(tmp_path)
    assert "13 bytes" in made.mended
    assert made.append({"action": "next"}) == 4
    assert verify(tmp_path)[1].seq == 4


def test_only_a_torn_line(tmp_path: Path) -> None:
    (tmp_path / files.CURRENT).write_bytes(b"half")
    made = writer(tmp_path)
    assert made.append({"action": "first"}) == 1
    assert verify(tmp_path) == (Link(), made.link)


def test_every_change_is_found_at_its_line(tmp_path: Path) -> None:
    fill(tmp_path, 30)
    file = tmp_path / files.CURRENT
    whole = file.read_bytes()
    generator = random.Random(3)
    for _ in range(200):
        at = generator.randrange(len(whole))
        changed = bytearray(whole)
        changed[at] ^= 1 << generator.randrange(8)
        file.write_bytes(changed)
        with pytest.raises(Break) as caught:
            verify(tmp_path)
        # A newline that was changed joins two lines: the first of them is named.
        assert caught.value.line == whole[:at].count(b"\n") + 1


def test_missing_moved_and_doubled_lines_are_found(tmp_path: Path) -> None:
    fill(tmp_path, 6)
    file = tmp_path / files.CURRENT
    lines = file.read_bytes().splitlines(keepends=True)
    for broken in (lines[:2] + lines[3:], [*lines[:2], lines[3], lines[2], *lines[4:]], [*lines[:3], *lines[2:]]):
        file.write_bytes(b"".join(broken))
        with pytest.raises(Break) as caught:
            verify(tmp_path)
        assert caught.value.line in (3, 4)


def test_a_missing_file_is_found(tmp_path: Path) -> None:
    fill(tmp_path, 40, max_bytes=900)
    files.files_of(tmp_path)[2].unlink()
    with pytest.raises(Break, match="missing"):
        verify(tmp_path)


def test_a_changed_last_line_is_set_aside_and_stays_found(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    file = tmp_path / files.CURRENT
    file.write_bytes(file.read_bytes()[:-5] + b'zz"}\n')
    made = writer(tmp_path)
    assert "changed" in made.mended or "no line" in made.mended
    made.append({"action": "next"})
    with pytest.raises(Break) as caught:
        verify(tmp_path)
    assert caught.value.line == 3


def test_a_line_that_does_not_fit_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, 2)
    made = writer(tmp_path)
    write = os.write
    monkeypatch.setattr("oad.daemon.audit.writer.os.write", lambda fd, data: write(fd, data[:10]))
    with pytest.raises(OSError, match="full"):
        made.append({"action": "lost"})
    monkeypatch.undo()
    assert made.append({"action": "kept"}) == 3
    assert verify(tmp_path)[1].seq == 3


def test_a_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / files.CURRENT).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        writer(tmp_path)
