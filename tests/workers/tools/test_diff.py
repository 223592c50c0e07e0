import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from oad.workers.tools.diff import unified

lines = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=30).map("\n".join)


@settings(max_examples=25, deadline=None)
@given(lines, lines)
def test_patches_apply(before: str, after: str) -> None:
    with TemporaryDirectory() as scratch:
        path = Path(scratch) / "f"
        path.write_text(before)
        made = unified("f", before, after)
        if before == after:
            assert (made.additions, made.deletions) == (0, 0)
            return
        done = subprocess.run(
            ["git", "apply", "-p0", "--unidiff-zero", "-"],
            cwd=scratch,
            input=_git(made.patch),
            text=True,
            check=False,
            capture_output=True,
        )
        if after:
            assert done.returncode == 0, (made.patch, done.stderr)
            assert path.read_text() == after


def _git(patch: str) -> str:
    return "".join(line for line in patch.splitlines(keepends=True) if not line.startswith(("Index:", "=====")))


def test_far_changes_make_hunks_of_their_own() -> None:
    before = "".join(f"{n}\n" for n in range(40))
    after = before.replace("\n5\n", "\nfive\n").replace("\n30\n", "\nthirty\n")
    made = unified("f", before, after)
    assert made.patch.count("@@ -") == 2
    assert "@@ -2,9 +2,9 @@" in made.patch
    assert (made.additions, made.deletions) == (2, 2)


def test_large_changes_are_quick_and_whole() -> None:
    before = "".join(f"{n}\n" for n in range(30_000))
    after = "".join(f"{n}x\n" for n in range(30_000))
    made = unified("f", before, after)
    assert (made.additions, made.deletions) == (30_000, 30_000)


def test_a_missing_last_newline_is_said() -> None:
    assert unified("f", "a", "b\n").patch.endswith("-a\n\\ No newline at end of file\n+b\n")
