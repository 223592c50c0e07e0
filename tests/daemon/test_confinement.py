"""From policy and wish to a confinement, on real directories."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oad.contract.policy import NetworkMode, NetworkPolicy, Policy, Profile, SandboxPolicy
from oad.contract.sandbox import PROFILES, SandboxWish
from oad.daemon.confinement import Confiner, WorkspaceHidden

NETWORKS: tuple[NetworkMode, ...] = ("off", "allow", "on")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("home/.ssh", "home/code", "data", "scratch", "other", "work/sub"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path / "home"


def confiner(home: Path, **sandbox: object) -> Confiner:
    policy = Policy(sandbox=SandboxPolicy(**sandbox))  # type: ignore[arg-type]
    return Confiner(policy, [home.parent / "data"], home=str(home))


def test_paths_are_resolved_and_those_inside_others_left_out(home: Path) -> None:
    work = home.parent / "work"
    (home / "link").symlink_to(work)
    found = confiner(home).confine([str(home / "link"), str(work / "sub")], home.parent / "scratch")
    assert found.writable == (str(work),)
    assert found.private == (str(home.parent / "data"),)
    assert str(home / ".ssh") in found.hidden
    assert (found.level, found.profile, found.ceiling, found.network) == ("namespaces", "workspace", "full", "on")


def test_a_directory_that_was_exchanged_for_a_link_gives_nothing(home: Path) -> None:
    """The workspace of a session is a part of its worktree; a command has put a link to the home in its place."""
    work = home.parent / "work"
    (work / "sub").rmdir()
    (work / "sub").symlink_to(home / ".ssh")
    with pytest.raises(WorkspaceHidden):
        confiner(home).confine([str(work / "sub")], home.parent / "scratch")


def test_further_places(home: Path) -> None:
    (home / ".cache").mkdir()
    found = confiner(
        home, writable=("~/.cache",), expose=(".ssh/known_hosts",), hide=("/etc/machine-id", ".ssh")
    ).confine([str(home / "code")], home.parent / "scratch")
    assert set(found.writable) == {str(home / ".cache"), str(home / "code")}
    assert str(home / ".ssh/known_hosts") in found.exposed
    assert set(found.hidden) == {"/etc/machine-id", str(home / ".ssh")}


@pytest.mark.parametrize("place", ["home/.ssh", "data"])
def test_nobody_works_in_a_hidden_place(home: Path, place: str) -> None:
    with pytest.raises(WorkspaceHidden):
        confiner(home).confine([str(home.parent / place)], home.parent / "scratch")


def test_workspaces_of_others_are_hidden_but_not_what_one_needs(home: Path) -> None:
    base = home.parent
    others = [str(base / "other"), str(base), str(home), "/", "/usr", str(base / "work"), str(base / "work/sub")]
    found = confiner(home).confine([str(base / "work")], base / "scratch", others=others)
    assert [path for path in found.hidden if path in others] == [str(base / "other")]


@given(
    profile=st.sampled_from(PROFILES),
    ceiling=st.sampled_from(PROFILES),
    wanted=st.one_of(st.none(), st.sampled_from(PROFILES)),
    network=st.sampled_from(NETWORKS),
    wished=st.one_of(st.none(), st.sampled_from(NETWORKS)),
)
def test_no_wish_exceeds_the_ceiling(
    profile: Profile, ceiling: Profile, wanted: Profile | None, network: NetworkMode, wished: NetworkMode | None
) -> None:
    policy = Policy(sandbox=SandboxPolicy(profile=profile, ceiling=ceiling), network=NetworkPolicy(mode=network))
    decided = Confiner(policy, [], home="/h").decide(SandboxWish(profile=wanted, network=wished))
    assert PROFILES.index(decided[0]) == min(PROFILES.index(wanted or profile), PROFILES.index(ceiling))
    assert NETWORKS.index(decided[1]) == min(NETWORKS.index(wished or network), NETWORKS.index(network))


def test_of_its_own_places_oad_lends_only_worktrees(home: Path) -> None:
    data = home.parent / "data"
    worktree = data / "worktree/0123/calm-otter"
    (worktree / "src").mkdir(parents=True)
    (data / "audit").mkdir()
    found = Confiner(Policy(), [data], home=str(home), worktrees=data / "worktree")
    for place in (worktree, worktree / "src"):
        assert found.confine([str(place)], home.parent / "scratch").writable == (str(place),)
    for place in (data / "audit", data / "worktree", data / "worktree/0123"):
        with pytest.raises(WorkspaceHidden):
            found.confine([str(place)], home.parent / "scratch")


def test_what_ties_worktrees_to_a_repository_changes_only_for_git_itself(home: Path) -> None:
    git = home / "code/.git"
    (git / "worktrees/one").mkdir(parents=True)
    (git / "objects").mkdir()
    for name in ("HEAD", "config", "worktrees/one/gitdir", "worktrees/one/config.worktree"):
        (git / name).touch()
    ties = {str(git / "worktrees/one/gitdir"), str(git / "worktrees/one/config.worktree")}
    usual = confiner(home).confine([str(home / "code")], home.parent / "scratch")
    assert {*ties, str(git / "config")} <= {*usual.protected}
    alone = confiner(home).confine([str(git)], home.parent / "scratch", relinking=True)
    assert str(git / "config") in alone.protected
    assert not ties & {*alone.protected}
