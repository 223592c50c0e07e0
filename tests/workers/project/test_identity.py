from pathlib import Path

from oad.workers.project.identity import GLOBAL, Identities, ProjectIdentity

from .conftest import Git
from .local_exec import LocalExec, NoExec


async def identify(directory: Path) -> ProjectIdentity:
    return await Identities(LocalExec()).of(str(directory))


async def test_a_repository_is_known_by_its_root_commit(repo: Path, git: Git) -> None:
    root = git(repo, "rev-parse", "HEAD")
    git(repo, "commit", "-q", "--allow-empty", "-m", "next")
    identity = await identify(repo)
    assert (identity.id, identity.worktree, identity.sandbox) == (root, str(repo), str(repo))
    assert (identity.path, identity.vcs) == ("", "git")


async def test_a_subdirectory(repo: Path) -> None:
    identity = await identify(repo / "src")
    assert (identity.worktree, identity.path) == (str(repo), "src")
    assert identity.id == (await identify(repo)).id


async def test_a_linked_worktree_belongs_to_the_main_one(repo: Path, tmp_path: Path, git: Git) -> None:
    git(repo, "worktree", "add", "-q", str(tmp_path / "linked"))
    identity = await identify(tmp_path / "linked")
    assert (identity.worktree, identity.sandbox) == (str(repo), str(tmp_path / "linked"))
    assert identity.id == (await identify(repo)).id


async def test_no_commits(tmp_path: Path, git: Git) -> None:
    git(tmp_path, "init", "-q", "empty")
    identity = await identify(tmp_path / "empty")
    assert (identity.id, identity.worktree, identity.vcs) == (GLOBAL, str(tmp_path / "empty"), "git")


async def test_no_repository(home: Path) -> None:
    identity = await identify(home)
    assert (identity.id, identity.worktree, identity.vcs) == (GLOBAL, "/", None)
    assert identity.path == str(home).removeprefix("/")


async def test_no_git(repo: Path) -> None:
    identity = await Identities(NoExec()).of(str(repo))
    assert (identity.id, identity.worktree, identity.vcs) == (GLOBAL, str(repo), "git")


async def test_a_directory_that_does_not_exist(repo: Path) -> None:
    identity = await identify(repo / "gone" / "deep")
    assert (identity.worktree, identity.path) == (str(repo), "gone/deep")


async def test_several_roots_give_one_identity(repo: Path, git: Git) -> None:
    before = {git(repo, "rev-parse", "HEAD")}
    git(repo, "checkout", "-q", "--orphan", "other")
    git(repo, "commit", "-q", "--allow-empty", "-m", "another root")
    roots = before | {git(repo, "rev-parse", "HEAD")}
    assert (await identify(repo)).id == min(roots)


async def test_git_is_asked_once(repo: Path, tmp_path: Path, git: Git) -> None:
    program = LocalExec()
    identities = Identities(program)
    await identities.of(str(repo))
    asked = len(program.calls)
    await identities.of(str(repo))
    assert len(program.calls) == asked
    git(tmp_path, "init", "-q", "empty")
    await identities.of(str(tmp_path / "empty"))
    git(tmp_path / "empty", "commit", "-q", "--allow-empty", "-m", "root")
    assert (await identities.of(str(tmp_path / "empty"))).id != GLOBAL
