from pathlib import Path

import pytest

from oad.contract.errors import ApiError
from oad.workers.project.patching import apply_patch, make_repository

from .conftest import Git
from .local_exec import LocalExec, NoExec

NEW = "diff --git a/{0} b/{0}\nnew file mode 100644\n--- /dev/null\n+++ b/{0}\n@@ -0,0 +1 @@\n+applied\n"


async def refusal(directory: Path, patch: str) -> str:
    with pytest.raises(ApiError) as caught:
        await apply_patch(LocalExec(), str(directory), patch)
    assert (caught.value.status, caught.value.body["name"]) == (400, "VcsApplyError")
    return str(caught.value.body["data"]["reason"])


async def test_a_patch_is_about_the_whole_worktree(repo: Path) -> None:
    await apply_patch(LocalExec(), str(repo / "src"), NEW.format("top.txt"))
    assert (repo / "top.txt").read_text() == "applied\n"


async def test_what_does_not_fit_changes_nothing(repo: Path) -> None:
    wrong = "diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-x\n+y\n"
    for patch in ("garbage", "", NEW.format("new") + wrong):
        assert await refusal(repo, patch) == "not-clean"
    assert not (repo / "new").exists()


@pytest.mark.parametrize("path", ["../outside", ".git/hooks/post-checkout", "link/outside", "/etc/oad-test"])
async def test_nothing_is_written_elsewhere(repo: Path, path: str) -> None:
    (repo / "link").symlink_to(repo.parent)
    assert await refusal(repo, NEW.format(path)) == "not-clean"
    assert not (repo.parent / "outside").exists()
    assert not (repo / ".git/hooks/post-checkout").exists()


async def test_without_a_repository(home: Path) -> None:
    assert await refusal(home, NEW.format("f")) == "non-git"


async def test_making_a_repository(home: Path, repo: Path, git: Git) -> None:
    (home / "new").mkdir()
    for _ in range(2):
        await make_repository(LocalExec(), str(home / "new"))
        assert git(home / "new", "rev-parse", "--show-toplevel") == str(home / "new")
    await make_repository(LocalExec(), str(repo / "src"))
    assert not (repo / "src/.git").exists()
    with pytest.raises(ApiError, match="git init failed"):
        await make_repository(NoExec(), str(home / "new"))
