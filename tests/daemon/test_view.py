"""Which places a command sees: the plan, on file systems that are made up."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from oad.contract.policy import Profile
from oad.contract.sandbox import Confinement
from oad.daemon.view import Found, Kind, Mount, is_below, look, outermost, parents, plan_view


def disk(
    *directories: str, files: tuple[str, ...] = (), links: dict[str, str] | None = None
) -> Callable[[str], Found | None]:
    known = {parent for path in (*directories, *files) for parent in (path, *parents(path))}

    def look(path: str) -> Found | None:
        for link, target in (links or {}).items():
            if is_below(path, link):
                path = target + path[len(link) :]
        return Found(path, path not in files) if path in known else None

    return look


def kind_at(mounts: list[Mount], path: str, root: Kind = "read") -> str:
    around = [mount for mount in mounts if is_below(path, mount.path)]
    return max(around, key=lambda mount: len(mount.path)).kind if around else root


def confinement(**fields: object) -> Confinement:
    base = {
        "level": "namespaces",
        "profile": "workspace",
        "ceiling": "full",
        "scratch": "/data/s",
        "private": ("/data",),
    }
    return Confinement(**{**base, **fields})  # type: ignore[arg-type]


HOST = ("/w/src", "/w/.git/hooks", "/home/u/.ssh", "/home/u/.config/gcloud", "/home/u/.config/git", "/run/user",
        "/tmp/x",
        "/var/tmp", "/data/s/tmp", "/data/s/tool-output", "/data/other", "/etc", "/usr/bin")  # fmt: skip
FILES = ("/home/u/.netrc", "/w/.git/config", "/etc/resolv.conf", "/etc/shadow")
HIDDEN = ("/home/u/.ssh", "/home/u/.config/gcloud", "/home/u/.netrc", "/home/u/.kube")


def test_a_workspace() -> None:
    found = confinement(writable=("/w",), protected=("/w/.git/hooks", "/w/.git/config", "/w/none"), hidden=HIDDEN)
    mounts = plan_view(found, "workspace", disk(*HOST, files=FILES))
    kinds = {path: kind_at(mounts, path) for path in
             ("/w/src", "/w/.git/hooks/x", "/w/.git/config", "/w/.git/index", "/home/u/.ssh/id", "/home/u/.config/git",
              "/home/u/.config/gcloud/x", "/home/u/.netrc", "/run/user", "/tmp/x", "/data/other",
              "/data/s/tool-output/a",
              "/data/s/secret", "/etc/shadow", "/usr/bin")}  # fmt: skip
    assert kinds == {
        "/w/src": "write", "/w/.git/hooks/x": "read", "/w/.git/config": "read", "/w/.git/index": "write",
        "/home/u/.ssh/id": "hide", "/home/u/.config/git": "read", "/home/u/.config/gcloud/x": "hide",
        "/home/u/.netrc": "hide-file", "/run/user": "hide", "/tmp/x": "tmp", "/data/other": "hide",
        "/data/s/tool-output/a": "read", "/data/s/secret": "hide", "/etc/shadow": "hide-file", "/usr/bin": "read",
    }  # fmt: skip
    assert not [mount for mount in mounts if mount.path in ("/w/none", "/home/u/.kube")], "what is missing is skipped"
    assert Mount("/w/.git", "write") in mounts, "or it could be renamed, and another put in its place"


def test_only_reading() -> None:
    mounts = plan_view(confinement(writable=("/w", "/tmp/x")), "read-only", disk(*HOST, files=FILES))
    assert kind_at(mounts, "/w/src") == kind_at(mounts, "/tmp/x") == "read"
    assert "write" not in {mount.kind for mount in mounts}


def test_full_hides_only_what_is_private() -> None:
    mounts = plan_view(confinement(writable=("/w",), hidden=HIDDEN), "full", disk(*HOST, files=FILES))
    assert {mount.path for mount in mounts if mount.kind.startswith("hide")} == {"/data"}


def test_the_home_as_workspace() -> None:
    found = confinement(writable=("/home/u",), hidden=HIDDEN)
    mounts = plan_view(found, "workspace", disk(*HOST, files=FILES))
    assert kind_at(mounts, "/home/u/.ssh") == "hide"
    assert kind_at(mounts, "/home/u/code") == "write"
    assert Mount("/home/u/.config", "write") in mounts, "moved away, it would take what is hidden in it along"


def test_links_are_hidden_where_they_lead() -> None:
    look = disk(*HOST, "/vault/keys", links={"/home/u/.aws": "/vault/keys"})
    mounts = plan_view(confinement(hidden=("/home/u/.aws",)), "workspace", look)
    assert kind_at(mounts, "/vault/keys/x") == "hide"


def test_a_workspace_below_a_private_place() -> None:
    look = disk(*HOST, "/data/worktrees/a")
    mounts = plan_view(confinement(writable=("/data/worktrees/a",)), "workspace", look)
    assert kind_at(mounts, "/data/worktrees/a/x") == "write"
    assert kind_at(mounts, "/data/worktrees/b") == "hide"


def test_a_minimal_root() -> None:
    look = disk(*HOST, files=FILES, links={"/bin": "/usr/bin"})
    mounts = plan_view(confinement(root="minimal", writable=("/w",)), "workspace", look)
    assert kind_at(mounts, "/usr/bin", "hide") == "read"
    assert kind_at(mounts, "/home/u", "hide") == "hide"
    assert Mount("/bin", "link", "/usr/bin") in mounts


def test_a_worker_reaches_its_scratch() -> None:
    mounts = plan_view(confinement(writable=("/w",)), "workspace", disk(*HOST, files=FILES), worker=True)
    assert kind_at(mounts, "/data/s/tool-output/a") == "write"
    assert kind_at(mounts, "/data/other") == "hide"


names = st.sampled_from(["a", "b", "c", ".d"])
places = st.lists(names, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
sets = st.lists(places, max_size=5, unique=True).map(tuple)


@given(sets, sets, sets, sets, places)
def test_the_more_specific_decides_and_hiding_wins(
    writable: tuple[str, ...], hidden: tuple[str, ...], protected: tuple[str, ...], exposed: tuple[str, ...], path: str
) -> None:
    found = confinement(writable=writable, hidden=hidden, protected=protected, exposed=exposed)
    mounts = plan_view(found, "workspace", disk(*writable, *hidden, *protected, *exposed, path))
    rules = [*((place, 3) for place in hidden), *((place, 2) for place in (*protected, *exposed)),
             *((place, 1) for place in writable)]  # fmt: skip
    deciding = max(((len(place), rank) for place, rank in rules if is_below(path, place)), default=(0, 0))[1]
    assert kind_at(mounts, path) == {0: "read", 1: "write", 2: "read", 3: "hide"}[deciding]


@given(sets, sets, sets)
def test_parents_come_first_and_nothing_twice(
    writable: tuple[str, ...], hidden: tuple[str, ...], protected: tuple[str, ...]
) -> None:
    found = confinement(writable=writable, hidden=hidden, protected=protected)
    paths = [mount.path for mount in plan_view(found, "workspace", disk(*writable, *hidden, *protected))]
    assert len(paths) == len(set(paths))
    assert all(paths.index(parent) < at for at, path in enumerate(paths) for parent in parents(path) if parent in paths)


@given(sets, sets, sets, st.sampled_from(["read-only", "workspace"]))
def test_no_profile_writes_outside_the_writable(
    writable: tuple[str, ...], hidden: tuple[str, ...], protected: tuple[str, ...], profile: Profile
) -> None:
    found = confinement(writable=writable, hidden=hidden, protected=protected)
    for mount in plan_view(found, profile, disk(*writable, *hidden, *protected)):
        if mount.kind == "write":
            assert profile == "workspace"
            assert any(is_below(mount.path, place) for place in writable)


@given(st.lists(places))
def test_outermost(paths: list[str]) -> None:
    kept = outermost(paths)
    assert all(any(is_below(path, place) for place in kept) for path in paths)
    assert not any(is_below(a, b) for a in kept for b in kept if a != b)


def test_looking_at_the_real_disk(tmp_path: object) -> None:
    assert look("/proc/self/no such file") is None
    assert look("/etc/passwd") == Found("/etc/passwd", is_directory=False)
    assert look("/proc/self/cwd/..") is not None
