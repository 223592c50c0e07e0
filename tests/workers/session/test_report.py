from pathlib import Path

from oad.workers.session.report import Report
from oad.workers.snapshots.keeper import Snapshots
from oad.workers.snapshots.store import SnapshotStore

from ..project.local_exec import LocalExec
from ..snapshots.project import make_project, place_of
from .test_patches import answer, end, patch, start, user, words


async def recorded(project: Path) -> tuple[LocalExec, Report, str, str]:
    """A project in which new.txt and README.md have changed, and the trees before and after."""
    exec = LocalExec()
    snapshots = Snapshots(SnapshotStore(exec, place_of(project), "ses_1"))
    before = (await snapshots.record_all()).tree
    (project / "new.txt").write_text("one\n")
    (project / "README.md").write_text("by somebody else\n")
    after = (await snapshots.record_all()).tree
    exec.calls.clear()
    return exec, Report(snapshots), before, after


async def test_only_files_that_a_patch_names_are_told_and_git_is_asked_once(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    exec, report, before, after = await recorded(project)
    parts = [start("s"), words("t"), end("e", after), patch("p", before, str(project / "new.txt"))]
    messages = [user("msg_1", words("q")), answer("msg_2", "msg_1", *parts)]
    told = await report.of_session(messages)
    assert [(diff.file, diff.additions, diff.status) for diff in told] == [("new.txt", 1, "added")]
    assert await report.of_prompt(messages, "msg_1") == told
    assert await report.of_prompt(messages, "msg_other") == []
    assert len(exec.calls) == 2  # what has changed, and what the files held
    assert [report.is_news(told), report.is_news(told), report.is_news([])] == [True, False, True]


async def test_what_is_not_kept_any_more_is_told_as_it_was(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    _, report, _, after = await recorded(project)
    lost = patch("p", "1" * 40, str(project / "new.txt"))
    messages = [user("msg_1", words("q")), answer("msg_2", "msg_1", start("s"), end("e", after), lost)]
    assert await report.of_session(messages) == []


async def test_without_patches_nothing_is_asked() -> None:
    assert await Report(Snapshots(None, "none")).of_session([user("msg_1", words("q"))]) == []
